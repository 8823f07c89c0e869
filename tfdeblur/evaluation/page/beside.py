"""What a gallery shows beside its results: those of the same names in folders of earlier ones."""

import os
from collections.abc import Sequence, Set
from pathlib import Path

import numpy as np

from tfdeblur.errors import DataError, InvalidInput, TfdeblurError
from tfdeblur.files.inputs import WRITTEN_SUFFIXES
from tfdeblur.files.plan import Job
from tfdeblur.image.codec import read_image
from tfdeblur.image.levels import to_uint8
from tfdeblur.text import printable


class Beside:
    """Folders of earlier results, each of which is one more system of the page.

    Args:
        folders: paths.
        jobs: what was to be restored now.
        out: folder of the results of now.
        taken: labels that no folder may have.

    Attributes:
        labels: one for each folder.
        unreadable: (name, reason) of what is there and not shown, as far as was looked.
    """

    def __init__(
        self, folders: Sequence[str], jobs: Sequence[Job], out: Path, taken: Set[str]
    ) -> None:
        self._folders = [Path(folder) for folder in folders]
        self._out = out
        self._outputs = {job.output for job in jobs}
        self._listed: dict[Path, dict[str, list[str]]] = {}
        self.labels = labels_of(self._folders, taken)
        self.unreadable: list[tuple[str, str]] = []
        self._shown = [0] * len(folders)

    @property
    def counts(self) -> dict[str, int]:
        """Label of each folder -> of how many results there was a picture."""
        return dict(zip(self.labels, self._shown, strict=True))

    def pictures(self, job: Job, name: str, shape: tuple[int, ...]) -> list[np.ndarray | None]:
        """Of each folder the result of that job; None where there is none to show.

        Args:
            job: one that was restored.
            name: of it on the page.
            shape: of its result.
        """
        found: list[np.ndarray | None] = []
        for k, (folder, label) in enumerate(zip(self._folders, self.labels, strict=True)):
            try:
                path = self._path(folder, job.output)
                picture = None if path is None else _of_shape(job, path, shape)
            except TfdeblurError as error:
                self.unreadable.append((name, f"of {label}: {error}"))
                picture = None
            self._shown[k] += picture is not None
            found.append(picture)
        return found

    def _path(self, folder: Path, output: Path) -> Path | None:
        """The file of that name, or the only one that has another ending."""
        if not output.is_relative_to(self._out):
            return None
        relative = output.relative_to(self._out)
        if os.path.lexists(folder / relative):
            return folder / relative
        above = folder / relative.parent
        # What another result of now is called belongs to that one: a.jpg is not taken for a.png.
        others = [
            above / name
            for name in self._names(above).get(relative.stem, [])
            if self._out / relative.parent / name not in self._outputs
        ]
        if len(others) > 1:
            names = ", ".join(printable(other.name) for other in others)
            raise InvalidInput(f"{names}: which of them is meant is not known.")
        return others[0] if others else None

    def _names(self, folder: Path) -> dict[str, list[str]]:
        """Images of a folder, by their names without ending; it is listed once."""
        if folder not in self._listed:
            names: dict[str, list[str]] = {}
            try:
                for name in sorted(os.listdir(folder)):
                    stem, ending = os.path.splitext(name)
                    if ending.lower() in WRITTEN_SUFFIXES:
                        names.setdefault(stem, []).append(name)
            except (FileNotFoundError, NotADirectoryError):
                pass  # nothing of this subfolder was restored there
            except OSError as error:
                raise DataError(f"{printable(folder)} cannot be read: {error.strerror}.") from error
            self._listed[folder] = names
        return self._listed[folder]


def labels_of(folders: Sequence[Path], taken: Set[str]) -> list[str]:
    """Names of folders, with as many of those above as tell them from each other.

    Args:
        folders: different ones.
        taken: labels that none of them may have.
    """
    parts = [Path(os.path.abspath(folder)).parts for folder in folders]
    labels = []
    for own in parts:
        ends = [printable(os.path.join(*own[-n:])) for n in range(1, len(own) + 1)]
        others = {
            printable(os.path.join(*other[-n:]))
            for other in parts
            if other is not own
            for n in range(1, len(other) + 1)
        }
        labels.append(next((end for end in ends if end not in others | taken), ends[-1]))
    return labels


def seen(job: Job, path: Path) -> np.ndarray:
    """A picture of a job: uint8 `(height, width, 3)`, with the level of white that the job has.

    Raises:
        TfdeblurError: if it cannot be read.
    """
    image = read_image(path)
    image = image if job.white is None else job.white.of(image, printable(path))
    return to_uint8(image.seen_rgb())


def _of_shape(job: Job, path: Path, shape: tuple[int, ...]) -> np.ndarray:
    picture = seen(job, path)
    if picture.shape != shape:
        sizes = [f"{width}x{height}" for height, width, _ in (picture.shape, shape)]
        raise InvalidInput(
            f"{printable(path)} has {sizes[0]} pixels, what was restored now {sizes[1]}."
        )
    return picture
