"""Files that are written as a whole or not at all."""

import contextlib
import os
import secrets
import time
from pathlib import Path
from typing import IO

from tfdeblur.errors import DataError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PARTS = ".tfdeblur-*.part"
_OLD = 24 * 3600.0  # seconds: nobody writes one file that long, where locks cannot tell

_swept: set[Path] = set()  # folders that this process has looked through


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file as a whole or not at all.

    The bytes go to a hidden file in the same folder, which takes the name of `path` once they
    are safely on the disk. Whatever stood at `path` stays until then. Hidden files that killed
    processes left in that folder are removed, those of living ones are not.

    Raises:
        DataError: if the disk is full, the folder is missing or may not be written.
    """
    path = Path(path)
    if path.parent not in _swept:
        _swept.add(path.parent)
        remove_unfinished(path.parent)
    part = None
    try:
        part, file = _new_part(path.parent)
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.replace(part, path)  # while it is locked
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)  # gone already when all went well


def _new_part(folder: Path) -> tuple[Path, IO[bytes]]:
    """A new hidden file, locked where that can be done."""
    while True:
        part = folder / f".tfdeblur-{secrets.token_hex(8)}.part"
        # Not tempfile: its files can be read by their owner only, and this one stays.
        file = open(part, "xb")  # noqa: SIM115 (the caller closes it)
        if not _lock(file) or os.fstat(file.fileno()).st_nlink:
            return part, file
        file.close()  # taken for one that was left, in the moment before it was locked


def remove_unfinished(folder: str | os.PathLike[str]) -> None:
    """Removes the hidden files in a folder that no living process is writing.

    A writer locks its file, and the system unlocks it whatever becomes of the process. Where
    locks do not work, only files of yesterday are removed.
    """
    with contextlib.suppress(OSError):  # a folder that is not there, or not ours
        for part in Path(folder).glob(_PARTS):
            with contextlib.suppress(OSError):  # another process was quicker
                _remove_if_left(part)


def _remove_if_left(part: Path) -> None:
    if time.time() - part.stat().st_mtime > _OLD:
        part.unlink()
    elif fcntl is not None:
        with open(part, "rb") as file:
            if _lock(file, fcntl.LOCK_NB):
                part.unlink()  # while it is locked: see `_new_part`


def _lock(file: IO[bytes], how: int = 0) -> bool:
    """Whether the file is this process's now; False also where there are no locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | how)
    except OSError:
        return False
    return True
