"""Restoring photographs whose motion flow is known, by deconvolution, without any network."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import overload

import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.image.flow_files import read_flow
from tfdeblur.image.levels import to_float
from tfdeblur.image.tiling import TilePlan
from tfdeblur.operators import MotionBlur
from tfdeblur.restorers.calling import Images, Told, call_on
from tfdeblur.restorers.images import as_kind, check_image
from tfdeblur.restorers.kind import FLOW, SOLVER
from tfdeblur.restorers.protocol import Restored
from tfdeblur.restorers.reading import ImageLike
from tfdeblur.solvers import deconvolve
from tfdeblur.text import printable

# A motion longer than the picture leaves nothing to restore, and its kernels would take for ever;
# small crops of large photographs may still carry the motions of the whole.
_LONGEST_AT_LEAST = 1000  # pixels


@dataclass(frozen=True, repr=False)
class Deconvolved(Restored):
    """What `KnownFlow` returns.

    Attributes:
        steps: int, iterations of the solver.
        residual: float, relative residual of its result, dimensionless.
        converged: bool, whether that is at most the tolerance.
        remark: str, what to tell where it is not; "" otherwise.
    """

    steps: int = 0
    residual: float = 0.0
    converged: bool = True
    remark: str = ""


Flow = np.ndarray | str | os.PathLike[str]


class KnownFlow:
    """Restores photographs by non-blind deconvolution with a given motion flow.

    Args:
        beta, tolerance, max_steps: as for `solvers.deconvolve`; the anchor is the blurred image.
        rasterizer: as for `operators.MotionBlur`.

    Call arguments:
        image: `(height, width, 3)`, float in [0, 1], uint8 or uint16 over their full range; or a
            path, an image of Pillow or a list, as for `Restorer`.
        flow: float `(height, width, 2)` in pixels, or a file of it; of the upright image.
        progress: called as `progress(1, 1)` when it is done, for a list as for `Restorer`.

    Returns:
        `Deconvolved`; its image like `image`, clipped. An image on which the solver ran out of
        steps is returned as far as it came, and none is ever degenerate: what a flow gives that
        is not the image's own is nonsense, but it is what the equation asks for.

    Raises:
        InvalidInput: if an argument is not one of the above, or the flow is not that of an image
            of this size. `flow_files.read_flow` says what it raises about files.
    """

    reports: frozenset[str] = frozenset({FLOW, SOLVER})

    def __init__(
        self,
        *,
        beta: float = 0.01,
        tolerance: float = 1e-4,
        max_steps: int = 100,
        rasterizer: str = "gong2018",
    ):
        self.beta = beta
        self.tolerance = tolerance
        self.max_steps = max_steps
        self.rasterizer = rasterizer
        self._last: tuple[np.ndarray, MotionBlur] | None = None

    @overload
    def __call__(self, image: ImageLike, *, flow: Flow, progress: Told = None) -> Deconvolved: ...

    @overload
    def __call__(
        self, image: Images, *, flow: Flow, progress: Told = None
    ) -> list[Deconvolved]: ...

    def __call__(self, image, *, flow, progress=None):
        """Restores an image or a list; arguments and errors: see the class."""
        return call_on(lambda one, told: self._restore(one, flow, told), image, progress)

    def __repr__(self) -> str:
        return f"KnownFlow(beta={self.beta:g}, rasterizer={self.rasterizer!r})"

    def _restore(
        self, image: np.ndarray, flow: Flow, progress: Callable[[int, int], None] | None
    ) -> Deconvolved:
        start = time.perf_counter()
        image = check_image(image)
        if image.ndim != 3:
            raise InvalidInput(
                f"`image` must have shape (height, width, 3). Received: shape={image.shape}"
            )
        field = checked_flow(flow, *image.shape[:2])
        observed = to_float(image)[None]
        found = deconvolve(
            self._operator(field),
            observed,
            observed,
            self.beta,
            tolerance=self.tolerance,
            max_steps=self.max_steps,
        )
        value = found.value[0].numpy()
        steps, residual, converged = (report[0].numpy().item() for report in found[1:])
        if progress is not None:
            progress(1, 1)
        return Deconvolved(
            image=as_kind(value, image.dtype),
            flow=field,
            seconds=time.perf_counter() - start,
            steps=steps,
            residual=residual,
            converged=converged,
            remark="" if converged else self._advice(steps, residual),
        )

    def plan(self, height: int, width: int) -> TilePlan:
        """One tile: the solver sees whole images."""
        return TilePlan(height, width, height, width, (0,), (0,))

    def _operator(self, flow: np.ndarray) -> MotionBlur:
        """The blur of `flow`; the last one again where all photographs have the same flow."""
        if self._last is None or not np.array_equal(self._last[0], flow):
            self._last = None  # before the next is built: two at once may not fit into memory
            self._last = (flow, MotionBlur(flow[None], rasterizer=self.rasterizer))
        return self._last[1]

    def _advice(self, steps: int, residual: float) -> str:
        text = (
            f"not converged: the relative residual is {residual:.3g} after {steps} steps, the "
            f"tolerance {self.tolerance:g}; the result was written as it is"
        )
        if steps < self.max_steps:
            return f"{text}. Float32 gets no nearer: give a larger tolerance"
        return f"{text}. Give more steps, a larger tolerance or a larger beta"


def checked_flow(flow, height: int, width: int) -> np.ndarray:
    """A user's flow for one image of this size, pixels.

    Args:
        flow: float `(height, width, 2)`, pixels, of either sign; or a file of it.
        height, width: int, pixels of the image.

    Returns:
        float32 `(height, width, 2)`, as it was given.

    Raises:
        InvalidInput: if it is not that, holds NaN or too long a motion; it names the file.
        DataError: if the file is missing or cannot be read.
    """
    if isinstance(flow, str | os.PathLike):
        name, field = printable(flow), read_flow(flow)
    else:
        name, field = "`flow`", _as_floats(flow)
    if field.shape != (height, width, 2):
        raise InvalidInput(
            f"{name} does not fit the image: that is {width}x{height} pixels (width x height) "
            f"when upright, so its flow must have shape {(height, width, 2)}. "
            f"Received: shape={field.shape}"
        )
    bad = np.count_nonzero(~np.isfinite(field))
    if bad:
        raise InvalidInput(f"{name} must be finite. Received: {bad} NaN or infinite values")
    longest, limit = float(np.abs(field).max()), longest_motion(height, width)
    if longest > limit:
        raise InvalidInput(
            f"{name} holds a motion of {longest:.6g} pixels; for an image of {width}x{height} "
            f"pixels at most {limit} are accepted. Vectors are (u, v) in pixels of this image."
        )
    return field


def longest_motion(height: int, width: int) -> int:
    """The largest |u| or |v| that is accepted for an image of this size, pixels."""
    return max(_LONGEST_AT_LEAST, height + width)


def _as_floats(flow) -> np.ndarray:
    try:
        return np.asarray(flow, np.float32)
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            "`flow` must be an array of shape (height, width, 2) or a flow file. "
            f"Received: {type(flow).__name__}"
        ) from error
