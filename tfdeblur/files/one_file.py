"""Restores one file: reads it, writes the result and what is wanted beside it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfdeblur.errors import InvalidInput, NotConverged
from tfdeblur.files.alpha import restore_seen
from tfdeblur.files.beside import compare_with, write_beside, write_picture
from tfdeblur.files.plan import Job
from tfdeblur.files.results import ALREADY_DONE, FileResult
from tfdeblur.files.video.animation import restore_animation
from tfdeblur.files.video.progress import VideoProgress
from tfdeblur.files.video.restore import restore_video
from tfdeblur.files.written_as import written_as
from tfdeblur.image.atomic import write_atomically
from tfdeblur.image.codec import DecodedImage, dropped_by, encode_image, format_of, read_image
from tfdeblur.pictures.compare import comparison
from tfdeblur.restorers.kind import CONFIDENCE, SOLVER, STAGES
from tfdeblur.restorers.protocol import Restored, reports_of, score_of
from tfdeblur.text import printable

OnProgress = Callable[..., None]
"""`(fraction, pixels, detail="")`."""

_UNUSABLE = "the network's output was unusable (NaN or far out of range): the input was written"


def restore_one(
    restorer: Callable[..., Any], job: Job, on_progress: OnProgress, overwrite: bool
) -> FileResult:
    """Writes all `job.outputs`, the result last; of a finished job only what is missing beside it.

    Args:
        restorer, overwrite: as for `files.restore_files`.
        job: one without an error, not done unless `overwrite`.
        on_progress: called as `on_progress(fraction, pixels, detail)`.

    Raises:
        TfdeblurError, OSError: as reading, restoring and writing do.
    """
    if not job.is_video:
        return _restore_image(restorer, job, on_progress, overwrite)
    if job.output.is_file() and not overwrite:
        # Only frames that are restored now can be drawn: the result has lost some of theirs.
        reason = f"{ALREADY_DONE}; a video's comparison is drawn while it is restored: --overwrite"
        return FileResult(job.source, job.output, "skipped", reason=reason)
    return _restore_video(restorer, job, on_progress)


def _restore_image(restorer, job: Job, on_progress, overwrite: bool) -> FileResult:
    missing = job.missing()
    # With a new result all is new: what is beside it must not be of another model.
    wanted = frozenset(job.outputs if overwrite or job.output in missing else missing)
    decoded = _read(job)
    height, width = decoded.rgb.shape[:2]
    result = FileResult(job.source, job.output, "done", width, height, 1)
    result = replace(result, white_level=decoded.white, pictures=decoded.pictures)
    result = replace(result, left_out=decoded.left_out)
    if job.comparison in wanted and job.compare_at is not None:
        _check_inside(job.compare_at, width, height)
    stages = job.comparison in wanted and STAGES in reports_of(restorer)
    if job.comparison is not None and wanted == {job.comparison} and not stages:
        there = _in_white(read_image(job.output), job).seen_rgb()  # all that the picture needs
        write_picture(job.comparison, compare_with(job, decoded, there))
        return replace(result, status="skipped", reason=f"{ALREADY_DONE}; the comparison was added")

    def on_tiles(done: int, total: int) -> None:
        on_progress(done / total, height * width)

    on_progress(0.0, height * width)
    options: dict[str, Any] = {} if job.flow is None else {"flow": job.flow}
    if stages:
        options["keep_stages"] = True
    restored, rgb, like = restore_seen(restorer, decoded, on_tiles, options)
    data = encode_image(rgb, like=like, format=format_of(job.output))
    write_beside(job, wanted, decoded, restored)
    # Last, because a file that is there counts as done.
    if job.output in wanted:
        write_atomically(job.output, data)
    result = _with_reports(result, job, restorer, restored)
    result = _verdict(result, restored, wanted)
    told = [result.reason]
    if job.output in wanted:
        told += [written_as(job, decoded.format), dropped_by(format_of(job.output), like)]
    return replace(result, reason="; ".join(filter(None, told)))


def _check_inside(place: tuple[int, int], width: int, height: int) -> None:
    """Raises InvalidInput if a place to enlarge lies outside of the picture."""
    if place[0] >= width or place[1] >= height:
        raise InvalidInput(
            f"`--compare-at` must lie in the picture of {width}x{height} pixels: 0,0 to "
            f"{width - 1},{height - 1}. Received: {place[0]},{place[1]}"
        )


def _read(job: Job) -> DecodedImage:
    return _in_white(read_image(job.source, with_metadata=not job.strip), job)


def _in_white(image: DecodedImage, job: Job) -> DecodedImage:
    return image if job.white is None else job.white.of(image, printable(job.source))


def _with_reports(result: FileResult, job: Job, restorer, restored: Restored) -> FileResult:
    """`result`, with what the restorer measured."""
    reports = reports_of(restorer)
    if SOLVER in reports:
        solver = {name: getattr(restored, name) for name in ("steps", "residual", "converged")}
        result = replace(result, **solver)
    if STAGES in reports:
        result = replace(result, passes=restored.passes, levels=restorer.levels)
    if CONFIDENCE in reports:
        result = replace(result, confidence=score_of(restored))
    result = replace(result, remark=getattr(restored, "remark", ""))
    written = job.flow_file is not None and job.flow_file.is_file()
    return replace(result, flow=job.flow_file if written else None)


def _verdict(result: FileResult, restored: Restored, written: frozenset[Path]) -> FileResult:
    """`result`, with what is to be said about the restored image."""
    left_out = f"not carried over: {result.left_out}" if result.left_out else ""
    remark = "; ".join(filter(None, (result.remark, left_out)))
    if restored.degenerate:
        return _unsound(result, "degenerate", remark or _UNUSABLE)
    if result.converged is False:
        return _unsound(result, "not converged", remark)
    if result.output not in written:
        names = ", ".join(sorted(printable(path.name) for path in written))
        remark = "; ".join(filter(None, (f"{ALREADY_DONE}, left as it was; added {names}", remark)))
    return replace(result, reason=remark)


def _unsound(result: FileResult, status: str, reason: str) -> FileResult:
    return replace(result, status=status, reason=reason, exit_code=NotConverged.exit_code)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _restore_video(restorer, job: Job, on_progress) -> FileResult:
    def on_part(video: VideoProgress) -> None:
        place = job.compare_at if job.comparison is not None else None
        # Either way round: frames that are shown with a turn are drawn upright.
        if place is not None and max(place) >= max(video.width, video.height):
            _check_inside(place, video.width, video.height)
        # What a file announces may be far off (AVI counts gaps as frames): once a few frames are
        # done, the share of the time before the last one tells more. A picture's count is right.
        counted = video.seconds is None or video.frames < 3 or not video.fraction
        frames = video.announced if counted else (video.frames - 1) / video.fraction
        frames = max(round(frames), video.frames)
        detail = f"frame {video.frames}"
        if video.seconds is not None:
            detail += f", {_clock(video.seconds)}"
        if video.duration is not None:
            detail += f" of {_clock(video.duration)}"
        on_progress(video.fraction, frames * video.width * video.height, detail)

    if job.animated:
        video = restore_animation(restorer, job.source, job.output, on_part)
    else:
        video = restore_video(restorer, job.source, job.output, job.video, on_part)
    result = FileResult(job.source, job.output, "done", video.width, video.height, video.frames)
    result = replace(result, reason=video.remark, confidence=video.confidence)
    if job.comparison is not None:
        write_picture(job.comparison, comparison(*video.sample, at=job.compare_at))
    if video.degenerate:
        text = f"the network's output was unusable in {video.degenerate} frames: kept as they were"
        return _unsound(result, "degenerate", text)
    if video.not_converged:
        text = f"the solver did not converge in {video.not_converged} of {video.frames} frames"
        return _unsound(result, "not converged", text)
    return result
