"""What a restorer is, and what it returns."""

import math
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Protocol

import numpy as np

from tfdeblur.restorers.showing import Shown


class DegenerateOutputWarning(UserWarning):
    """A network gave NaN or nonsense; the input was returned in its place."""


class NotConvergedWarning(UserWarning):
    """A deconvolution ran out of steps; the result is as far as it came."""


@dataclass(frozen=True)
class Stage:
    """What one level gave.

    Attributes:
        number: int, pass, from 1.
        level: int, level of that pass, from 1.
        deconvolved: `(height, width, 3)`, what the solver gave, clipped, dtype of the input.
        restored: the same after the generator.
    """

    number: int
    level: int
    deconvolved: np.ndarray
    restored: np.ndarray


@dataclass(frozen=True, repr=False)
class Restored(Shown):
    """What a `Restorer` returns; `save`, `show` and `compare` make files and pictures of it.

    Attributes:
        image: like the input: same shape, same dtype; floats are clipped to [0, 1].
        flow: float32 `(..., height, width, 2)`, pixels; None where no flow was estimated.
        confidence: float32 `(..., height, width)` in [0, 1]; None where not estimated.
        passes: int, how many times the network was applied.
        seconds: float, wall time, of all images together.
        degenerate: bool, or one per image of a batch: the network's output was
            degenerate and `image` is the input (see `Restorer`).
        blurred: the input itself, not a copy.
        file: `image.codec.DecodedImage`, the file that the input was read from; None where an
            array was given.
    """

    image: np.ndarray
    flow: np.ndarray | None = None
    confidence: np.ndarray | None = None
    passes: int = 1
    seconds: float = 0.0
    degenerate: bool | tuple[bool, ...] = False
    blurred: np.ndarray | None = field(default=None, kw_only=True)
    file: Any = field(default=None, kw_only=True)


class Restores(Protocol):
    """What every restorer is, whatever it restores with; `open.open_restorer` returns one.

    Attributes:
        reports: what it may report, names of `kind`: with "flow" what it returns has `flow`, where
            that is known; with "confidence" `confidence` and `score`, float in [0, 1], that of
            the whole image; with "solver" `steps`, `residual` and `converged`; with "stages" it
            takes `keep_stages=True`, returns `stages` and has `levels`, int, their number in
            each pass.

    Call arguments:
        image: `(height, width, 3)`, float in [0, 1], uint8 or uint16 over their full range.
        progress: called as `progress(done, total)` after each part of the work.
        flow: the motion, where its kind `takes_flow`.

    Returns:
        `Restored`, or what has its attributes and more of them; the image like `image`.
    """

    @property
    def reports(self) -> frozenset[str]: ...  # noqa: D102 (see Attributes)

    def __call__(self, *image: Any, **options: Any) -> Restored:
        """Restores one image; see the class."""

    def plan(self, height: int, width: int) -> Any:
        """The tiles that an image of this size is restored in: a `TilePlan`, or a tuple of them."""


def reports_of(restorer: Any) -> frozenset[str]:
    """What a restorer may report; nothing, of a plain function that restores."""
    return getattr(restorer, "reports", frozenset())


def score_of(restored: Any) -> float | None:
    """The confidence of one image that a restorer returned; None where it gave none."""
    score = getattr(restored, "score", None)
    return float(score) if isinstance(score, Real) and math.isfinite(score) else None
