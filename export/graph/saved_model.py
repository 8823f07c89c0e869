"""Writes a model as a version that TensorFlow Serving takes up: whole, checked, or not at all."""

import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import tensorflow as tf

from export.graph.guards import Limits
from export.graph.manifest import MANIFEST, manifest, to_bytes
from export.graph.self_check import check_version
from export.graph.served import Served, served_model
from export.graph.serving_config import (
    BATCHING_OF_A_VERSION,
    check_models_config,
    write_serving_files,
)
from export.graph.signatures import signature_functions
from export.graph.sizes import (
    check_largest,
    check_sizes,
    check_tile,
    default_max_pixels,
    is_count,
)
from export.graph.warmup import WARMUP_FILE, warmup_records, write_warmup
from tfdeblur import limits
from tfdeblur.errors import DataError, InvalidInput

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_VERSION = re.compile(r"[0-9]+")
_BEGUN = ".tmp-"  # TensorFlow Serving overlooks folders whose names are no numbers
_GIVEN_UP_SECONDS = 24 * 3600

Progress = Callable[[str], None]


def export_model(
    model,
    root: str | os.PathLike[str],
    name: str = "deblur",
    version: int | None = None,
    max_pixels: int | None = None,
    *,
    warmup: Iterable[tuple[int, int]] = (),
    fixed_tile: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Writes a model as `root/name/version` for TensorFlow Serving, files of its set-up beside.

    The version is written under a name that no server takes up, loaded and run as a server does,
    and only then renamed: servers that watch the folder meet it whole.

    Args:
        model: `Restorer`, `InPasses`, `BlindRestorer`, network, run folder, name of a preset or
            path of a `.keras` file. The precision of a restorer is not exported: a server has
            its own settings. Its tiles are where they change what comes out (MAXIM, norms over
            the whole image, adopted networks); other networks see whole images.
        root: folder of all models of a server; made if missing.
        name: str, letters, digits, "_", "-" and ".", what requests call the model.
        version: int >= 1; None: one more than the highest there.
        max_pixels: int >= 1, the most pixels (images x height x width) of a request, counted as
            the network sees them, padded to its multiples; larger ones are refused by the graph
            itself, before anything is computed. None: 3840 x 2160 where the network sees tiles,
            else as many as 8 GB of working memory hold, at most as many.
        warmup: sizes `(height, width)`, pixels, that a server runs before the version is available.
        fixed_tile: int, pixels: also writes `root/name_tile/version`, for images of that height
            and width only, which a server may batch. Not for RP-GAN, whose solver needs whole
            images.
        progress: called with a line of text as each step begins.

    Returns:
        Folder of the version (of the model for all sizes).

    Raises:
        InvalidInput: if an argument is not one of the above, or the version exists.
        DataError: if the model cannot be loaded, or the disk is full or cannot be written.
        CheckFailed: if what was written does not give what the model gives.
    """
    warmup = _checked_arguments(name, version, max_pixels, warmup)
    root, tell = Path(root), progress or (lambda text: None)
    check_models_config(root)
    if isinstance(model, str | os.PathLike):
        tell(f"loading {os.fspath(model)}")
    served = served_model(model)
    if max_pixels is None:
        max_pixels = default_max_pixels(served)
        tell(f"requests of up to {max_pixels} pixels will be answered, larger ones refused")
    check_sizes(warmup, served, max_pixels)
    check_tile(fixed_tile, served, max_pixels)
    check_largest(served, warmup, fixed_tile)
    tell("tracing the graph")
    _ = served.restore  # tells models that do not restore, before anything is written
    servables = [_Servable(root / name, None, warmup)]
    if fixed_tile is not None:
        size = (fixed_tile, fixed_tile)
        servables.append(_Servable(root / f"{name}_tile", fixed_tile, (size,)))
    number = _free_version([one.base for one in servables], version)
    try:
        for one in servables:
            tell(f"writing {one.base.name} version {number}")
            _write_beside(one, served, max_pixels)
            tell("checking it as a server loads it")
            check_version(one.begun, served, one.side)
            _flush(one.begun)
        # Last first: what was asked for is there only when all is.
        *_, folder = [_take_name(one, number, version) for one in reversed(servables)]
        write_serving_files(root, [one.base.name for one in servables])
        return folder
    except (OSError, tf.errors.OpError) as error:
        raise _cannot_write(root, error) from error
    finally:
        for one in servables:
            shutil.rmtree(one.begun, ignore_errors=True)  # gone already when all went well


class _Servable:
    """One model folder of an export.

    Attributes:
        base: folder of all its versions.
        side: int, pixels, where images must have one size; or None.
        warmup: sizes `(height, width)`, pixels.
        begun: folder that the version is written to before it gets its name.
    """

    def __init__(self, base: Path, side: int | None, warmup: tuple[tuple[int, int], ...]):
        self.base = base
        self.side = side
        self.warmup = warmup
        self.begun = base / f"{_BEGUN}{os.getpid()}-{time.time_ns()}"


def _write_beside(one: _Servable, served: Served, max_pixels: int) -> None:
    one.base.mkdir(parents=True, exist_ok=True)
    _sweep(one.base)
    side, folder = one.side, one.begun
    # Traced anew for one size, TensorFlow knows all shapes of the graph.
    restore = served.restore if side is None else served.body
    limits = Limits(max_pixels, served.padded_to, side)
    functions = signature_functions(restore, limits, estimates_motion=served.estimates_motion)
    signatures = {key: f.get_concrete_function() for key, f in functions.items()}
    records = warmup_records(one.base.name, signatures, one.warmup)
    module = tf.Module()
    # Variables only: the networks themselves live on in the functions that close over them.
    module.weights = served.variables()
    try:
        tf.saved_model.save(module, str(folder), signatures=signatures)
    except AssertionError as error:  # of TensorFlow, about variables that nobody keeps
        raise InvalidInput(
            "`model` must be a network that lists all its weights in `variables`: its graph uses "
            "others."
        ) from error
    described = manifest(served, signatures, max_pixels=max_pixels, side=side, warmup=one.warmup)
    (folder / MANIFEST).parent.mkdir()
    (folder / MANIFEST).write_bytes(to_bytes(described))
    if records:
        write_warmup(folder / WARMUP_FILE, records)
    if side is not None:
        (folder / "batching_params.pbtxt").write_text(BATCHING_OF_A_VERSION)


def _free_version(bases: Iterable[Path], version: int | None) -> int:
    """A number that is free in all folders; whatever has a number for a name is a version."""
    taken = {
        int(path.name)
        for base in bases
        if base.is_dir()
        for path in base.iterdir()
        if _VERSION.fullmatch(path.name)
    }
    if version is None:
        return max(taken, default=0) + 1
    if version in taken:
        raise InvalidInput(
            f"`version` exists, and versions are never overwritten: a server would not notice. "
            f"Received: version={version}. The next free one is {max(taken) + 1}; leave `version` "
            "out to get it."
        )
    return version


def _take_name(one: _Servable, number: int, version: int | None) -> Path:
    """Renames; if another export was quicker, takes the next number unless one was asked for."""
    while True:
        try:
            os.rename(one.begun, one.base / str(number))
            break
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
            number = _free_version([one.base], version)
    _flush_folder(one.base)
    return one.base / str(number)


def _flush(folder: Path) -> None:
    """Puts all files on the disk: a name must not survive a power cut that its contents do not."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        else:
            _flush_folder(path)
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(base: Path) -> None:
    """Removes what exports that were killed have left; running ones are younger."""
    for left in base.glob(f"{_BEGUN}*"):
        if time.time() - left.stat().st_mtime > _GIVEN_UP_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _cannot_write(folder: Path, error: Exception) -> DataError:
    reason = getattr(error, "strerror", None) or getattr(error, "message", None) or error
    return DataError(
        f"{folder} cannot be written: {str(reason).splitlines()[0]}. Nothing was changed there; "
        "make room or choose another `root`, and export again."
    )


def _checked_arguments(name, version, max_pixels, warmup) -> tuple[tuple[int, int], ...]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput(
            "`name` must begin with a letter and hold letters, digits, '_', '-' and '.' only. "
            f"Received: name={name!r}"
        )
    if version is not None and not is_count(version):
        raise InvalidInput(f"`version` must be a whole number >= 1. Received: version={version!r}")
    if max_pixels is not None and not is_count(max_pixels):
        raise InvalidInput(
            f"`max_pixels` must be a whole number from 1 to {limits.MOST_COUNTED}. "
            f"Received: max_pixels={max_pixels!r}"
        )
    sizes = tuple(warmup)
    for size in sizes:
        if not isinstance(size, tuple | list) or len(size) != 2 or not all(map(is_count, size)):
            raise InvalidInput(
                f"`warmup` must be sizes (height, width) in pixels. Received: {size!r}"
            )
    return tuple((height, width) for height, width in sizes)
