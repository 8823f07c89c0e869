"""Blurred images as averages of consecutive frames of a fast camera."""

import math
from collections.abc import Iterable

import numpy as np

from tfdeblur.errors import InvalidInput

ROUNDINGS = ("nearest", "down")


def average_frames(
    frames: Iterable[np.ndarray], gamma: float | None = None, rounding: str = "nearest"
) -> np.ndarray:
    """Averages sharp frames to one blurred image. One frame is held at a time.

    Args:
        frames: at least one uint8 `(height, width, 3)`, all of one size.
        gamma: > 0; the levels v are averaged as light v^gamma and turned back by the root.
            2.2 stands for a camera's response; None averages the levels themselves.
        rounding: to 8 bits: "nearest" or "down".

    Returns:
        uint8 `(height, width, 3)`.

    Raises:
        InvalidInput: if there is no frame, one is not what it must be, or `gamma` or
            `rounding` is not.

    Source: Nah et al., CVPR 2017, sec. 2.1, arXiv:1612.02177. Their `blur` has no gamma,
        `blur_gamma` has 2.2. A published average of eight frames of theirs is met exactly,
        in every pixel, with gamma=2.2 and rounding="down"; "nearest" is our choice, as
        rounding down darkens by half a level.
    """
    if gamma is None:
        gamma = 1.0
    if not (math.isfinite(gamma) and gamma > 0):
        raise InvalidInput(f"`gamma` must be a number above 0, or None. Received: gamma={gamma!r}")
    if rounding not in ROUNDINGS:
        raise InvalidInput(
            f"`rounding` must be one of {', '.join(ROUNDINGS)}. Received: rounding={rounding!r}"
        )
    light = np.arange(256.0) ** gamma
    total: np.ndarray | None = None
    count = 0
    for frame in frames:
        _check(frame, count, total)
        if total is None:
            total = np.zeros(frame.shape)
        total += light[frame]
        count += 1
    if total is None:
        raise InvalidInput("`frames` must hold at least one frame. Received: none")
    levels = (total / count) ** (1 / gamma)
    if rounding == "nearest":
        return np.round(levels).astype(np.uint8)
    # What float64 leaves below a whole level is that level.
    return np.floor(levels + 1e-9).astype(np.uint8)


def middle_index(count: int) -> int:
    """Index of the frame that is the sharp partner of an average of `count` frames.

    The middle one; of the two middle ones of an even count the later, as in the published
    averages of GOPRO frames.

    Raises:
        InvalidInput: if `count` is below 1.
    """
    if count < 1:
        raise InvalidInput(f"`count` must be at least 1 frame. Received: count={count!r}")
    return count // 2


def _check(frame: np.ndarray, index: int, total: np.ndarray | None) -> None:
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[-1] != 3 or frame.size == 0:
        raise InvalidInput(
            "`frames` must be uint8 of shape (height, width, 3). "
            f"Received: shape={frame.shape}, dtype={frame.dtype} at index {index}"
        )
    if total is not None and frame.shape != total.shape:
        raise InvalidInput(
            f"`frames` must all have the size of the first, {total.shape[1]} x {total.shape[0]}. "
            f"Received: {frame.shape[1]} x {frame.shape[0]} at index {index}"
        )
