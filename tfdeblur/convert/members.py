"""Members of a packed archive, each checked before what follows it is unpacked."""

import gzip
import posixpath
import re
import tarfile
from pathlib import Path
from typing import Any

from tfdeblur import limits
from tfdeblur.errors import DataError

_CHUNK = 2**20


def check_name(name: object, where: str) -> str:
    """Returns the name of a file, in its plainest form, if it is one inside of its folder.

    Raises:
        DataError: if it is absolute, leads outside, or is no name at all.
    """
    text = name if isinstance(name, str) else ""
    outside = re.match(r"/|[A-Za-z]:", text) or ".." in text.split("/")
    if not text or "\0" in text or "\\" in text or outside:
        raise DataError(
            f"{where}: {name!r:.200} is refused, as it is no name of a file inside of the package."
        )
    return posixpath.normpath(text)


class _Bounded:
    """An unpacked archive for tarfile, which believes the lengths that it finds in headers."""

    def __init__(self, file: gzip.GzipFile, path: Path):
        self._file, self._path = file, path

    def read(self, count: int) -> bytes:
        if not 0 <= count <= limits.MOST_BYTES_OF_A_HEADER:
            raise tarfile.ReadError(f"a header in it claims {count} bytes")
        return self._file.read(count)

    def seek(self, position: int) -> int:
        return self._file.seek(position)

    def tell(self) -> int:
        return self._file.tell()


def read_members(unpacked: gzip.GzipFile, path: Path) -> dict[str, tarfile.TarInfo]:
    """Plain files by name. Looks at each header before what follows it is unpacked."""
    found: dict[str, tarfile.TarInfo] = {}
    total = 0
    bounded: Any = _Bounded(unpacked, path)
    with tarfile.open(fileobj=bounded, mode="r:") as archive:
        for count, member in enumerate(archive, start=1):
            name = check_name(member.name, str(path))
            total += abs(member.size)  # a header can claim less than nothing
            if total > limits.MOST_BYTES_OF_A_PACKAGE or count > limits.MOST_MEMBERS:
                raise DataError(
                    f"{path} is refused: it unpacks to more than "
                    f"{limits.MOST_BYTES_OF_A_PACKAGE / 1e9:g} GB or "
                    f"{limits.MOST_MEMBERS} files; the package of MAXIM unpacks to 0.12 GB."
                )
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                raise DataError(f"{path}: {name} is refused, as it is a link or no plain file.")
            if name in found:
                raise DataError(f"{path} is damaged: it holds {name} twice.")
            found[name] = member
        _check_end(unpacked, archive.offset)
    return found


def _check_end(unpacked: gzip.GzipFile, position: int) -> None:
    """What follows the last member must be zeros, up to a checksum that fits.

    At a header that is damaged, tarfile ends as if the archive did: the files after it would be
    missing without a word. And gzip compares its checksum only when the end is read.
    """
    unpacked.seek(position)
    for _ in range(limits.MOST_BYTES_OF_A_PACKAGE // _CHUNK):
        chunk = unpacked.read(_CHUNK)
        if not chunk:
            return
        if chunk.strip(b"\0"):
            raise tarfile.ReadError("something that is no file follows its last file")
    raise tarfile.ReadError("it does not end")
