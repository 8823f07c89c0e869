"""Writes a converted network as a folder that `--model` takes: all of it, or nothing."""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfdeblur.convert.package import is_licence
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models.shipped import CARD_FILE, GENERATOR_FILE, README_FILE

Marks = tuple[str, ...]
_MARKS = (GENERATOR_FILE, CARD_FILE)


def check_target(
    out: str | os.PathLike[str], overwrite: bool, marks: Marks = _MARKS, others: Marks = ()
) -> Path:
    """Returns the folder to write, links followed, if it may be written.

    Args:
        out: new, or an empty folder.
        overwrite: bool; whether it may be one that was written before.
        marks: files that such a folder holds, beside a README and licences.
        others: files that it may hold as well.

    Raises:
        InvalidInput: if it is anything else. A folder with other files in it is never replaced.
    """
    if not os.fspath(out):
        raise InvalidInput("`out` must be the name of a folder. Received: out=''")
    try:
        folder = Path(out).resolve()
        held = sorted(os.listdir(folder)) if os.path.lexists(folder) else []
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidInput(
            f"`out` must be a folder, new or empty. Received: out={os.fspath(out)!r} ({reason})"
        ) from error
    if not held:
        _check_parent(folder, out)
        return folder
    if not overwrite:
        raise InvalidInput(
            f"`out` must be new or empty. Received: out={os.fspath(out)!r}, which holds "
            f"{held[0]!r}. Name another folder, or replace this model with --overwrite."
        )
    ours = (*marks, *others, README_FILE)
    foreign = [name for name in held if name not in ours and not is_licence(name)]
    if foreign or not set(marks) <= set(held):
        reason = f"it holds {foreign[0]!r}" if foreign else f"it holds no {' and '.join(marks)}"
        raise InvalidInput(
            f"`out` is no folder that was written by a conversion, and so it is not replaced: "
            f"{reason}. Received: out={os.fspath(out)!r}"
        )
    return folder


def _check_parent(folder: Path, out: str | os.PathLike[str]) -> None:
    """Tells before the work, not after it, that no folder can be made beside `out`."""
    above = next(parent for parent in folder.parents if os.path.lexists(parent))
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise InvalidInput(
            f"`out` must be a folder that can be written to. Received: out={os.fspath(out)!r} "
            f"({above} is no folder, or write-protected)"
        )


def write_model_folder(
    out: str | os.PathLike[str],
    network,
    card: Mapping[str, Any],
    files: Mapping[str, bytes],
    overwrite: bool = False,
) -> Path:
    """Writes network, card and files into a folder beside `out`, loads it once, and renames it.

    Args:
        out: folder, as `check_target` takes it.
        network: keras.Model.
        card: what `card.json` holds.
        files: further files by name.
        overwrite: see `check_target`.

    Returns:
        The folder, links followed.

    Raises:
        InvalidInput: see `check_target`.
        DataError: if the folder cannot be written, or the network does not come back from it.
    """
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"

    def fill(folder: Path) -> None:
        write_files(folder, {**files, CARD_FILE: text.encode()})
        _save(network, folder / GENERATOR_FILE)

    return write_folder(out, fill, overwrite)


def write_folder(
    out: str | os.PathLike[str],
    fill: Callable[[Path], None],
    overwrite: bool = False,
    marks: Marks = _MARKS,
    others: Marks = (),
) -> Path:
    """Lets a folder be filled beside `out`, and renames it: all of it is there, or nothing.

    Args:
        out, overwrite, marks, others: as `check_target` takes them.
        fill: writes plain files into the new folder that it is given.

    Returns:
        The folder, links followed.

    Raises:
        InvalidInput: see `check_target`.
        DataError: if the folder cannot be written.
    """
    folder = check_target(out, overwrite, marks, others)
    begun = folder.with_name(f".{folder.name}.tmp-{os.getpid()}-{time.time_ns()}")
    try:
        begun.mkdir(parents=True)
        fill(begun)
        for path in begun.iterdir():
            with open(path, "rb") as file:
                os.fsync(file.fileno())  # after the rename all must be there
        check_target(out, overwrite, marks, others)  # it took a while
        _put(begun, folder)
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error}") from error
    finally:
        shutil.rmtree(begun, ignore_errors=True)  # gone already when all went well
    return folder


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files, by name, into a folder."""
    for name, data in files.items():
        (folder / name).write_bytes(data)


def _save(network, path: Path) -> None:
    import keras

    network.save(path)
    again = keras.saving.load_model(path, compile=False)
    pairs = zip(network.weights, again.weights, strict=True)
    if not all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs):
        raise DataError(f"{path} does not hold the weights that were written to it.")


def _put(begun: Path, folder: Path) -> None:
    """Renames; what was there before is removed after that, and put back if it fails."""
    before = None
    if folder.exists():
        before = begun.with_name(begun.name + "-before")
        os.rename(folder, before)
    try:
        os.rename(begun, folder)
    except OSError:
        if before is not None:
            os.rename(before, folder)
        raise
    if before is not None:
        shutil.rmtree(before, ignore_errors=True)
