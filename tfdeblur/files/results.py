"""What became of a file, and the news while it is worked on."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tfdeblur.errors import (
    EXIT_DONE,
    EXIT_UNEXPECTED,
    DataError,
    InvalidInput,
    NotConverged,
    TfdeblurError,
)
from tfdeblur.files.plan import Job
from tfdeblur.text import printable

ALREADY_DONE = "already done"


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
        steps, residual, converged: of the solver (`solvers.Solution`), where one was at work: of
            several deconvolutions, all steps and the worst residual; None otherwise.
        passes: int, times that the networks were applied; None where none was.
        levels: int, turns of solver and generator in each pass; None for other networks.
        confidence: float in [0, 1], how much of the blur the estimated motion explains, of a
            video the mean of its frames; None where no motion was estimated.
        remark: what the restorer said, "" if nothing.
        flow: file that the motion flow was written to, None if it was not.
        white_level: int, the level of a 16-bit image that was taken for white; None: the usual.
        pictures: int, pictures in the file, of which the first is restored.
        left_out: what the file holds that the result does not, in words; "" if nothing.
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
    passes: int | None = None
    levels: int | None = None
    confidence: float | None = None
    remark: str = ""
    flow: Path | None = None
    white_level: int | None = None
    pictures: int = 1
    left_out: str = ""


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


def present(results: Sequence[FileResult]) -> list[FileResult]:
    """The results as they are on the disk now: what is gone since it was written has failed."""
    return [replace(one, **_gone(one)) if one.status != "failed" else one for one in results]


def _gone(result: FileResult) -> dict[str, Any]:
    files = [result.output] if result.flow is None else [result.output, result.flow]
    missing = [printable(file) for file in files if not file.exists()]
    if not missing:
        return {}
    return {
        "status": "failed",
        "reason": f"{' and '.join(missing)} was there and is gone: was the folder removed? Run "
        "the same command again.",
        "exit_code": DataError.exit_code,
    }


def exit_code(results: Sequence[FileResult]) -> int:
    """The gravest code of all files: unexpected (1), bad input (3), missing (4), unusable or
    not converged (5)."""
    return gravest({result.exit_code for result in results})


def gravest(codes: Set[int]) -> int:
    """The one of several exit codes that a command answers with."""
    order = (EXIT_UNEXPECTED, InvalidInput.exit_code, DataError.exit_code, NotConverged.exit_code)
    return next((code for code in order if code in codes), EXIT_DONE)


def without_work(job: Job) -> FileResult:
    """The result of a job that is done already, or whose input is none: no framework is loaded."""
    if job.error is None:
        return FileResult(job.source, job.output, "skipped", reason=_done_before(job))
    reason, code = reason_of(job.error)
    return FileResult(job.source, job.output, "failed", reason=reason, exit_code=code)


def _done_before(job: Job) -> str:
    """Of a job that is done; a place that was asked for may be another than the one drawn."""
    if job.comparison is None or job.compare_at is None:
        return ALREADY_DONE
    return (
        f"{ALREADY_DONE}, and so is its comparison, which stays as it is. For one at "
        f"{job.compare_at[0]},{job.compare_at[1]} delete {printable(job.comparison)} first, or "
        "give --overwrite."
    )


def cause_of(error: Exception) -> str:
    """What an error says, or what it is."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def reason_of(error: Exception) -> tuple[str, int]:
    """Why a file failed, on one line, and the exit code for it."""
    kind = type(error).__name__
    if isinstance(error, TfdeblurError):
        text, code = str(error), error.exit_code
    elif isinstance(error, OSError):
        missing = isinstance(error, FileNotFoundError)
        code = DataError.exit_code if missing else InvalidInput.exit_code
        text = f"{error.filename or 'The file'}: {cause_of(error)}"
    elif isinstance(error, MemoryError) or kind == "ResourceExhaustedError":
        text, code = (
            "There is not enough memory: give a smaller `tile`, or a smaller picture.",
            EXIT_UNEXPECTED,
        )
    else:
        text, code = f"{kind}: {error}", EXIT_UNEXPECTED
    return printable(" ".join(text.split(" "))), code
