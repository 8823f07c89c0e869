"""Which file of a folder is the result for which blurred image."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from tfdeblur.data.pair_search import IMAGE_SUFFIXES, SPLIT_FOLDERS
from tfdeblur.errors import DataError
from tfdeblur.evaluation.outputs.protocols import ROLE_FOLDERS, Case
from tfdeblur.near import did_you_mean_path

_NO_PART_OF_NAMES = {*ROLE_FOLDERS, *SPLIT_FOLDERS}


@dataclass
class Found:
    """The files of one system.

    Attributes:
        files: name of a case -> its file.
        problems: name of a case -> why it has none.
        extra: files that belong to no case, relative to the folder.
    """

    files: dict[str, Path] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)


def find_outputs(folder: str | Path, cases: Sequence[Case]) -> Found:
    """Looks for the result of every case in a folder and those below it.

    A file belongs to a case if its path without suffix, folders joined by "-", is the case's
    name (`SEQUENCE/000001.png` is `SEQUENCE-000001`; folders such as blur, sharp, test do not
    count); else if its bare name is that of the blurred file and no other blurred file has it.

    Raises:
        DataError: if there is no such folder, it cannot be read, or holds no images.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DataError(
            "`--outputs` must name a folder of images, but there is none. Received: "
            f"{folder}.{did_you_mean_path(folder, folders=True)}"
        )
    images, others = _files(folder)
    if not images:
        raise DataError(f"{folder} holds no images ({', '.join(sorted(IMAGE_SUFFIXES))}).")
    by_key: dict[str, list[Path]] = {}
    for path in images:
        by_key.setdefault(_key(path.relative_to(folder)), []).append(path)
    by_stem: dict[str, list[Path]] = {}
    for path in images:
        by_stem.setdefault(path.stem, []).append(path)
    stems = Counter(stem for case in cases for stem in {case.name, case.stem})
    found, taken = Found(), set[Path]()
    for case in cases:
        own = [one for one in dict.fromkeys((case.name, case.stem)) if stems[one] == 1]
        candidates = by_key.get(case.name) or next(
            (by_stem[one] for one in own if one in by_stem), []
        )
        taken.update(candidates)
        if len(candidates) == 1:
            found.files[case.name] = candidates[0]
        elif candidates:
            names = " and ".join(str(path.relative_to(folder)) for path in candidates)
            found.problems[case.name] = f"{names} are both its result. Keep one of them"
    left = [path for path in images if path not in taken]
    for case in cases:
        if case.name not in found.files and case.name not in found.problems:
            found.problems[case.name] = _why_missing(case, left, others, folder)
    found.extra = [str(path.relative_to(folder)) for path in left]
    return found


def _files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Images, and what is none by its suffix; hidden files and folders are left out."""
    images, others = [], []

    def failed(error: OSError) -> None:
        raise DataError(f"{error.filename} cannot be read: {error.strerror}. Check its rights.")

    for place, folders, names in os.walk(folder, onerror=failed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(place, name)
            (images if path.suffix.lower() in IMAGE_SUFFIXES else others).append(path)
    return images, others


def _key(relative: Path) -> str:
    parts = [part for part in relative.parent.parts if part.lower() not in _NO_PART_OF_NAMES]
    return "-".join([*parts, relative.stem])


def _why_missing(case: Case, left: list[Path], others: list[Path], folder: Path) -> str:
    for path in others:
        if path.stem in (case.name, case.stem):
            return f"there is no image of this name; {path.name} is of a kind that is not read"
    near = [path for path in left if _is_near(_key(path.relative_to(folder)), case)]
    hint = f"; is it {near[0].relative_to(folder)}? Name it {case.name}" if near else ""
    return f"there is no image of this name{hint}"


def _is_near(key: str, case: Case) -> bool:
    """Whether a file may be meant for a case: the same numbers and most of the letters."""
    numbers = _numbers(key)
    wanted = [own for own in dict.fromkeys((case.name, case.stem)) if _numbers(own) == numbers]
    return any(
        own.lower() in key.lower() or SequenceMatcher(None, key.lower(), own.lower()).ratio() > 0.7
        for own in wanted
    )


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]
