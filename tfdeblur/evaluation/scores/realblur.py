"""The scores of RealBlur: intensity fitted, aligned by a homography, measured where both are.

Source: Rim, Lee, Won, Cho, Real-world blur dataset for learning and benchmarking deblurring
algorithms, ECCV 2020, and the evaluation code that its tables share.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.evaluation.scores.moments import RADIUS, WINDOW
from tfdeblur.evaluation.scores.quality import check_levels

_STEPS = 100  # of the alignment, all of them
_SMOOTHING = 5  # pixels, of the alignment
_C1, _C2 = 0.01**2, 0.03**2  # of levels in [0, 1]


@dataclass(frozen=True)
class RealBlurScore:
    """Score of one restored image.

    Attributes:
        psnr: float, dB, over the pixels that the aligned image covers; inf where equal.
        ssim: float, Gaussian SSIM of each channel over the same pixels, at most 1.
    """

    psnr: float
    ssim: float


def score_image(restored: np.ndarray, sharp: np.ndarray) -> RealBlurScore:
    """Scores a restored photograph against its sharp partner, which moved a little.

    Args:
        restored, sharp: uint8 `(height, width, 3)`, RGB, at least 11 pixels a side.

    Raises:
        InvalidInput: if an image is not what it must be, or the two cannot be aligned.
    """
    check_levels("restored", restored)
    check_levels("sharp", sharp)
    if restored.shape != sharp.shape or min(sharp.shape[:2]) <= 2 * RADIUS:
        raise InvalidInput(
            "`restored` and `sharp` must have the same shape, at least 11x11 pixels. Received: "
            f"{restored.shape}, {sharp.shape}"
        )
    x, z = (image.astype(np.float32) / np.float32(255) for image in (sharp, restored))
    power = float(np.sum(z * z, dtype=np.float64))
    if power == 0:
        raise InvalidInput("`restored` must not be black: its intensity cannot be fitted.")
    z = z * np.float32(np.sum(x * z, dtype=np.float64) / power)
    z, mask = _aligned(z, x)
    x, z = x * mask, z * mask
    error = float(np.sum(np.square(x - z), dtype=np.float64) / np.sum(mask, dtype=np.float64))
    psnr = float(-10 * np.log10(error)) if error > 0 else float("inf")
    return RealBlurScore(psnr, _masked_ssim(x, z, mask))


def _aligned(image: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The image, moved onto the reference, and 1 where it has a value there, three channels."""
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _STEPS, 0)
    gray = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in (reference, image)]
    try:
        _, warp = cv2.findTransformECC(
            *gray, np.eye(3, dtype=np.float32), cv2.MOTION_HOMOGRAPHY, criteria, None, _SMOOTHING
        )
    except cv2.error as error:
        raise InvalidInput(
            "`restored` cannot be aligned with `sharp`: they show too little in common. "
            "Is it the result for this photograph?"
        ) from error
    size = reference.shape[1::-1]
    moved = cv2.warpPerspective(
        *(image, warp, size),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )
    covered = cv2.warpPerspective(
        *(np.ones_like(image), warp, size), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    return moved, covered


def _masked_ssim(x: np.ndarray, z: np.ndarray, mask: np.ndarray) -> float:
    """Mean of the SSIM map over what the mask keeps, per channel, where the window fits."""

    def windowed(image: np.ndarray) -> np.ndarray:
        image = cv2.sepFilter2D(image.astype(np.float64), -1, WINDOW, WINDOW)
        return image[RADIUS:-RADIUS, RADIUS:-RADIUS]

    x, z = x.astype(np.float64), z.astype(np.float64)
    mean_x, mean_z = windowed(x), windowed(z)
    spread = windowed(x * x) - mean_x**2 + windowed(z * z) - mean_z**2
    both = windowed(x * z) - mean_x * mean_z
    top = (2 * mean_x * mean_z + _C1) * (2 * both + _C2)
    likeness = top / ((mean_x**2 + mean_z**2 + _C1) * (spread + _C2))
    kept = mask[RADIUS:-RADIUS, RADIUS:-RADIUS].astype(np.float64)
    return float(np.mean((likeness * kept).sum(axis=(0, 1)) / kept.sum(axis=(0, 1))))
