"""What restorers return."""

from dataclasses import dataclass

import numpy as np


class DegenerateOutputWarning(UserWarning):
    """A network gave NaN or nonsense; the input was returned in its place."""


@dataclass(frozen=True)
class Restored:
    """What a `Restorer` returns.

    Attributes:
        image: like the input: same shape, same dtype; floats are clipped to [0, 1].
        flow: float32 `(..., height, width, 2)`, pixels; None where no flow was estimated.
        confidence: float32 `(..., height, width)` in [0, 1]; None where not estimated.
        passes: int, how many times the network was applied.
        seconds: float, wall time, of all images together.
        degenerate: bool, or one per image of a batch: the network's output was
            degenerate and `image` is the input (see `Restorer`).
    """

    image: np.ndarray
    flow: np.ndarray | None = None
    confidence: np.ndarray | None = None
    passes: int = 1
    seconds: float = 0.0
    degenerate: bool | tuple[bool, ...] = False
