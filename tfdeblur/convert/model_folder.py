"""Writes a converted network as a folder that `--model` takes: all of it, or nothing."""

import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models.shipped import CARD_FILE, GENERATOR_FILE, README_FILE

_OURS = (GENERATOR_FILE, CARD_FILE, README_FILE)
LICENCE_FILE = re.compile(r"(licen[cs]e|notice|copying)([._-].*)?", re.IGNORECASE)


def check_target(out: str | os.PathLike[str], overwrite: bool) -> Path:
    """Returns the folder to write, links followed, if it may be written.

    Args:
        out: new, or an empty folder.
        overwrite: bool; whether it may be one that `write_model_folder` wrote.

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
    others = [name for name in held if name not in _OURS and not LICENCE_FILE.fullmatch(name)]
    if others or not {GENERATOR_FILE, CARD_FILE} <= set(held):
        reason = f"it holds {others[0]!r}" if others else f"it holds no {GENERATOR_FILE} and card"
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
    folder = check_target(out, overwrite)
    begun = folder.with_name(f".{folder.name}.tmp-{os.getpid()}-{time.time_ns()}")
    try:
        text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
        _fill(begun, network, {**files, CARD_FILE: text.encode()})
        check_target(out, overwrite)  # it took a while
        _put(begun, folder)
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error}") from error
    finally:
        shutil.rmtree(begun, ignore_errors=True)  # gone already when all went well
    return folder


def _fill(folder: Path, network, files: Mapping[str, bytes]) -> None:
    import keras

    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    path = folder / GENERATOR_FILE
    network.save(path)
    again = keras.saving.load_model(path, compile=False)
    pairs = zip(network.weights, again.weights, strict=True)
    if not all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs):
        raise DataError(f"{path} does not hold the weights that were written to it.")
    for path in folder.iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())  # after the rename all must be there


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
