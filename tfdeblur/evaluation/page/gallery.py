"""The page of a restored folder: before and after under a slider, without truth to measure with."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from tfdeblur.errors import TfdeblurError
from tfdeblur.evaluation.page.beside import Beside, seen
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
from tfdeblur.text import printable

_BEFORE, _AFTER = "before", "restored"


@dataclass(frozen=True)
class Shown:
    """What a gallery shows: `images` in all, of which `before` are of earlier runs only.

    Without any there is no page: `missing` says why, as (name, reason). `beside` says of how many
    a folder of earlier results is shown, by its label.
    """

    images: int
    before: int
    missing: Sequence[tuple[str, str]]
    beside: Mapping[str, int] = field(default_factory=dict)


def write_gallery(
    page: str | Path,
    jobs: Sequence[Job],
    results: Sequence[FileResult],
    by: str,
    beside: Sequence[str] = (),
) -> Shown:
    """Writes a page that shows the results of a folder, and its pictures in a folder beside it.

    What the page showed of other files stays, as long as their results are there. Videos are
    named, not shown, and so is what cannot be read.

    Args:
        page: path of the page.
        jobs: what was to be restored.
        results: what became of them, in any order.
        by: what restored them, for a reader.
        beside: folders of earlier results, whose pictures of the same names are shown as well.

    Returns:
        What is shown; without an image no page is written.

    Raises:
        DataError: if the page or a picture cannot be written.
    """
    page = Path(page)
    folder = page.parent / folder_of(page)
    found = {result.output: result for result in results}
    names = [_name(job, page.parent) for job in jobs]
    others = Beside(beside, jobs, page.parent, {_BEFORE, _AFTER})
    systems = [_BEFORE, _AFTER, *others.labels]
    earlier = earlier_gallery(page).without(set(names)).of_systems(len(systems))
    free = _numbers(earlier.numbers)
    rows: list[dict[str, Any]] = []
    shown: list[FileResult] = []
    missing: list[tuple[str, str]] = []
    for job, name in zip(jobs, names, strict=True):
        pair = _before_and_after(job, found.get(job.output))
        if isinstance(pair, str):
            missing.append((name, pair))
            continue
        make_folder(folder)
        shown.append(found[job.output])
        beside_it = others.pictures(job, name, pair[1].shape)
        rows.append(_row(folder, free(name), name, shown[-1], *pair, beside_it))
    before = len(earlier.rows)
    rows = sorted([*earlier.rows, *rows], key=lambda row: row["n"]) if before else rows
    missing = [*earlier.missing, *missing]
    if rows:
        summary = f"{_by(by, shown, before)}.{_beside(others.labels, beside)}"
        data = _data(rows, missing, folder_of(page), systems)
        write_atomically(page, _text(page, data, others.unreadable, summary).encode())
        remove_pictures(folder, rows)
    return Shown(len(rows), before, missing, others.counts)


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
        return seen(job, job.source), seen(job, job.output)
    except TfdeblurError as error:
        return str(error)


def _text(
    page: Path, data: Mapping[str, Any], unreadable: Sequence[tuple[str, str]], by: str
) -> str:
    rows, missing = data["rows"], data["missing"]
    return whole_page(
        title=f"Restored: {page.parent.absolute().name}",
        summary=f"{len(rows)} of {len(rows) + len(missing)} files, {by} Nothing is measured "
        "here: what is sharper need not be truer.",
        above=listed("Not shown", [*missing, *unreadable]),
        places="What was changed most",
        data=data,
        scripts=("page.js",),
    )


def _beside(labels: Sequence[str], folders: Sequence[str]) -> str:
    """Where the further systems are from, as their labels are names alone."""
    if not labels:
        return ""
    told = [f"{label} ({printable(folder)})" for label, folder in zip(labels, folders, strict=True)]
    return f" Beside them, from earlier results: {', '.join(told)}."


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


def _row(
    folder: Path,
    number: int,
    name: str,
    result: FileResult,
    before: np.ndarray,
    after: np.ndarray,
    others: Sequence[np.ndarray | None],
) -> dict[str, Any]:
    """Writes the pictures of an image; returns what page.js shows of it."""
    kinds = [*KINDS, *(f"s{k}" for k in range(1, len(others) + 1))]
    for kind, picture in zip(kinds, (before, after, *others), strict=True):
        if picture is not None:
            write_jpeg(folder / picture_name(number, kind), small(picture, LONGEST))
    height, width = after.shape[:2]
    changes = [_change(before, picture) for picture in (after, *others)]
    # What was skipped was done before: that says nothing about the image.
    remark = "" if result.status == "skipped" else result.reason
    return {
        "n": name,
        "w": width,
        "h": height,
        "side": place_side(height, width),
        "v": [[0], *(values for values, _ in changes)],
        "c": [None, result.confidence, *[None] * len(others)],
        "p": [[], *(places for _, places in changes)],
        "m": [None] * (2 + len(others)),
        "k": [],
        "f": picture_name(number, "").removesuffix("-.jpg"),
        "r": {_AFTER: remark} if remark else {},
    }


def _change(
    before: np.ndarray, after: np.ndarray | None
) -> tuple[list[float | None] | None, list[tuple[int, int]]]:
    """Mean change of a result, None if there is no result, and where it was changed most."""
    if after is None:
        return None, []
    if before.shape != after.shape:
        return [None], []
    difference = np.abs(before.astype(np.float32) - after).mean(axis=-1)
    change = float(difference.mean())
    return [round(change, 3) if math.isfinite(change) else None], worst_places(difference)


def _data(
    rows: list[dict[str, Any]],
    missing: Sequence[tuple[str, str]],
    folder: str,
    systems: Sequence[str],
) -> dict[str, Any]:
    return {
        "folder": folder,
        "truth": False,
        "metrics": [{"name": "mean change", "digits": 2}],
        "systems": systems,
        "confidence": any(row["c"][1] is not None for row in rows),
        "missing": missing,  # for the next run into the folder
        "rows": rows,
    }
