"""The page of a restored folder: before and after under a slider, without truth to measure with."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from tfdeblur.errors import TfdeblurError
from tfdeblur.evaluation.page.earlier import KINDS, earlier_gallery, remove_pictures
from tfdeblur.evaluation.page.places import (
    LONGEST,
    folder_of,
    picture_name,
    place_side,
    small,
    worst_places,
    write_jpeg,
)
from tfdeblur.evaluation.page.template import listed, whole_page
from tfdeblur.evaluation.report_parts import make_folder
from tfdeblur.files.plan import Job
from tfdeblur.files.results import FileResult
from tfdeblur.image.atomic import write_atomically
from tfdeblur.image.codec import read_image
from tfdeblur.image.levels import to_uint8
from tfdeblur.text import printable

_BEFORE, _AFTER = "before", "restored"


@dataclass(frozen=True)
class Shown:
    """What a gallery shows: `images` in all, of which `before` are of earlier runs only.

    Without any there is no page: `missing` says why, as (name, reason).
    """

    images: int
    before: int
    missing: Sequence[tuple[str, str]]


def write_gallery(
    page: str | Path, jobs: Sequence[Job], results: Sequence[FileResult], by: str
) -> Shown:
    """Writes a page that shows the results of a folder, and its pictures in a folder beside it.

    What the page showed of other files stays, as long as their results are there. Videos are
    named, not shown, and so is what cannot be read.

    Args:
        page: path of the page.
        jobs: what was to be restored.
        results: what became of them, in any order.
        by: what restored them, for a reader.

    Returns:
        What is shown; without an image no page is written.

    Raises:
        DataError: if the page or a picture cannot be written.
    """
    page = Path(page)
    folder = page.parent / folder_of(page)
    found = {result.output: result for result in results}
    names = [_name(job, page.parent) for job in jobs]
    earlier = earlier_gallery(page).without(set(names))
    free = _numbers(earlier.numbers)
    rows: list[dict[str, Any]] = []
    shown: list[FileResult] = []
    missing: list[tuple[str, str]] = []
    for job, name in zip(jobs, names, strict=True):
        seen = _before_and_after(job, found.get(job.output))
        if isinstance(seen, str):
            missing.append((name, seen))
            continue
        make_folder(folder)
        shown.append(found[job.output])
        rows.append(_row(folder, free(name), name, shown[-1], *seen))
    before = len(earlier.rows)
    rows = sorted([*earlier.rows, *rows], key=lambda row: row["n"]) if before else rows
    missing = [*earlier.missing, *missing]
    if rows:
        text = _text(page, rows, missing, _by(by, shown, before))
        write_atomically(page, text.encode())
        remove_pictures(folder, {int(row["f"]) for row in rows})
    return Shown(len(rows), before, missing)


def _numbers(taken: Mapping[str, int]) -> Callable[[str], int]:
    """Gives each name the number that its pictures have, or one that none has."""
    free = (number for number in count() if number not in set(taken.values()))
    return lambda name: taken[name] if name in taken else next(free)


def _before_and_after(job: Job, result: FileResult | None) -> tuple[np.ndarray, np.ndarray] | str:
    """The two pictures, or why they are not shown."""
    if result is None or result.status == "failed":
        return result.reason if result else "not reached"
    if job.is_video:
        return "a video: look at it in a player"
    try:
        return _seen(job, job.source), _seen(job, job.output)
    except TfdeblurError as error:
        return str(error)


def _text(
    page: Path, rows: list[dict[str, Any]], missing: Sequence[tuple[str, str]], by: str
) -> str:
    return whole_page(
        title=f"Restored: {page.parent.absolute().name}",
        summary=f"{len(rows)} of {len(rows) + len(missing)} files, {by}. Nothing is measured "
        "here: what is sharper need not be truer.",
        above=listed("Not shown", missing),
        places="What was changed most",
        data=_data(rows, missing, folder_of(page)),
        scripts=("page.js",),
    )


def _by(by: str, shown: Sequence[FileResult], earlier: int) -> str:
    """What restored them: of what was there before, nothing tells it."""
    before = earlier + sum(result.status == "skipped" for result in shown)
    if not before:
        return f"restored by {by}"
    if before == earlier + len(shown):
        return "restored before, by this model or another"
    return f"restored by {by}, but {before} of them before, by this model or another"


def _name(job: Job, out: Path) -> str:
    """Of the result, below the folder of all results."""
    below = job.output.is_relative_to(out)
    return printable(job.output.relative_to(out) if below else job.output)


def _seen(job: Job, path: Path) -> np.ndarray:
    """uint8 `(height, width, 3)`, with the level of white that the job has."""
    image = read_image(path)
    image = image if job.white is None else job.white.of(image, printable(path))
    return to_uint8(image.seen_rgb())


def _row(
    folder: Path,
    number: int,
    name: str,
    result: FileResult,
    before: np.ndarray,
    after: np.ndarray,
) -> dict[str, Any]:
    """Writes the pictures of an image; returns what page.js shows of it."""
    for kind, picture in zip(KINDS, (before, after), strict=True):
        write_jpeg(folder / picture_name(number, kind), small(picture, LONGEST))
    height, width = after.shape[:2]
    places, change = [], math.nan
    if before.shape == after.shape:
        difference = np.abs(before.astype(np.float32) - after).mean(axis=-1)
        places, change = worst_places(difference), float(difference.mean())
    # What was skipped was done before: that says nothing about the image.
    remark = "" if result.status == "skipped" else result.reason
    return {
        "n": name,
        "w": width,
        "h": height,
        "side": place_side(height, width),
        "v": [[0], [round(change, 3)] if math.isfinite(change) else [None]],
        "c": [None, result.confidence],
        "p": [[], places],
        "m": [None, None],
        "k": [],
        "f": picture_name(number, "").removesuffix("-.jpg"),
        "r": {_AFTER: remark} if remark else {},
    }


def _data(
    rows: list[dict[str, Any]], missing: Sequence[tuple[str, str]], folder: str
) -> dict[str, Any]:
    return {
        "folder": folder,
        "truth": False,
        "metrics": [{"name": "mean change", "digits": 2}],
        "systems": [_BEFORE, _AFTER],
        "confidence": any(row["c"][1] is not None for row in rows),
        "missing": missing,  # for the next run into the folder
        "rows": rows,
    }
