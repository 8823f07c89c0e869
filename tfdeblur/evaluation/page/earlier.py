"""What a gallery showed before: results of earlier runs into the same folder stay on its page."""

import json
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfdeblur.evaluation.page.places import folder_of, picture_name

KINDS = ("blurred", "s0")  # pictures of each image of a gallery; of further systems s1, s2, ...

_DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)
_NUMBER = re.compile(r"[0-9]{5}")
_PICTURE = re.compile(r"[0-9]{5}-(blurred|s[0-9]+)\.jpg")


@dataclass(frozen=True)
class Earlier:
    """The gallery that is there.

    Attributes:
        rows: of images whose results and pictures are still there, as `page.js` shows them.
        missing: (name, reason) of results that are there and were not shown.
        numbers: name of each image that has pictures -> number of them.
    """

    rows: Sequence[dict[str, Any]]
    missing: Sequence[tuple[str, str]]
    numbers: dict[str, int]

    def without(self, names: Set[str]) -> "Earlier":
        """Of other files than these; their pictures keep their numbers."""
        rows = [row for row in self.rows if row["n"] not in names]
        missing = [one for one in self.missing if one[0] not in names]
        return Earlier(rows, missing, self.numbers)

    def of_systems(self, count: int) -> "Earlier":
        """With entries for so many systems, the input among them, in each row.

        What was shown beside these results then came of folders that nobody names now, so of
        further systems nothing is kept.
        """
        rows = [
            {
                **row,
                **{key: [*row[key][:2], *[None] * (count - 2)] for key in ("v", "c", "m")},
                "p": [*row["p"][:2], *[[] for _ in range(count - 2)]],
            }
            for row in self.rows
        ]
        return Earlier(rows, self.missing, self.numbers)


def earlier_gallery(page: Path) -> Earlier:
    """What of a gallery is still true; nothing where there is none, or another page."""
    try:
        found = _DATA.search(page.read_text("utf-8"))
        data = json.loads(found[1]) if found else {}
        if data.get("truth") is not False:  # of `evaluate --html`, or nobody's
            return Earlier([], [], {})
        missing = [(name, why) for name, why in data.get("missing", ())]
        rows = [row for row in data["rows"] if _is_shown(row, page)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Earlier([], [], {})
    missing = [one for one in missing if (page.parent / one[0]).is_file()]
    return Earlier(rows, missing, {row["n"]: int(row["f"]) for row in rows})


def _is_shown(row: dict[str, Any], page: Path) -> bool:
    folder, number = page.parent / folder_of(page), row["f"]
    if not _NUMBER.fullmatch(number) or not (page.parent / row["n"]).is_file():
        return False
    if not all(isinstance(row[key], list) and len(row[key]) > 1 for key in ("v", "c", "m", "p")):
        return False
    return all((folder / picture_name(int(number), kind)).is_file() for kind in KINDS)


def remove_pictures(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Removes pictures that no row shows any more: of results and systems that are gone."""
    kept = {picture_name(int(row["f"]), kind) for row in rows for kind in _kinds(row)}
    for path in folder.iterdir():
        if _PICTURE.fullmatch(path.name) and path.name not in kept:
            path.unlink(missing_ok=True)


def _kinds(row: dict[str, Any]) -> list[str]:
    results = [f"s{k}" for k, values in enumerate(row["v"][1:]) if values is not None]
    return [KINDS[0], *results]
