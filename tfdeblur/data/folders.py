"""Finds blurred/sharp pairs in a folder and names every fault before training starts."""

import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeVar

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.headers import Header, read_header

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
BLURRED_FOLDERS = ("blur", "blurred", "input")
SHARP_FOLDERS = ("sharp", "target", "gt")
SPLIT_FOLDERS = ("train", "val", "valid", "validation", "test")
LAYOUTS = """\
Accepted layouts (blur may also be named blurred or input; sharp also target or gt):
  DIR/{blur,sharp}/NAME.png               pairs by file name, suffixes may differ
  DIR/{train,test}/{blur,sharp}/NAME.png  the same, with splits
  DIR/{train,test}/SEQUENCE/{blur,sharp}/NNNNNN.png  GOPRO_Large as published
Sharp photographs alone can be trained on: `tfdeblur train --blur motion-flow`."""

_MAX_PROBLEMS_SHOWN = 20
_CHUNK_BYTES = 1 << 20
_THREADS = min(16, (os.cpu_count() or 1) + 4)

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Pair:
    """One blurred image and its sharp partner.

    Args:
        name: file stem; `SEQUENCE-STEM` in GOPRO's own layout; `SPLIT-...` before it where
            several splits are read at once.
        blurred: path of the blurred image.
        sharp: path of the sharp image, same size in pixels.
    """

    name: str
    blurred: Path
    sharp: Path


@dataclass
class _Search:
    """What a search has found so far; problems are gathered and reported together."""

    blur_folder: str | None
    pairs: list[Pair] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def find_pairs(
    folder: str | Path,
    split: str | None = None,
    check: bool | Literal["full"] = True,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    blur_folder: str | None = None,
) -> list[Pair]:
    """Lists the pairs in `folder`, in natural order (frame 2 before frame 10).

    Args:
        folder: directory in one of the `LAYOUTS`. Hidden files and files that are no
            images by their suffix are left out.
        split: "train", "test" or another sub-folder; None takes all of them. Where the
            folder has no splits every pair belongs to every split.
        check: True reads headers, end marks and PNG checksums; "full" decodes every file
            as well (loads tensorflow); False looks at names only.
        only: glob patterns; keeps pairs whose name matches at least one (empty: all).
        exclude: glob patterns; drops pairs whose name matches any. With `only` this splits
            by video: train with exclude=["test-*"], validate with only=["test-*"].
        blur_folder: name of the folder with the blurred images, e.g. "blur_gamma";
            None takes the first of blur, blurred, input that exists.

    Returns:
        At least one pair.

    Raises:
        DataError: one error that names every fault: no such folder, an unknown layout,
            missing partners, duplicate names, broken files, pairs of unequal size, or
            nothing left after `only` and `exclude`.
    """
    folder = Path(folder).expanduser()
    search = _Search(blur_folder)
    try:
        _search(folder, split, search)
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}. Check its rights.") from error
    found = len(search.pairs)
    pairs = [pair for pair in search.pairs if image_name_wanted(pair.name, only, exclude)]
    pairs.sort(key=lambda pair: natural_key(pair.name))
    search.problems += _duplicate_names(pairs)
    if check:
        faults = in_threads(lambda pair: _faults(pair, check == "full"), pairs)
        search.problems += [text for texts in faults for text in texts]
    raise_problems(f"{folder} is not ready for use", search.problems)
    if found and not pairs:
        names = ", ".join(pair.name for pair in search.pairs[:5])
        raise DataError(
            f"No pair of {folder} is left after `only` and `exclude`. Received: "
            f"only={list(only)}, exclude={list(exclude)}. The {found} names begin: {names}"
        )
    if not pairs:
        raise DataError(f"{folder} holds no pairs of images.\n{LAYOUTS}")
    return pairs


def fingerprint(pairs: Sequence[Pair]) -> str:
    """Returns a SHA-256 (hex) over the names and the bytes of all files, in order.

    Times, folders and the machine do not matter: equal content gives an equal fingerprint.

    Raises:
        DataError: if a file cannot be read.
    """
    digests = in_threads(
        _file_digest, [path for pair in pairs for path in (pair.blurred, pair.sharp)]
    )
    whole = hashlib.sha256()
    for i, pair in enumerate(pairs):
        whole.update(f"{pair.name}\0{digests[2 * i]}\0{digests[2 * i + 1]}\n".encode())
    return whole.hexdigest()


def image_size(path: Path) -> tuple[int, int]:
    """Returns `(height, width)` of an image once decoded and turned upright, pixels.

    Raises:
        DataError: if the file is missing or cannot be read.
        InvalidInput: if it is no image, cut off or damaged, as far as its header and marks tell.
    """
    try:
        state = path.stat()
        return _image_size(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


# A source asks again for what the search has just read. Size and time are in the key, so
# that a file that was repaired is read anew.
@lru_cache(maxsize=1 << 16)
def _image_size(path: Path, size_bytes: int, modified_ns: int) -> tuple[int, int]:
    return upright_size(read_header(path.read_bytes(), str(path)), str(path))


def upright_size(header: Header, name: str) -> tuple[int, int]:
    """Returns `(height, width)` after the EXIF turn; `name` is used in the error.

    Raises:
        InvalidInput: if a side is 0.
    """
    if header.height < 1 or header.width < 1:
        raise InvalidInput(f"{name} is damaged: it is {header.width} x {header.height} pixels.")
    if header.orientation in (5, 6, 7, 8):
        return header.width, header.height
    return header.height, header.width


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which runs of digits compare as numbers: frame 2 before frame 10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts if p]


