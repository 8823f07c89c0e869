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
_YOUNG = 60.0  # seconds: younger ones may not have been locked yet
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
    part = path.parent / f".tfdeblur-{secrets.token_hex(8)}.part"
    try:
        # Not tempfile: its files can be read by their owner only, and this one stays.
        with open(part, "xb") as file:
            _lock(file)  # until it is complete, and then it is young for long enough
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)  # gone already when all went well


def remove_unfinished(folder: str | os.PathLike[str]) -> None:
    """Removes the hidden files in a folder that no living process is writing.

    A writer locks its file, and the system unlocks it whatever becomes of the process. Where
    locks do not work, only files of yesterday are removed.
    """
    with contextlib.suppress(OSError):  # a folder that is not there, or not ours
        for part in Path(folder).glob(_PARTS):
            with contextlib.suppress(OSError):  # another process was quicker
                if _is_left(part):
                    part.unlink()


def _is_left(part: Path) -> bool:
    age = time.time() - part.stat().st_mtime
    if age > _OLD:
        return True
    if age < _YOUNG or fcntl is None:
        return False
    with open(part, "rb") as file:
        return _lock(file)


def _lock(file: IO[bytes]) -> bool:
    """Whether the file is this process's now; False also where there are no locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
