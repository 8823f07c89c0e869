"""Pairs that are named: by two patterns of paths, or line by line in a CSV file."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from tfdeblur.data.pair_search import Pair, Search, images_below
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.near import did_you_mean_path

LIST_SUFFIX = ".csv"
_COLUMNS = {
    **dict.fromkeys(("blur", "blurred", "blurry", "input", "lq"), "blurred"),
    **dict.fromkeys(("sharp", "target", "gt", "hq"), "sharp"),
    **{"name": "name", "split": "split"},
}


def is_list(path: str | Path) -> bool:
    """Whether a path is that of a CSV file of pairs."""
    return Path(path).suffix.lower() == LIST_SUFFIX and Path(path).expanduser().is_file()


def search_patterns(folder: Path, patterns: Sequence[str], search: Search) -> None:
    """Adds the pairs of images whose paths fit two patterns in the same way.

    Args:
        folder: what the patterns are relative to.
        patterns: of blurred and of sharp images; `*` stands for anything within one name, `**`
            for any folders. What they stand for is the same in both, and is the pair's name.
        search: where to.

    Raises:
        InvalidInput: if the patterns are not two with equally many `*`, at least one each, or
            `folder` is a CSV file.
        DataError: if there is no such folder.
    """
    stars = {len(_stars(pattern)) for pattern in patterns}
    if len(patterns) != 2 or len(stars) != 1 or stars == {0}:
        raise InvalidInput(
            "`--pairs` must be two patterns, of blurred and of sharp images, with equally many *. "
            f"Received: {' '.join(map(repr, patterns))}"
        )
    if is_list(folder):
        raise InvalidInput(
            "`--pairs` is for folders: a CSV file names its pairs itself. Leave it out. Received: "
            f"{folder}, --pairs {' '.join(map(repr, patterns))}"
        )
    if not folder.is_dir():
        hint = did_you_mean_path(folder, folders=True)
        raise DataError(f"The folder of the pairs does not exist. Received: {folder}.{hint}")
    blurred, sharp = (_fitting(folder, pattern) for pattern in patterns)
    for found, others, role, pattern in (
        (blurred, sharp, "sharp", patterns[1]),
        (sharp, blurred, "blurred", patterns[0]),
    ):
        for key in found.keys() - others.keys():
            search.problems.append(f"{found[key]} has no {role} partner of {pattern!r}")
    for key in blurred.keys() & sharp.keys():
        name = "-".join(part.replace("/", "-") for part in key if part)
        search.pairs.append(Pair(name or blurred[key].stem, blurred[key], sharp[key]))


def _stars(pattern: str) -> list[str]:
    return re.findall(r"\*\*/?|\*", pattern)


def _fitting(folder: Path, pattern: str) -> dict[tuple[str, ...], Path]:
    """Images below a folder whose paths fit, by what the stars stand for."""
    pieces = re.split(r"(\*\*/?|\*)", pattern)
    kinds = {"*": "([^/]*)", "**": "(.*)", "**/": "((?:[^/]+/)*)"}
    wanted = re.compile("".join(kinds.get(piece) or re.escape(piece) for piece in pieces))
    found = {}
    for path in images_below(folder):
        if match := wanted.fullmatch(path.relative_to(folder).as_posix()):
            found[tuple(part.rstrip("/") for part in match.groups())] = path
    return found


def list_splits(path: Path) -> list[str]:
    """Names in the column `split` of a CSV file of pairs, sorted; errors as of `search_list`."""
    return sorted({line.get("split", "") for line in _lines(path)} - {""})


def search_list(path: Path, split: str | None, search: Search) -> None:
    """Adds the pairs of a CSV file: columns blur and sharp, and name and split if they are there.

    Paths are relative to the folder of the file. Without a line of titles there are two columns.

    Raises:
        DataError: if it cannot be read, or has no such columns or split.
    """
    lines, splits = _lines(path), list_splits(path)
    if split is not None and splits:
        if split not in splits:
            raise DataError(f"`split` must be one of {splits} in {path}. Received: split={split!r}")
        lines = [line for line in lines if line.get("split") == split]
    for number, line in enumerate(lines, 1):
        if not line.get("blurred") or not line.get("sharp"):
            search.problems.append(f"pair {number} of {path} lacks a path: {line}")
            continue
        blurred, sharp = (path.parent / line[role] for role in ("blurred", "sharp"))
        missing = [str(one) for one in (blurred, sharp) if not one.is_file()]
        search.problems += [f"{one} does not exist (pair {number} of {path})" for one in missing]
        if not missing:
            name = line.get("name") or "-".join(Path(line["blurred"]).with_suffix("").parts[-2:])
            search.pairs.append(Pair(name, blurred, sharp))


def _lines(path: Path) -> list[dict[str, str]]:
    """The lines of a list by column: blurred, sharp, and name and split if they are there."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            rows = [row for row in csv.reader(stream) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV in UTF-8: {error}.") from error
    titles = [_COLUMNS.get(cell.strip().lower(), "") for cell in rows[0]] if rows else []
    if {"blurred", "sharp"} <= set(titles):
        rows = rows[1:]
    elif rows and len(rows[0]) == 2 and not any(titles):
        titles = ["blurred", "sharp"]
    else:
        raise DataError(
            f"{path} must have the columns blur and sharp, with their titles in the first line. "
            f"Received: {','.join(rows[0]) if rows else 'an empty file'}"
        )
    return [dict(zip(titles, map(str.strip, row), strict=False)) for row in rows]
