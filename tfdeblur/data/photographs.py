"""Finds sharp photographs, and gives each the name that everything made of it begins with."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfdeblur.data.folders import raise_problems
from tfdeblur.data.names import natural_key
from tfdeblur.data.pair_search import BLURRED_FOLDERS, IMAGE_SUFFIXES, SHARP_FOLDERS
from tfdeblur.errors import DataError
from tfdeblur.near import did_you_mean_path


@dataclass(frozen=True)
class Photograph:
    """One image file.

    Attributes:
        path: the file.
        name: its path below the folder that was searched, with "/" and suffix: "a/x.jpg".
        stem: the same as one word without suffix, "a-x"; unique in a search.
    """

    path: Path
    name: str
    stem: str


def find_photographs(
    folder: str | Path, *, recursive: bool = False, leave_out: str | Path | None = None
) -> list[Photograph]:
    """Lists the images in `folder` in natural order (image 2 before image 10).

    Args:
        folder: directory. Hidden files, and files that are no images by their suffix, are
            passed over.
        recursive: whether to enter subfolders; links to folders are not followed.
        leave_out: a folder that is not entered.

    Returns:
        At least one photograph.

    Raises:
        DataError: if there is no such folder or no image in it, or two would have one stem.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        kind = "is not a folder" if folder.exists() else "does not exist"
        hint = did_you_mean_path(folder, folders=True)
        raise DataError(f"The photographs' folder {kind}. Received: {folder}.{hint}")
    seen: dict[str, Photograph] = {}
    problems = []
    for path in _walk(folder, recursive, leave_out):
        relative = path.relative_to(folder)
        stem = "-".join(relative.with_suffix("").parts)
        photograph = Photograph(path, relative.as_posix(), stem)
        if stem in seen:
            problems.append(
                f"{photograph.name} and {seen[stem].name} would both be named {stem}. Rename one"
            )
        seen[stem] = photograph
    raise_problems(f"The photographs in {folder} cannot be told apart", problems)
    if not seen:
        hint = "" if recursive else " Its subfolders are entered with --recursive."
        raise DataError(
            f"{folder} holds no photographs ({' '.join(sorted(IMAGE_SUFFIXES))}).{hint}"
        )
    return sorted(seen.values(), key=lambda photograph: natural_key(photograph.name))


def refuse_pairs(folder: str | Path, photographs: Sequence[Photograph], hint: str = "") -> None:
    """Raises DataError if some photographs are the blurred halves of pairs: to be blurred again.

    Args:
        folder: where they were found.
        photographs: of `find_photographs`.
        hint: what else may have been meant, after a space; it ends the error.
    """
    for photograph in photographs:
        parts = Path(photograph.name).parts[:-1]
        for depth, part in enumerate(parts):
            beside = Path(folder).expanduser().joinpath(*parts[:depth])
            if part in BLURRED_FOLDERS and any((beside / name).is_dir() for name in SHARP_FOLDERS):
                raise DataError(
                    f"{photograph.path} is the blurred image of a pair. Give the folder of the "
                    f"sharp photographs alone, e.g. {beside / SHARP_FOLDERS[0]}.{hint}"
                )


def _walk(folder: Path, recursive: bool, leave_out: str | Path | None) -> list[Path]:
    skipped = None if leave_out is None else os.path.realpath(leave_out)
    found: list[Path] = []

    def fail(error: OSError) -> None:
        raise DataError(f"{error.filename} cannot be read: {error.strerror}.") from error

    for here, folders, files in os.walk(folder, onerror=fail):
        visible = [name for name in folders if not name.startswith(".") and recursive]
        folders[:] = [n for n in visible if os.path.realpath(os.path.join(here, n)) != skipped]
        for name in files:
            if Path(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith("."):
                found.append(Path(here, name))
    return sorted(found)
