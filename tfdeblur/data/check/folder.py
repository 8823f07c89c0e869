"""Checks all pairs of a folder."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np

from tfdeblur.data.check.duplicates import Look, Twice, find_alike, find_equal, look_at
from tfdeblur.data.check.pairs import PairCheck, check_images
from tfdeblur.data.check.restored import RestoredPair, judge_restored, measure_restored
from tfdeblur.data.folders import find_pairs, splits_in
from tfdeblur.data.pair_lists import is_list
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
        restored: what restoring told, by name of the pair; empty until `restore_pairs`.
        files: of the pairs that were checked, by name.
    """

    folder: str
    pairs: list[PairCheck] = field(default_factory=list)
    equal: list[Twice] = field(default_factory=list)
    alike: list[Twice] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    restored: dict[str, RestoredPair] = field(default_factory=dict)
    files: dict[str, Pair] = field(default_factory=dict)

    def is_bad(self, pair: PairCheck) -> bool:
        """Whether a pair is wrong, by its kernels or by restoring it."""
        return pair.is_bad or (pair.name in self.restored and self.restored[pair.name].is_bad)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.equal or self.alike or self.failures or any(map(self.is_bad, self.pairs)))

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "format": 1,
            "folder": self.folder,
            "good": self.is_good,
            "pairs": [{**vars(pair), "bad": self.is_bad(pair)} for pair in self.pairs],
            "restored": [vars(pair) for pair in self.restored.values()],
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
    patterns: Sequence[str] = (),
    on_progress: Callable[[int, int], None] | None = None,
) -> FolderCheck:
    """Checks every pair of a folder, and all pictures against each other.

    Args:
        folder: of pairs, see `data.folders.LAYOUTS`, or a CSV file of them.
        against: another such folder or file, e.g. of validation, in which pictures of the first are
            looked for; its own pairs are not checked.
        only, exclude: glob patterns on names of the first folder.
        patterns: of paths below both, but not of CSV files, see `find_pairs`.
        on_progress: called with pairs done and pairs to do.

    Raises:
        InvalidInput: if there are patterns, and neither is a folder.
        DataError: if a folder is missing, or holds no pairs.
    """
    found = find_pairs(folder, check=False, only=only, exclude=exclude, patterns=patterns)
    split_of = _splits(Path(folder).expanduser())
    pairs = [(split_of(pair), pair, True) for pair in found]
    if against is not None:
        others = find_pairs(against, check=False, patterns=() if is_list(against) else patterns)
        pairs += [(str(against), pair, False) for pair in others]
        pairs = [(split or str(folder), pair, own) for split, pair, own in pairs]
    result, looks = FolderCheck(str(folder)), list[Look]()
    with ThreadPoolExecutor(min(4, cpu_count() or 1)) as pool:
        for done, (pair, check, seen, failure) in enumerate(pool.map(_look, pairs), 1):
            if check:
                result.pairs.append(check)
                result.files[pair.name] = pair
            looks += seen
            if failure:
                result.failures[pair.name] = failure
            if on_progress is not None:
                on_progress(done, len(pairs))
    result.equal, result.alike = find_equal(looks), find_alike(looks)
    return result


def restore_pairs(
    found: FolderCheck,
    restore: Callable[[np.ndarray], np.ndarray],
    on_done: Callable[[], None] | None = None,
) -> None:
    """Restores the pairs that were checked, one after the other, and adds what that tells.

    Interrupted, it has added what the finished ones tell.

    Args:
        found: of `check_folder`; its `restored`, and `failures` to restore, are filled.
        restore: from a blurred image, uint8 `(height, width, 3)`, to the restored one, the same;
            a `TfdeblurError` that it raises is a failure of that pair.
        on_done: called after each pair.
    """
    measured: list[RestoredPair] = []
    try:
        for name, pair in found.files.items():
            try:
                blurred, sharp = _read(pair)
                measured.append(measure_restored(name, blurred, sharp, restore(blurred)))
            except TfdeblurError as error:
                found.failures[name] = str(error)
            if on_done is not None:
                on_done()
    finally:  # also of Ctrl-C: minutes of work are in what is there
        judged = judge_restored(measured, {pair.name: pair.verdict for pair in found.pairs})
        found.restored = {pair.name: pair for pair in judged}


def _read(pair: Pair) -> list[np.ndarray]:
    """The blurred and the sharp image, uint8 `(height, width, 3)`."""
    return [to_uint8(read_image(path).rgb) for path in (pair.blurred, pair.sharp)]


def _look(of: tuple[str, Pair, bool]) -> tuple[Pair, PairCheck | None, list[Look], str]:
    split, pair, own = of
    try:
        images = _read(pair)
        looks = [
            look_at(pair.name, role, split, image)
            for role, image in zip(("blurred", "sharp"), images, strict=True)
        ]
        check = check_images(pair.name, *images) if own else None
        return pair, check, looks, ""
    except TfdeblurError as error:
        return pair, None, [], str(error)


def _splits(folder: Path) -> Callable[[Pair], str]:
    """What tells the split of a pair: the column of a CSV file, else the folder that it is in."""
    listed: dict[tuple[str, Path], str] = {}
    if is_list(folder):
        for split in splits_in(folder):
            for pair in find_pairs(folder, split, check=False):
                listed[pair.name, pair.blurred] = split
    root = folder.parent if is_list(folder) else folder

    def split_of(pair: Pair) -> str:
        if named := listed.get((pair.name, pair.blurred)):
            return named
        if not pair.blurred.is_relative_to(root):  # a list may name files anywhere
            return ""
        first = pair.blurred.relative_to(root).parts[0]
        return first if first in SPLIT_FOLDERS else ""

    return split_of
