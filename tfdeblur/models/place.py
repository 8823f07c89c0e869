"""Where the model behind a name lies (standard library only)."""

import os
from dataclasses import dataclass
from pathlib import Path

from tfdeblur.models.shipped import shipped_folder


@dataclass(frozen=True)
class Place:
    """What a name of a model stands for, before anybody has looked into it.

    Attributes:
        name: str, as it was given.
        path: the folder or file, None where there is neither.
    """

    name: str
    path: Path | None

    @property
    def folder(self) -> Path | None:
        """`path`, where it is a folder."""
        return self.path if self.path is not None and self.path.is_dir() else None

    def holds(self, file: str) -> bool:
        """Whether it is a folder with a file of that name."""
        return self.folder is not None and (self.folder / file).is_file()


def find_place(name_or_path: str | os.PathLike[str]) -> Place:
    """The place of a shipped preset, or of a folder or file by its path."""
    name = os.fspath(name_or_path)
    path = shipped_folder(name)
    if path is None and name and Path(name).exists():  # Path("") is this folder, and forgotten
        path = Path(name)
    return Place(name, path)
