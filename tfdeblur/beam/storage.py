"""Files of any file system that Beam knows, as local ones: fetched, and written whole or not."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from tfdeblur.errors import DataError

BEGUN = ".tfdeblur-beam"  # folder below the results', for files that are being written
_MAGIC = "*?["
_PLAIN = CompressionTypes.UNCOMPRESSED  # by its ending, a .gz would be unpacked


def is_local(path: str) -> bool:
    """Whether a path is one of this machine's own file system."""
    return FileSystems.get_scheme(path) is None


def name_of(path: str) -> str:
    """The bare name of a file."""
    return PurePosixPath(path.replace(os.sep, "/")).name


@contextlib.contextmanager
def fetched(path: str, folder: Path) -> Iterator[Path]:
    """The file within the block, as one of this machine; copied to `folder` where it is none."""
    if is_local(path):
        yield Path(path)
        return
    copy = folder / name_of(path)
    with FileSystems.open(path, compression_type=_PLAIN) as source, copy.open("wb") as target:
        shutil.copyfileobj(source, target)
    try:
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def place_of(out: str, relative: str) -> str:
    """The path of `relative` below the folder `out`."""
    return FileSystems.join(out, *relative.split("/"))


def is_same(path: str, other: str) -> bool:
    """Whether two paths are those of one file."""
    if is_local(path) and is_local(other):
        return os.path.realpath(path) == os.path.realpath(other)
    return path == other


def put(file: Path, target: str, out: str) -> None:
    """Writes a file as `target` below `out`, whole or not at all; in the place of what is there."""
    begun = FileSystems.join(out, BEGUN, uuid.uuid4().hex)
    for folder in {os.path.dirname(target), os.path.dirname(begun)}:
        _make(folder)
    try:
        with FileSystems.create(begun, compression_type=_PLAIN) as written, file.open("rb") as read:
            shutil.copyfileobj(read, written)
        FileSystems.rename([begun], [target])
    except BaseException:
        with contextlib.suppress(Exception):  # the first error is what counts
            FileSystems.delete([begun])
        raise


def exists(path: str) -> bool:
    """Whether there is a file of that name."""
    return FileSystems.exists(path)


def matched(pattern: str) -> list[tuple[str, str]]:
    """Files of a pattern, each with its path below the pattern's fixed part, sorted.

    Raises:
        DataError: if nothing matches, or it cannot be looked at.
    """
    try:
        (found,) = FileSystems.match([pattern])
    except Exception as error:  # each file system has its own
        raise DataError(f"{pattern} cannot be read: {error}") from error
    paths = sorted(one.path for one in found.metadata_list)
    if not paths:
        raise DataError(f"The pattern matches no file. Received: input={pattern!r}")
    fixed = pattern[: min(pattern.find(c) for c in _MAGIC if c in pattern)] if _has(pattern) else ""
    base = fixed.rpartition("/")[0] + "/" if fixed else pattern.rpartition("/")[0] + "/"
    return [(path, path.removeprefix(base)) for path in paths]


def lines(folder: str, pattern: str) -> list[str]:
    """The lines of the text files of a folder."""
    if not FileSystems.exists(folder):
        return []
    (found,) = FileSystems.match([FileSystems.join(folder, pattern)])
    texts = []
    for one in found.metadata_list:
        with FileSystems.open(one.path, compression_type=_PLAIN) as file:
            texts += file.read().decode().splitlines()
    return texts


def remove(folder: str) -> None:
    """Removes a folder with what is in it; one that is not there is none."""
    with contextlib.suppress(Exception):  # of what is left over
        FileSystems.delete([folder])


def _has(pattern: str) -> bool:
    return any(one in pattern for one in _MAGIC)


def _make(folder: str) -> None:
    try:
        FileSystems.mkdirs(folder)
    except OSError:  # there already, or made by another worker meanwhile
        if not FileSystems.exists(folder):
            raise
