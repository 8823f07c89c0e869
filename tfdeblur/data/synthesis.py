"""One sharp photograph to one pair: a random motion, the exact blur, rounding, the border cut."""

import math
from dataclasses import dataclass

import numpy as np

from tfdeblur.data import flows
from tfdeblur.data.degrade import Degradation, degrade, expose
from tfdeblur.errors import InvalidInput
from tfdeblur.image.codec import to_uint8
from tfdeblur.operators import blur_image

BLURS = ("motion-flow", "camera-shake")


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
    degradation: Degradation | None = None,
    crop_border: bool = True,
    *,
    strength: str = "strong",
    blur: str = "motion-flow",
) -> SyntheticPair:
    """Blurs a photograph by a random motion; a pure function of its arguments.

    Args:
        sharp_uint8: uint8 `(height, width, 3)`, RGB.
        seed: int >= 0. The flow is `flows.random_flow(seed, height, width, ...)`.
        law, max_extent, strength: of the motion, see `flows.random_flow`. Camera shake has
            neither law nor strength; for its `max_extent` see `camera_shake.random_shake`.
        degradation: noise, saturation and JPEG after the blur; None: none of them. Of these the
            sharp image takes part in the saturation.
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
    inside = _inside(height, width, margin if crop_border else (0, 0))
    return SyntheticPair(
        _degraded(blurred, degradation, seed)[inside],
        _exposed(sharp_uint8, degradation)[inside],
        None if flow is None else flow[inside],
        factor,
    )


def unblurred_pair(
    sharp_uint8: np.ndarray,
    seed: int,
    degradation: Degradation | None = None,
    *,
    blur: str = "motion-flow",
) -> SyntheticPair:
    """A photograph as its own partner, for an image that is sharp must be left as it is.

    Args, raises: as `synthesize_pair`.

    Returns:
        The pair, with a flow of zeros, or None for camera shake.
    """
    _check_photograph(sharp_uint8)
    image = sharp_uint8 / np.float32(255)
    still = np.zeros((*image.shape[:2], 2), np.float32)
    return SyntheticPair(
        _degraded(image, degradation, seed),
        _exposed(sharp_uint8, degradation),
        still if blur == "motion-flow" else None,
        1.0,
    )


def _degraded(blurred: np.ndarray, degradation: Degradation | None, seed: int) -> np.ndarray:
    if degradation is None:
        return to_uint8(blurred)
    # From the seed itself the noise would repeat the numbers of the motion.
    return to_uint8(degrade(blurred, degradation, (seed, 1)))


def _exposed(sharp: np.ndarray, degradation: Degradation | None) -> np.ndarray:
    if degradation is None or degradation.saturation == 1:
        return sharp
    return to_uint8(expose(sharp / np.float32(255), degradation))


def _shake(image: np.ndarray, seed: int, max_extent: float) -> tuple[np.ndarray, tuple[int, int]]:
    """Blurs along the paths of a random camera shake; returns the border to cut as well."""
    from tfdeblur.data.camera_shake import random_shake
    from tfdeblur.operators.path_blur import PathBlur

    height, width = image.shape[:2]
    paths = random_shake(seed, height, width, max_extent)
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


def _check_photograph(sharp: np.ndarray) -> None:
    if sharp.dtype != np.uint8 or sharp.ndim != 3 or sharp.shape[-1] != 3 or sharp.size == 0:
        raise InvalidInput(
            "`sharp_uint8` must be uint8 of shape (height, width, 3). "
            f"Received: shape={sharp.shape}, dtype={sharp.dtype}"
        )
