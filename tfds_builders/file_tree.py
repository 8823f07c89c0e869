"""The files of a data set, in a folder or inside a zip archive, behind one small interface.

Archives are read where they lie. Unpacking GOPRO_Large would cost another 9 GB, and TFDS takes
what it once unpacked for the content of any later archive of the same name.
"""

import weakref
import zipfile
import zlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from etils import epath

from tfdeblur.errors import DataError

_MAX_DEPTH = 6  # folders below the top; ends loops of links
_HIDDEN = (".", "__MACOSX")


class FileTree:
    """Lists and reads the files below a folder or inside a zip archive.

    Can be pickled (for Beam): a copy opens the archive anew.

    Args:
        path: a folder or a zip archive, local or of any file system that TFDS knows.

    Raises:
        DataError: if there is nothing at `path`.
    """

    def __init__(self, path: epath.PathLike) -> None:
        self.path = epath.Path(path)
        if not self.path.exists():
            raise DataError(f"There is no folder or archive {self.path}. Look for a typing error.")

    @cached_property
    def names(self) -> list[str]:
        """Paths of all visible files, relative, with forward slashes, sorted.

        Raises:
            DataError: if the archive is damaged.
        """
        if self._archive is None:
            found = _walk(self.path, "", _MAX_DEPTH)
        else:
            found = (entry.filename for entry in self._archive.infolist() if not entry.is_dir())
        return sorted(
            name for name in found if not any(p.startswith(_HIDDEN) for p in name.split("/"))
        )

    def read(self, name: str) -> bytes:
        """Returns the content of a file of `names`; in archives its checksum is verified.

        Raises:
            DataError: if it cannot be read or its checksum is wrong.
        """
        try:
            if self._archive is None:
                return (self.path / name).read_bytes()
            return self._archive.read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise DataError(
                f"{self.where(name)} cannot be read: {error}. The archive or the disk is "
                "damaged; copy or download it again."
            ) from error

    def where(self, name: str) -> str:
        """Returns the full path of a file, for texts."""
        return f"{self.path}/{name}"

    @cached_property
    def _archive(self) -> zipfile.ZipFile | None:
        if self.path.is_dir():
            return None
        stream = self.path.open("rb")
        # Not left to ZipFile, which closes only what it has opened by a local name.
        weakref.finalize(self, stream.close)
        try:
            return zipfile.ZipFile(stream)
        except zipfile.BadZipFile as error:
            raise DataError(
                f"{self.path} is no zip archive, or it is cut off: the list of its files, "
                "which is at the end, is missing. Copy or download it again."
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}


def _walk(folder: epath.Path, prefix: str, depth: int) -> Iterator[str]:
    """Yields the files below `folder`; follows links, which the walks of libraries do not."""
    for entry in folder.iterdir():
        if entry.name.startswith(_HIDDEN):
            continue
        if not entry.is_dir():
            yield prefix + entry.name
        elif depth:
            yield from _walk(entry, f"{prefix}{entry.name}/", depth - 1)
