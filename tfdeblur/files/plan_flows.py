"""Finds the file of the known motion flow of each photograph."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tfdeblur.errors import DataError, InvalidInput, TfdeblurError
from tfdeblur.files.plan import Job
from tfdeblur.image.flow_formats import FORMATS
from tfdeblur.near import did_you_mean_path
from tfdeblur.text import printable


def with_flows(
    jobs: Sequence[Job], known_flow: str | os.PathLike, out: str | os.PathLike
) -> list[Job]:
    """Gives every job the file of its motion flow.

    Args:
        jobs: from `plan_outputs`.
        known_flow: an .npz or .flo file, for all jobs; or a folder that holds STEM.npz or
            STEM.flo for an image STEM.png, or STEM.flow.npz or STEM.flow.flo as `deblur --flow`
            names them, in the same subfolder as the result below `out`.
        out: folder for the results, as given to `plan_outputs`.

    Returns:
        The jobs; those without a flow, with two, or that would write over theirs have an `error`.

    Raises:
        DataError: if `known_flow` does not exist.
    """
    given = Path(known_flow)
    if not given.exists():
        raise DataError(
            "`known_flow` must be a flow file (.npz or .flo) or a folder of them; there is no "
            f"such file or folder. Received: known_flow={os.fspath(known_flow)!r}."
            f"{did_you_mean_path(known_flow)}"
        )
    return [job if job.error else _with_flow(job, given, Path(out)) for job in jobs]


def _with_flow(job: Job, given: Path, out: Path) -> Job:
    if job.is_video:
        text = "A motion flow belongs to one photograph: a video cannot be restored with it."
        return replace(job, error=InvalidInput(text))
    found = _find(job, given, out)
    if isinstance(found, TfdeblurError):
        return replace(job, error=found)
    if os.path.realpath(found) in {os.path.realpath(path) for path in job.outputs}:
        text = (
            f"Its flow {printable(found)} would be written over. Choose another output folder "
            "(--out), or leave --flow out."
        )
        return replace(job, error=InvalidInput(text))
    return replace(job, flow=found)


def _find(job: Job, given: Path, out: Path) -> Path | TfdeblurError:
    if not given.is_dir():
        return given
    base = given / job.output.parent.relative_to(out) / job.source.name
    plain, written = (
        [base.with_suffix(f"{kind}.{ending}") for ending in FORMATS] for kind in ("", ".flow")
    )
    found = [path for path in (*plain, *written) if path.is_file()]
    if len(found) == 1:
        return found[0]
    if not found:
        names, others = (" nor ".join(map(printable, paths)) for paths in (plain, written))
        return DataError(f"There is no flow for it: neither {names} exists, nor {others}.")
    text = "There are two flows for it, {} and {}; remove one.".format(*map(printable, found[:2]))
    return InvalidInput(text)
