"""The page of a restored folder: before and after under a slider, without truth to measure with."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfdeblur.errors import TfdeblurError
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


def write_gallery(
    page: str | Path, jobs: Sequence[Job], results: Sequence[FileResult], by: str
) -> int:
    """Writes a page that shows the results of a folder, and its pictures in a folder beside it.

    Pictures and page are replaced. Videos are named, not shown, and so is what cannot be read.

    Args:
        page: path of the page.
        jobs: what was to be restored.
        results: what became of them, in any order.
        by: what restored them, for a reader.

    Returns:
        How many images are shown.

    Raises:
        DataError: if the page or a picture cannot be written.
    """
    page = Path(page)
    folder = page.parent / folder_of(page)
    make_folder(folder)
    found = {result.output: result for result in results}
    rows: list[dict[str, Any]] = []
    shown: list[FileResult] = []
    missing: list[tuple[str, str]] = []
    for job in jobs:
        result = found.get(job.output)
        name = _name(job, page.parent)
        if result is None or result.status == "failed":
            missing.append((name, result.reason if result else "not reached"))
        elif job.is_video:
            missing.append((name, "a video: look at it in a player"))
        else:
            try:
                before, after = _seen(job, job.source), _seen(job, job.output)
            except TfdeblurError as error:
                missing.append((name, str(error)))
                continue
            shown.append(result)
            rows.append(_row(folder, len(rows), name, result, before, after))
    text = whole_page(
        title=f"Restored: {page.parent.absolute().name}",
        summary=f"{len(rows)} of {len(jobs)} files, {_by(by, shown)}. Nothing is measured here: "
        "what is sharper need not be truer.",
        above=listed("Not shown", missing),
        places="What was changed most",
        data=_data(rows, folder.name),
        scripts=("page.js",),
    )
    write_atomically(page, text.encode())
    return len(rows)


def _by(by: str, shown: Sequence[FileResult]) -> str:
    """What restored them: of what was there before, nothing tells it."""
    before = sum(result.status == "skipped" for result in shown)
    if not before:
        return f"restored by {by}"
    if before == len(shown):
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
    write_jpeg(folder / picture_name(number, "blurred"), small(before, LONGEST))
    write_jpeg(folder / picture_name(number, "s0"), small(after, LONGEST))
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


def _data(rows: list[dict[str, Any]], folder: str) -> dict[str, Any]:
    return {
        "folder": folder,
        "truth": False,
        "metrics": [{"name": "mean change", "digits": 2}],
        "systems": [_BEFORE, _AFTER],
        "confidence": any(row["c"][1] is not None for row in rows),
        "rows": rows,
    }
