"""Works through a list of files: reads, restores, writes, and reports what became of each.

A bad file is reported and the rest is done; only a full disk, which would fail every later
file as well, ends the loop. Images and videos are written whole or not at all.
"""

import errno
import logging
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tfdeblur.errors import (
    EXIT_DONE,
    EXIT_UNEXPECTED,
    DataError,
    InvalidInput,
    NotConverged,
    TfdeblurError,
)
from tfdeblur.image.codec import (
    DecodedImage,
    encode_image,
    format_of,
    read_image,
    to_uint8,
    write_atomically,
)
from tfdeblur.pipeline.compare import comparison, sharp_partner
from tfdeblur.pipeline.inputs import Source, find_inputs, printable
from tfdeblur.pipeline.known_flow import Deconvolved
from tfdeblur.pipeline.plan import Job, plan_outputs, prepare_folder
from tfdeblur.pipeline.restore import DegenerateOutputWarning, Restored
from tfdeblur.pipeline.video import restore_video

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
_UNUSABLE = "the network's output was unusable (NaN or far out of range): the input was written"


@dataclass(frozen=True)
class FileResult:
    """What became of one job.

    Attributes:
        status: "done"; "skipped", it was done before; "degenerate", the network's output was
            unusable and the input was written in its place; "not converged", the solver ran
            out of steps and what it had was written; "failed", no result was written.
        width, height: pixels of the upright image, 0 if it was not read.
        frames: restored frames, 1 for an image, 0 if none.
        seconds: wall time with reading and writing.
        reason: why it is not simply done, or a remark; one line, "" if there is none.
        exit_code: what the command line would return for this file alone.
        steps, residual, converged: of the solver (`solvers.Solution`), where a known flow was
            deconvolved; None otherwise.
    """

    input: Path
    output: Path
    status: str
    width: int = 0
    height: int = 0
    frames: int = 0
    seconds: float = 0.0
    reason: str = ""
    exit_code: int = EXIT_DONE
    steps: int | None = None
    residual: float | None = None
    converged: bool | None = None


@dataclass(frozen=True)
class Event:
    """News from `restore_files` about `job`, the one at position `index`.

    Attributes:
        pixels: int, pixels of the job, all frames together; 0 while unknown.
        fraction: float in [0, 1], how much of the job is finished.
        detail: which part that was, "frame 3 of 60"; "" for images.
        result: set once, in the last event of the job.
    """

    index: int
    job: Job
    pixels: int = 0
    fraction: float = 0.0
    detail: str = ""
    result: FileResult | None = None