def image_name_wanted(name: str, only: Sequence[str], exclude: Sequence[str]) -> bool:
    """Whether `name` matches a pattern of `only` (or `only` is empty) and none of `exclude`."""
    if only and not any(fnmatchcase(name, pattern) for pattern in only):
        return False
    return not any(fnmatchcase(name, pattern) for pattern in exclude)


def in_threads(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Maps over threads, in order: file reading and OpenCV's decoding release the GIL."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(function, items))


def raise_problems(summary: str, problems: Sequence[str]) -> None:
    """Raises one `DataError` that lists the problems; does nothing if there are none."""
    if not problems:
        return
    lines = [f"  {problem}" for problem in problems[:_MAX_PROBLEMS_SHOWN]]
    if len(problems) > _MAX_PROBLEMS_SHOWN:
        lines.append(f"  ... and {len(problems) - _MAX_PROBLEMS_SHOWN} more")
    plural = "problem" if len(problems) == 1 else "problems"
    raise DataError("\n".join([f"{summary}, {len(problems)} {plural}:", *lines]))


def _search(folder: Path, split: str | None, search: _Search) -> None:
    """Adds the pairs of whichever layout `folder` has."""
    if not folder.is_dir():
        kind = "is not a folder" if folder.exists() else "does not exist"
        raise DataError(f"`folder` must be a folder of pairs, but it {kind}. Received: {folder}")
    if _roles(folder, search):
        if split is not None:
            logger.info("%s has no splits: all its pairs are used for %r.", folder, split)
        return _add_flat(folder, "", search)
    splits = [name for name in SPLIT_FOLDERS if (folder / name).is_dir()]
    if split is not None and (folder / split).is_dir():
        return _add_split(folder / split, "", search)
    if split is not None and splits:
        raise DataError(f"`split` must be one of {splits} in {folder}. Received: split={split!r}")
    if splits:
        for name in splits:
            _add_split(folder / name, f"{name}-" if len(splits) > 1 else "", search)
        return None
    return _add_split(folder, "", search)


def _add_split(folder: Path, prefix: str, search: _Search) -> None:
    """Adds the pairs of one split: flat, or one folder per sequence as GOPRO has it."""
    if _roles(folder, search):
        return _add_flat(folder, prefix, search)
    sequences = [entry for entry in _visible(folder) if entry.is_dir() and _roles(entry, search)]
    if not sequences:
        raise DataError(f"{folder} holds no folders of blurred and sharp images.\n{LAYOUTS}")
    for sequence in sequences:
        _add_flat(sequence, f"{prefix}{sequence.name}-", search)
    return None


def _roles(folder: Path, search: _Search) -> tuple[Path, Path] | None:
    """Returns the folders of blurred and of sharp images in `folder`, if both are there."""
    blurred_names = (search.blur_folder,) if search.blur_folder else BLURRED_FOLDERS
    blurred = [folder / name for name in blurred_names if (folder / name).is_dir()]
    sharp = [folder / name for name in SHARP_FOLDERS if (folder / name).is_dir()]
    return (blurred[0], sharp[0]) if blurred and sharp else None


def _add_flat(folder: Path, prefix: str, search: _Search) -> None:
    """Adds the pairs of `folder/{blur,sharp}`, matched by file stem."""
    roles = _roles(folder, search)
    if roles is None:  # pragma: no cover (callers have looked)
        return
    blurred, sharp = (_by_stem(role, search) for role in roles)
    for stem in sorted(blurred.keys() | sharp.keys(), key=natural_key):
        if stem not in sharp:
            search.problems.append(f"{blurred[stem]} has no sharp partner. Looked in: {roles[1]}")
        elif stem not in blurred:
            search.problems.append(f"{sharp[stem]} has no blurred partner. Looked in: {roles[0]}")
        else:
            search.pairs.append(Pair(prefix + stem, blurred[stem], sharp[stem]))
    if not blurred and not sharp:
        search.problems.append(f"{roles[0]} and {roles[1]} hold no images")


def _by_stem(folder: Path, search: _Search) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for entry in _visible(folder):
        if entry.suffix.lower() not in IMAGE_SUFFIXES or entry.is_dir():
            continue
        if entry.stem in files:
            search.problems.append(
                f"{entry} and {files[entry.stem].name} have the same name up to the suffix. "
                "Keep one of them"
            )
        files[entry.stem] = entry
    return files


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _duplicate_names(pairs: Sequence[Pair]) -> list[str]:
    seen: dict[str, Pair] = {}
    problems = []
    for pair in pairs:
        if pair.name in seen:
            problems.append(f"{pair.blurred} and {seen[pair.name].blurred} are both {pair.name}")
        seen[pair.name] = pair
    return problems


def _faults(pair: Pair, full: bool) -> list[str]:
    """Returns what is wrong with a pair's files, one text a fault."""
    sizes, faults = [], []
    for path in (pair.blurred, pair.sharp):
        try:
            sizes.append(image_size(path))
            if full:
                from tfdeblur.image.codec import read_image  # loads tensorflow

                read_image(path)
        except (DataError, InvalidInput) as error:
            faults.append(str(error))
    if len(sizes) == 2 and sizes[0] != sizes[1]:
        (h, w), (sharp_h, sharp_w) = sizes
        faults.append(
            f"{pair.name}: blurred is {w} x {h} pixels, sharp is {sharp_w} x {sharp_h} "
            f"({pair.blurred}, {pair.sharp})"
        )
    return faults


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    return digest.hexdigest()
