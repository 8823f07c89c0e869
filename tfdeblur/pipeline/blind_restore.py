"""BlindRestorer: SEN, the solver and a generator, ready to restore images of any size."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfdeblur.pipeline.blind import BlindSettings
from tfdeblur.pipeline.restore import Restored

DEFAULT_BUDGET_BYTES = 4_000_000_000


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


@dataclass(frozen=True)
class BlindRestored(Restored):
    """What a `BlindRestorer` returns.

    `flow` and `confidence` are those of the first pass: the blur of the photograph itself.

    Attributes:
        score: float in [0, 1], confidence of the whole image.
        stages: the images of all levels of all passes, if they were asked for.
        steps: int, iterations of all deconvolutions together.
        residual: float, the worst relative residual of them, dimensionless.
        converged: bool, whether all reached the tolerance.
        remark: str, one line on what there is to tell; "" otherwise.
    """

    score: float | tuple[float, ...] = 0.0
    stages: tuple[Stage, ...] = ()
    steps: int = 0
    residual: float = 0.0
    converged: bool = True
    remark: str = ""


class BlindRestorer:
    """Restores photographs whose motion is not known (call contract of `Restorer`)."""

    def __init__(
        self,
        sen,
        generator,
        settings: BlindSettings,
        *,
        passes: int = 1,
        levels: int | None = None,
        tile: int | None = None,
        memory_budget_bytes: int = DEFAULT_BUDGET_BYTES,
        precision: str = "float32",
        early_stop: bool = True,
    ):
        raise NotImplementedError

    def __call__(
        self,
        image,
        *,
        flow=None,
        keep_stages: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> BlindRestored:
        """Restores one image or a batch."""
        raise NotImplementedError
