"""What the restorer said of the frames of a video, summed up."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfdeblur.image.codec import to_uint8
from tfdeblur.restorers.kind import CONFIDENCE, SOLVER
from tfdeblur.restorers.protocol import Restored, reports_of, score_of

_EVERY = 8  # rows and columns that are looked at for how much a frame changed


@dataclass(frozen=True)
class VideoResult:
    """A restored video.

    Attributes:
        width, height: pixels of a frame of the input.
        frames: number of frames written.
        degenerate: frames where the network's output was unusable and the input was written.
        sample: (blurred, restored), uint8 `(height, width, 3)` RGB, upright: the frame that
            changed most.
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


class Tally:
    """Sums up.

    Args:
        restorer: a `Restorer`.

    Attributes:
        frames: int, so far.
        size: width and height of the frames; None before the first.
    """

    def __init__(self, restorer: Any):
        self._reports = reports_of(restorer)
        self.frames = 0
        self.size: tuple[int, int] | None = None
        self._degenerate = self._not_converged = 0
        self._scores: list[float] = []
        self._largest_change = -1.0
        self._sample: tuple[np.ndarray, np.ndarray, int] | None = None

    def add(
        self, size: tuple[int, int], degrees: int, blurred: np.ndarray, restored: Restored
    ) -> None:
        """Counts a frame.

        Args:
            size: width and height, pixels.
            degrees: by which it is to be turned to the left to be upright.
            blurred, restored: before and after.
        """
        self.frames += 1
        self.size = size
        self._degenerate += bool(restored.degenerate)
        if SOLVER in self._reports:
            self._not_converged += not restored.converged  # type: ignore[attr-defined]
        if CONFIDENCE in self._reports:
            score = score_of(restored)
            self._scores += [] if score is None else [score]
        some = np.s_[::_EVERY, ::_EVERY]
        before, after = (image[some].astype(np.int32) for image in (blurred, restored.image))
        change = float(np.abs(after - before).mean())
        if change > self._largest_change:
            self._largest_change = change
            self._sample = blurred, restored.image, degrees

    def result(self, remark: str) -> VideoResult:
        """The sum; there was at least one frame."""
        if self._sample is None or self.size is None:
            raise ValueError("no frame was counted")
        *images, degrees = self._sample
        turned = [np.rot90(to_uint8(image), round(degrees / 90)) for image in images]
        return VideoResult(
            *self.size,
            self.frames,
            self._degenerate,
            (np.ascontiguousarray(turned[0]), np.ascontiguousarray(turned[1])),
            self._not_converged,
            float(np.mean(self._scores)) if self._scores else None,
            remark,
        )
