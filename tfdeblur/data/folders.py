"""Finds blurred/sharp pairs in a folder and names every fault before training starts."""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeVar

from tfdeblur.data.names import image_name_wanted, natural_key
from tfdeblur.data.pair_lists import is_list, list_splits, search_list, search_patterns
from tfdeblur.data.pair_search import (
    LAYOUTS,
    Pair,
    Search,
    images_below,
    search_folder,
    split_places,
)
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.headers import Header, read_header

_MAX_PROBLEMS_SHOWN = 20
_CHUNK_BYTES = 1 << 20
_THREADS = min(16, (os.cpu_count() or 1) + 4)

T = TypeVar("T")
R = TypeVar("R")


def find_pairs(
    folder: str | Path,
    split: str | None = None,
    check: bool | Literal["full"] = True,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    blur_folder: str | None = None,
    patterns: Sequence[str] = (),
) -> list[Pair]:
    """Lists the pairs in `folder`, in natural order (frame 2 before frame 10).

    Args:
        folder: directory in one of the `LAYOUTS`, or a CSV file of pairs (`pair_lists`). Hidden
            files and files that are no images by their suffix are left out.
        split: "train", "test" or another sub-folder; None takes all of them. Where the
            folder has no splits every pair belongs to every split.
        check: True reads headers, end marks and PNG checksums; "full" decodes every file
            as well (loads tensorflow); False looks at names only.
        only: glob patterns; keeps pairs whose name matches at least one (empty: all).
        exclude: glob patterns; drops pairs whose name matches any. With `only` this splits
            by video: train with exclude=["test-*"], validate with only=["test-*"].
        blur_folder: name of the folder with the blurred images, e.g. "blur_gamma";
            None takes the first of `BLURRED_FOLDERS` that exists.
        patterns: two, of the paths of blurred and of sharp images below `folder`, in place of the
            layouts; see `pair_lists.search_patterns`. Of a split: below its folder, if it has one.

    Returns:
        At least one pair.

    Raises:
        DataError: one error that names every fault: no such folder, an unknown layout,
            missing partners, duplicate names, broken files, pairs of unequal size, or
            nothing left after `only` and `exclude`.
    """
    folder = Path(folder).expanduser()
    search = Search(blur_folder)
    try:
        if patterns:
            _search_patterns(folder, split, patterns, search)
        elif is_list(folder):
            search_list(folder, split, search)
        else:
            search_folder(folder, split, search)
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
    if not pairs and patterns:
        raise DataError(_none_fits(folder, patterns))
    if not pairs:
        raise DataError(f"{folder} holds no pairs of images.\n{LAYOUTS}")
    return pairs


def _search_patterns(
    folder: Path, split: str | None, patterns: Sequence[str], search: Search
) -> None:
    """Below the folder of the split, if it has one and something fits there; else below all."""
    if split and (folder / split).is_dir():
        search_patterns(folder / split, patterns, search)
    if not search.pairs and not search.problems:
        search_patterns(folder, patterns, search)


def _none_fits(folder: Path, patterns: Sequence[str]) -> str:
    """What to say where two patterns fit nothing: how paths there begin."""
    paths = [path.relative_to(folder).as_posix() for path in images_below(folder)]
    there = f"begin: {', '.join(paths[:5])}" if paths else "are none"
    return (
        "`--pairs` must be two patterns that fit paths of images below the folder of pairs, and "
        f"none fits. Received: {' '.join(map(repr, patterns))} below {folder}, whose "
        f"{len(paths)} images {there}"
    )


def splits_in(folder: str | Path) -> list[str]:
    """Names of the splits that a folder of pairs, or a CSV file of them, tells apart.

    Raises:
        DataError: if the file cannot be read.
    """
    folder = Path(folder).expanduser()
    if is_list(folder):
        return list_splits(folder)
    return [*split_places(folder, Search(None))] if folder.is_dir() else []


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
