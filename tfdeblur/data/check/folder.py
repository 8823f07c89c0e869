"""Checks all pairs of a folder."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os import cpu_count
from pathlib import Path
from typing import Any

from tfdeblur.data.check.duplicates import Look, Twice, find_alike, find_equal, look_at
from tfdeblur.data.check.pairs import PairCheck, check_images
from tfdeblur.data.folders import find_pairs
from tfdeblur.data.pair_search import SPLIT_FOLDERS, Pair
from tfdeblur.errors import TfdeblurError
from tfdeblur.image.codec import read_image, to_uint8


@dataclass
class FolderCheck:
    """What was found in a folder.

    Attributes:
        folder: path, and that it was held against, if any.
        pairs: one check a pair, in natural order.
        equal: pictures that are there twice.
        alike: pictures of different splits that show one scene.
        failures: name of a pair -> why it could not be checked.
    """

    folder: str
    pairs: list[PairCheck] = field(default_factory=list)
    equal: list[Twice] = field(default_factory=list)
    alike: list[Twice] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not (
            self.equal or self.alike or self.failures or any(pair.is_bad for pair in self.pairs)
        )

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "format": 1,
            "folder": self.folder,
            "good": self.is_good,
            "pairs": [{**vars(pair), "bad": pair.is_bad} for pair in self.pairs],
            "equal": [vars(twice) for twice in self.equal],
            "alike": [vars(twice) for twice in self.alike],
            "failures": self.failures,
        }


def check_folder(
    folder: str | Path,
    against: str | Path | None = None,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    on_progress: Callable[[int, int], None] | None = None,
) -> FolderCheck:
    """Checks every pair of a folder, and all pictures against each other.

    Args:
        folder: of pairs, see `data.folders.LAYOUTS`.
        against: another folder of pairs, e.g. of validation, in which pictures of the first are
            looked for; its own pairs are not checked.
        only, exclude: glob patterns on names of the first folder.
        on_progress: called with pairs done and pairs to do.

    Raises:
        DataError: if a folder is missing, or holds no pairs.
    """
    pairs = [
        (_split_of(pair, Path(folder).expanduser()), pair, True)
        for pair in find_pairs(folder, check=False, only=only, exclude=exclude)
    ]
    if against is not None:
        pairs += [(str(against), pair, False) for pair in find_pairs(against, check=False)]
        pairs = [(split or str(folder), pair, own) for split, pair, own in pairs]
    result, looks = FolderCheck(str(folder)), list[Look]()
    with ThreadPoolExecutor(min(4, cpu_count() or 1)) as pool:
        for done, found in enumerate(pool.map(_look, pairs), 1):
            name, check, seen, failure = found
            result.pairs += [check] if check else []
            looks += seen
            if failure:
                result.failures[name] = failure
            if on_progress is not None:
                on_progress(done, len(pairs))
    result.equal, result.alike = find_equal(looks), find_alike(looks)
    return result


def _look(of: tuple[str, Pair, bool]) -> tuple[str, PairCheck | None, list[Look], str]:
    split, pair, own = of
    try:
        images = [to_uint8(read_image(path).rgb) for path in (pair.blurred, pair.sharp)]
        looks = [
            look_at(pair.name, role, split, image)
            for role, image in zip(("blurred", "sharp"), images, strict=True)
        ]
        check = check_images(pair.name, *images) if own else None
        return pair.name, check, looks, ""
    except TfdeblurError as error:
        return pair.name, None, [], str(error)


def _split_of(pair: Pair, folder: Path) -> str:
    first = pair.blurred.relative_to(folder).parts[0]
    return first if first in SPLIT_FOLDERS else ""
