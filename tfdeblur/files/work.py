"""Works through a list of files: reads, restores, writes, and reports what became of each.

A bad file is reported and the rest is done; only a full disk, which would fail every later
file as well, ends the loop. Images and videos are written whole or not at all.
"""

import errno
import logging
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tfdeblur.errors import InvalidInput, TfdeblurError
from tfdeblur.files.inputs import Source, find_inputs
from tfdeblur.files.one_file import restore_one
from tfdeblur.files.plan import Job, plan_outputs, prepare_folder
from tfdeblur.files.results import (
    Event,
    FileResult,
    cause_of,
    exit_code,
    reason_of,
    without_work,
)
from tfdeblur.restorers.protocol import DegenerateOutputWarning, NotConvergedWarning
from tfdeblur.text import printable

__all__ = [
    "Event",
    "FileResult",
    "Job",
    "Source",
    "exit_code",
    "find_inputs",
    "plan_outputs",
    "prepare_folder",
    "restore_files",
]

logger = logging.getLogger(__name__)

# What fails one write for these reasons fails every later one too.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def restore_files(
    restorer: Callable[..., Any],
    jobs: Sequence[Job],
    on_event: Callable[[Event], None] = lambda event: None,
    *,
    overwrite: bool = False,
) -> list[FileResult]:
    """Restores the files of `jobs` one after the other.

    Args:
        restorer: a `Restorer`: `(image, progress=...)` -> `Restored`. Jobs that have a flow
            pass it on as `flow=...` (`KnownFlow`, `BlindRestorer`).
        jobs: from `plan_outputs`.
        on_event: is told when a job starts, whenever a part is finished, and when it ends.
        overwrite: whether jobs that are done already are done again.

    Returns:
        One result a job; a job that fails is one of them and does not stop the others.

    Raises:
        TfdeblurError: if the disk is full or read-only. Files finished before are kept.
        KeyboardInterrupt: passed on; files finished before are kept.
    """
    results = []
    for index, job in enumerate(jobs):
        on_event(Event(index, job))

        def on_progress(
            fraction: float, pixels: int, detail: str = "", index: int = index, job: Job = job
        ) -> None:
            on_event(Event(index, job, pixels, fraction, detail))

        start = time.perf_counter()
        with warnings.catch_warnings():
            # They are part of the result, by name of the file.
            for told in (DegenerateOutputWarning, NotConvergedWarning):
                warnings.simplefilter("ignore", told)
            result = _guarded(restorer, job, on_progress, overwrite)
        result = replace(result, seconds=time.perf_counter() - start)
        results.append(result)
        pixels = result.width * result.height * result.frames
        on_event(Event(index, job, pixels, 1.0, result=result))
    return results


def _guarded(restorer, job: Job, on_progress, overwrite: bool) -> FileResult:
    try:
        if job.error is not None:
            raise job.error
        if job.is_done() and not overwrite:
            return without_work(job)
        if job.output.is_dir():
            raise InvalidInput(f"The result cannot be written: {job.output} is a folder.")
        job.output.parent.mkdir(parents=True, exist_ok=True)
        return restore_one(restorer, job, on_progress, overwrite)
    except Exception as error:  # a fault in one file must not cost the user the others
        cause = error.__cause__ or error
        if isinstance(cause, OSError) and cause.errno in _FULL:
            raise TfdeblurError(
                f"{cause_of(cause)}: {printable(job.output)} was not written. Files finished "
                "before are kept; make room and run the same command again to go on."
            ) from error
        logger.debug("while restoring %s", job.source, exc_info=True)
        reason, code = reason_of(error)
    return FileResult(job.source, job.output, "failed", reason=reason, exit_code=code)
