"""One sharp photograph to one pair: a random motion, the exact blur, rounding, the border cut."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tfdeblur.data import flows
from tfdeblur.errors import InvalidInput
from tfdeblur.image.codec import to_uint8
from tfdeblur.operators import blur_image

if TYPE_CHECKING:
    from tfdeblur.data.degrade import Degradation

BLURS = ("motion-flow", "camera-shake")

# Displacements over the exposure of a camera shake; at 46 pixels they are less than one apart.
_SHAKE_SAMPLES = 64


@dataclass(frozen=True)
class SyntheticPair:
    """A blurred image, its sharp partner and what lies between them.

    Attributes:
        blurred: uint8 `(height, width, 3)`, RGB.
        sharp: uint8, same shape.
        flow: float32 `(height, width, 2)`, pixels, canonical; None for camera shake, which has
            no straight lines to label.
        factor: in (0, 1], by which the drawn motion was scaled to keep to the ceiling.
    """

    blurred: np.ndarray
    sharp: np.ndarray
    flow: np.ndarray | None
    factor: float


def synthesize_pair(
    sharp_uint8: np.ndarray,
    seed: int,
    law: str = "gong2018",
    max_extent: float = 23,
    degradation: "Degradation | None" = None,
    crop_border: bool = True,
    *,
    strength: str = "strong",
    blur: str = "motion-flow",
) -> SyntheticPair:
    """Blurs a photograph by a random motion; a pure function of its arguments.

    Args:
        sharp_uint8: uint8 `(height, width, 3)`, RGB.
        seed: int >= 0. The flow is `flows.random_flow(seed, height, width, ...)`.
        law, max_extent, strength: of the motion, see `flows.random_flow`. Camera shake takes
            `max_extent` as the longest path, pixels, and has neither law nor strength.
        degradation: noise, saturation and JPEG after the blur; None: none of them.
        crop_border: whether to cut off the border (`flows.border`) where the blur takes in
            pixels that the photograph does not have; its width differs from motion to motion.
        blur: "motion-flow", straight lines by the operator K, or "camera-shake", curved paths.

    Returns:
        The pair; blurred and sharp are rounded to the nearest of 256 levels.

    Raises:
        InvalidInput: if an argument is not what it must be, or nothing is left inside the border.

    Source: Gong et al., From motion blur to motion flow, CVPR 2017, and its released generator.
        That one truncates to 8 bits; here they are rounded.
    """
    _check_photograph(sharp_uint8)
    height, width = sharp_uint8.shape[:2]
    image = sharp_uint8 / np.float32(255)
    flow: np.ndarray | None = None
    if blur == "motion-flow":
        flow, factor = flows.random_flow_with_factor(seed, height, width, law, max_extent, strength)
        blurred, margin = blur_image(image, flow), flows.border(flow)
    elif blur == "camera-shake":
        blurred, margin, factor = *_shake(image, seed, max_extent), 1.0
    else:
        raise InvalidInput(f"`blur` must be one of {', '.join(BLURS)}. Received: blur={blur!r}")
    if degradation is not None:
        from tfdeblur.data.degrade import degrade

        blurred = degrade(blurred, degradation, _noise_seed(seed))
    inside = _inside(height, width, margin if crop_border else (0, 0))
    return SyntheticPair(
        to_uint8(blurred[inside]),
        sharp_uint8[inside].copy(),
        None if flow is None else flow[inside].copy(),
        factor,
    )


def _shake(image: np.ndarray, seed: int, max_extent: float) -> tuple[np.ndarray, tuple[int, int]]:
    """Blurs along the paths of a random camera shake; returns the border to cut as well."""
    from tfdeblur.data.camera_shake import random_shake
    from tfdeblur.operators.path_blur import PathBlur

    height, width = image.shape[:2]
    paths = random_shake(seed, height, width, max_extent, _SHAKE_SAMPLES)
    blurred = np.asarray(PathBlur(paths[np.newaxis]).apply(image[np.newaxis]))[0]
    columns, rows = np.abs(paths).max(axis=(0, 1, 2))
    return blurred, (math.ceil(rows), math.ceil(columns))


def _inside(height: int, width: int, margin: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns that are left when `margin` is cut on each side."""
    rows, columns = margin
    if 2 * rows >= height or 2 * columns >= width:
        raise InvalidInput(
            f"The photograph must be larger than the border that is cut, {columns} columns and "
            f"{rows} rows on each side. Received: {width} x {height} pixels. Take a smaller "
            "`max_extent`, or leave the photograph out."
        )
    return slice(rows, height - rows), slice(columns, width - columns)


def _noise_seed(seed: int) -> int:
    """A seed of its own for the noise: from the same one it would repeat the motion's numbers."""
    return int(np.random.SeedSequence([seed, 1]).generate_state(1)[0])


def _check_photograph(sharp: np.ndarray) -> None:
    if sharp.dtype != np.uint8 or sharp.ndim != 3 or sharp.shape[-1] != 3 or sharp.size == 0:
        raise InvalidInput(
            "`sharp_uint8` must be uint8 of shape (height, width, 3). "
            f"Received: shape={sharp.shape}, dtype={sharp.dtype}"
        )
