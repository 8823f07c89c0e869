"""Restores videos frame by frame through OpenCV. The sound is not carried over."""

import logging
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tfdeblur.errors import InvalidInput, TfdeblurError
from tfdeblur.restorers.kind import CONFIDENCE, SOLVER
from tfdeblur.restorers.protocol import reports_of, score_of

logger = logging.getLogger(__name__)

_CODECS = {".avi": "MJPG"}  # all others: MPEG-4, which every build of OpenCV can write
_CODEC = "mp4v"
_FRAMES_PER_SECOND = 25.0  # where the file does not say


OnFrame = Callable[[float, int, int, int], None]


@dataclass(frozen=True)
class VideoResult:
    """A restored video.

    Attributes:
        width, height: pixels of a frame of the input.
        frames: number of frames written.
        degenerate: frames where the network's output was unusable and the input was written.
        sample: (blurred, restored), uint8 `(height, width, 3)` RGB: the frame that changed most.
        not_converged: frames on which a solver ran out of steps; written as far as it came.
        confidence: float in [0, 1], mean over the frames whose motion was estimated; None if
            there are none.
        remark: what the user should know, "" if nothing.
    """

    width: int
    height: int
    frames: int
    degenerate: int
    sample: tuple[np.ndarray, np.ndarray]
    not_converged: int = 0
    confidence: float | None = None
    remark: str = ""


def unfinished(output: Path) -> Path:
    """Name of `output` while it is being written: NAME.part.mp4 (OpenCV goes by the ending)."""
    return output.with_name(f"{output.stem}.part{output.suffix}")


def restore_video(
    restorer: Callable[..., Any],
    source: str | os.PathLike,
    output: str | os.PathLike,
    on_frame: OnFrame = lambda frames, total, width, height: None,
) -> VideoResult:
    """Restores every frame of `source` into `output`, at the same rate and size.

    Frames are 8-bit RGB. Odd sizes, which the codecs cannot hold, grow by one repeated row or
    column. `output` appears when it is complete; until then it is NAME.part.SUFFIX, which
    stays when the run is interrupted or the input turns out to be cut off.

    Args:
        restorer: a `Restorer`: `(uint8 (height, width, 3), progress=...)` -> `Restored` of the
            same kind and shape.
        source: mp4, avi, mov or mkv file.
        output: file to write; its ending chooses the container.
        on_frame: called after each frame, and whenever a part of one is done: frames done,
            frames announced by the file (0 if it does not say), width, height.

    Raises:
        InvalidInput: if `source` cannot be decoded, has no frames, or ends too early.
        TfdeblurError: if the result cannot be written in full.
    """
    source, output = Path(source), Path(output)
    if not source.exists():
        raise FileNotFoundError(2, "There is no such file", os.fspath(source))
    part = unfinished(output)
    capture = cv2.VideoCapture(os.fspath(source))
    writer = _Writer(part, capture.get(cv2.CAP_PROP_FPS))
    keep_part = False
    try:
        result = _restore_frames(restorer, capture, writer, source, on_frame)
        announced = _announced(capture)
        # Containers estimate the count from the duration: a frame or two off is no damage.
        if result.frames < announced - max(2, announced // 50):
            keep_part = True
            raise InvalidInput(
                f"The video is cut off: it ends after {result.frames} of {announced} frames. "
                f"What could be restored is kept in {part}."
            )
        writer.finish(result.frames)
        os.replace(part, output)
        return result
    except KeyboardInterrupt:
        keep_part = True
        if part.exists():
            logger.warning("The frames restored so far are kept in %s", part)
        raise
    finally:
        capture.release()
        writer.close()
        if not keep_part:
            part.unlink(missing_ok=True)


def _announced(capture) -> int:
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if math.isfinite(count) and 0 < count < 2**31 else 0


def _restore_frames(restorer, capture, writer, source, on_frame) -> VideoResult:
    total = _announced(capture)
    frames = degenerate = not_converged = 0
    scores: list[float] = []
    largest_change, sample = -1.0, None
    height = width = 0
    reports = reports_of(restorer)
    while True:
        readable, frame = capture.read()
        if not readable:
            break
        blurred = np.ascontiguousarray(frame[..., ::-1])
        height, width = blurred.shape[:2]
        restored = restorer(blurred, progress=_within(on_frame, frames, total, width, height))
        writer.write(restored.image)
        frames += 1
        degenerate += bool(restored.degenerate)
        if SOLVER in reports:
            not_converged += not restored.converged
        if CONFIDENCE in reports:
            scores += [score for score in (score_of(restored),) if score is not None]
        change = float(np.mean(cv2.absdiff(blurred, restored.image)))
        if change > largest_change:
            largest_change, sample = change, (blurred, restored.image)
        on_frame(frames, total, width, height)
    if sample is None:
        raise InvalidInput(
            f"The video holds no frame that can be decoded: {source}. It is empty or damaged, "
            "or its codec is not built into OpenCV."
        )
    confidence = float(np.mean(scores)) if scores else None
    return VideoResult(
        *(width, height, frames, degenerate, sample, not_converged, confidence, writer.remark)
    )


def _within(on_frame: OnFrame, frames: int, total: int, width: int, height: int):
    """What a restorer is to call while it works on a frame, `frames` being done."""

    def progress(done: int, parts: int) -> None:
        if done < parts:  # the end of a frame is told when it is written
            on_frame(frames + done / parts, total, width, height)

    return progress


class _Writer:
    """A `cv2.VideoWriter` that opens with the first frame and notices failed writes."""

    def __init__(self, path: Path, frames_per_second: float):
        self._path = path
        self.remark = ""
        known = math.isfinite(frames_per_second) and 0 < frames_per_second <= 1000
        if not known:
            self.remark = f"the file names no frame rate, {_FRAMES_PER_SECOND:g} is assumed"
        self._rate = frames_per_second if known else _FRAMES_PER_SECOND
        self._writer: cv2.VideoWriter | None = None

    def write(self, image: np.ndarray) -> None:
        """Adds one frame, uint8 `(height, width, 3)` RGB."""
        height, width = image.shape[:2]
        # OpenCV would cut the last row or column of an odd size off.
        even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
        if self._writer is None:
            self._writer = self._opened(even.shape[1], even.shape[0])
            if even.shape != image.shape:
                odd = f"{width}x{height} is odd and grew to {even.shape[1]}x{even.shape[0]}"
                self.remark = "; ".join(filter(None, (self.remark, odd)))
        self._writer.write(np.ascontiguousarray(even[..., ::-1]))

    def _opened(self, width: int, height: int) -> cv2.VideoWriter:
        code = cv2.VideoWriter.fourcc(*_CODECS.get(self._path.suffix.lower(), _CODEC))
        writer = cv2.VideoWriter(os.fspath(self._path), code, self._rate, (width, height))
        if not writer.isOpened():
            raise TfdeblurError(
                f"OpenCV cannot write the video {self._path} ({width}x{height}). Check that its "
                "folder can be written to and has room."
            )
        return writer

    def finish(self, frames: int) -> None:
        """Closes the file and checks that it holds `frames` frames: a full disk tells nobody."""
        self.close()
        check = cv2.VideoCapture(os.fspath(self._path))
        written = 0
        while written < frames and check.grab():
            written += 1
        check.release()
        if written < frames:
            raise TfdeblurError(
                f"The video {self._path} holds {written} of {frames} frames after writing: the "
                "disk may be full. Make room and run the same command again."
            )

    def close(self) -> None:
        """Closes the file."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None