def _cause(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def exit_code(results: Sequence[FileResult]) -> int:
    """The gravest code of all files: unexpected (1), bad input (3), missing (4), unusable or
    not converged (5)."""
    codes = {result.exit_code for result in results}
    order = (EXIT_UNEXPECTED, InvalidInput.exit_code, DataError.exit_code, NotConverged.exit_code)
    return next((code for code in order if code in codes), EXIT_DONE)


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
            pass it on as `flow=...` (`KnownFlow`).
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
            # It is part of the result, by name of the file.
            warnings.simplefilter("ignore", DegenerateOutputWarning)
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
            return FileResult(job.source, job.output, "skipped", reason="already done")
        if job.output.is_dir():
            raise InvalidInput(f"The result cannot be written: {job.output} is a folder.")
        job.output.parent.mkdir(parents=True, exist_ok=True)
        if job.is_video:
            if job.output.is_file() and not overwrite:
                reason = "already done; for its comparison picture, overwrite it"
                return FileResult(job.source, job.output, "skipped", reason=reason)
            return _restore_video(restorer, job, on_progress)
        return _restore_image(restorer, job, on_progress, overwrite)
    except Exception as error:  # a fault in one file must not cost the user the others
        cause = error.__cause__ or error
        if isinstance(cause, OSError) and cause.errno in _FULL:
            raise TfdeblurError(
                f"{_cause(cause)}: {printable(job.output)} was not written. Files finished "
                "before are kept; make room and run the same command again to go on."
            ) from error
        logger.debug("while restoring %s", job.source, exc_info=True)
        reason, code = _reason(error)
    return FileResult(job.source, job.output, "failed", reason=reason, exit_code=code)


def _reason(error: Exception) -> tuple[str, int]:
    """Why a file failed, on one line, and the exit code for it."""
    kind = type(error).__name__
    if isinstance(error, TfdeblurError):
        text, code = str(error), error.exit_code
    elif isinstance(error, OSError):
        missing = isinstance(error, FileNotFoundError)
        code = DataError.exit_code if missing else InvalidInput.exit_code
        text = f"{error.filename or 'The file'}: {_cause(error)}"
    elif isinstance(error, MemoryError) or kind == "ResourceExhaustedError":
        text, code = (
            "There is not enough memory: give a smaller `tile`, or a smaller picture.",
            EXIT_UNEXPECTED,
        )
    else:
        text, code = f"{kind}: {error}", EXIT_UNEXPECTED
    return printable(" ".join(text.split(" "))), code


def _restore_image(restorer, job: Job, on_progress, overwrite: bool) -> FileResult:
    decoded = read_image(job.source)
    height, width = decoded.rgb.shape[:2]
    result = FileResult(job.source, job.output, "done", width, height, 1)
    if job.output.is_file() and not overwrite:  # all that is missing is the picture
        _write_comparison(job, decoded, read_image(job.output).float_rgb())
        return replace(result, status="skipped", reason="already done; the comparison was added")

    def on_tiles(done: int, total: int) -> None:
        on_progress(done / total, height * width)

    on_progress(0.0, height * width)
    # Of gray images three channels are averaged at the end: they are rounded after that, once.
    image = decoded.float_rgb() if decoded.gray else decoded.rgb
    known = {} if job.flow is None else {"flow": job.flow}
    restored = restorer(image, progress=on_tiles, **known)
    data = encode_image(restored.image, like=decoded, format=format_of(job.output))
    if job.comparison is not None:
        _write_comparison(job, decoded, restored.image)
    # Last, because a file that is there counts as done.
    write_atomically(job.output, data)
    return _verdict(result, restored)


def _verdict(result: FileResult, restored: Restored) -> FileResult:
    """`result`, with what is to be said about the restored image."""
    status, reason = "done", ""
    if restored.degenerate:
        status = "degenerate"
        reason = (
            "the network's output was unusable (NaN or far out of range): the input was written"
        )
    if isinstance(restored, Deconvolved):
        solver = {name: getattr(restored, name) for name in ("steps", "residual", "converged")}
        result = replace(result, **solver)
        if not restored.converged:
            status, reason = "not converged", restored.remark
    if status == "done":
        return result
    return replace(result, status=status, reason=reason, exit_code=NotConverged.exit_code)


def _write_comparison(job: Job, blurred: DecodedImage, restored: np.ndarray) -> None:
    """Writes the picture `job.comparison`; `restored` is a picture in any of the codec's types."""
    partner = sharp_partner(job.source)
    sharp = None if partner is None else to_uint8(read_image(partner).rgb)
    if sharp is not None and sharp.shape != blurred.rgb.shape:
        logger.warning("%s has another size than its blurred image; left out.", partner)
        sharp = None
    _write_picture(job.comparison, comparison(to_uint8(blurred.rgb), to_uint8(restored), sharp))


def _write_picture(path: Path | None, picture: np.ndarray) -> None:
    if path is not None:
        write_atomically(path, encode_image(picture, like=None, format="png"))


def _restore_video(restorer, job: Job, on_progress) -> FileResult:
    def on_frame(frames: int, total: int, width: int, height: int) -> None:
        total = max(frames, total)
        on_progress(frames / total, total * width * height, f"frame {frames} of {total}")

    video = restore_video(restorer, job.source, job.output, on_frame)
    result = FileResult(job.source, job.output, "done", video.width, video.height, video.frames)
    if job.comparison is not None:
        _write_picture(job.comparison, comparison(*video.sample))
    if not video.degenerate:
        return replace(result, reason=video.remark)
    reason = f"the network's output was unusable in {video.degenerate} frames: kept as they were"
    return replace(result, status="degenerate", reason=reason, exit_code=NotConverged.exit_code)
