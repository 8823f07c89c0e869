"""PSNR and the SSIMs of results that share one sharp image.

Three SSIMs go by one name in the literature, and differ by more than methods do: `ssim_gauss`,
`ssim_matlab3d` (both as in `metrics.image`) and `ssim_uniform`, scikit-image's default.
"""

from collections.abc import Callable

import cv2
import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.evaluation.scores.complex_wavelet import cw_ssim
from tfdeblur.evaluation.scores.moments import (
    C1,
    C2,
    PEAK,
    RADIUS,
    Centred,
    comparisons,
    mean_of,
    over_channels,
    valid,
    windowed,
)
from tfdeblur.evaluation.scores.saliency import saliency, saliency_map

_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of ms_ssim's scales, the finest first
_SMALLEST = 2 * RADIUS + 1
_UNIFORM = 7  # pixels, the window of `ssim_uniform`


def quality_scorer(sharp: np.ndarray) -> Callable[[np.ndarray], dict[str, float]]:
    """Prepares a sharp image, and returns what scores results against it.

    Args:
        sharp: uint8 `(height, width, 3)`, at least 11 pixels a side.

    Returns:
        Function from a result of the same shape, uint8, to values by protocol: `psnr_rgb_u8`,
        `ssim_gauss`, `ssim_matlab3d`, `ssim_uniform`, `saliency`, and, where the image is large
        enough, `ms_ssim` (161 pixels a side) and `cw_ssim` (224); NaN where it is not.

    Raises:
        InvalidInput: if `sharp` is not such an image; the function, if the result is not.
    """
    check_levels("sharp", sharp)
    if min(sharp.shape[:2]) < _SMALLEST:
        raise InvalidInput(
            f"`sharp` must be at least {_SMALLEST}x{_SMALLEST} pixels: the window of the SSIMs "
            f"must fit. Received: sharp.shape={sharp.shape}"
        )
    scales = _scales(sharp)
    uniform, looked_at = _Uniform(scales[0]), saliency_map(sharp)

    def score(restored: np.ndarray) -> dict[str, float]:
        check_levels("restored", restored)
        if restored.shape != sharp.shape:
            raise InvalidInput(
                "`sharp` and `restored` must have the same shape. Received: "
                f"sharp.shape={sharp.shape}, restored.shape={restored.shape}"
            )
        first = Centred.of(restored, scales[0].centre)
        both = windowed(scales[0].values * first.values)
        gauss, contrast = _gauss(scales[0], first, both)
        return {
            "psnr_rgb_u8": psnr(scales[0].values, first.values),
            "ssim_gauss": gauss,
            "ssim_matlab3d": _matlab3d(scales[0], first, both),
            "ssim_uniform": uniform.score(first),
            "ms_ssim": _multi_scale(scales, restored, contrast),
            "cw_ssim": cw_ssim(sharp, restored),
            "saliency": saliency(looked_at, restored),
        }

    return score


def check_levels(name: str, image: np.ndarray) -> None:
    """Raises InvalidInput unless an image is uint8 `(height, width, 3)`."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        raise InvalidInput(
            f"`{name}` must be uint8 (height, width, 3). Received: {image.dtype}, {image.shape}"
        )


def psnr(sharp: np.ndarray, restored: np.ndarray) -> float:
    """PSNR in dB of whole levels, whatever they are centred on; inf where they are equal."""
    difference = (sharp - restored).reshape(-1)
    # Squares of whole levels up to 255: exact in double precision, in any order of summation.
    error = float(np.einsum("i,i->", difference, difference, dtype=np.float64))
    return float(10 * np.log10(PEAK**2 * difference.size / error)) if error else float("inf")


def _gauss(sharp: Centred, restored: Centred, both: np.ndarray) -> tuple[float, np.ndarray]:
    """`ssim_gauss`, and the mean of contrast with structure of each channel."""
    planes = (sharp.mean, restored.mean, sharp.square, restored.square, both)
    luminance, contrast = comparisons(*(valid(plane) for plane in planes), sharp.centre)
    return mean_of(luminance * contrast), contrast.mean(axis=(0, 1), dtype=np.float64)


def _matlab3d(sharp: Centred, restored: Centred, both: np.ndarray) -> float:
    planes = (sharp.mean, restored.mean, sharp.square, restored.square, both)
    luminance, contrast = comparisons(*(over_channels(plane) for plane in planes), sharp.centre)
    return mean_of(luminance * contrast)


def _scales(sharp: np.ndarray) -> list[Centred]:
    """The sharp image, and halved as long as the window fits, five scales at most."""
    image, scales = sharp.astype(np.float32), []
    for scale in range(len(_EXPONENTS)):
        image = halved(image) if scale else image
        if min(image.shape[:2]) < _SMALLEST:
            break
        scales.append(Centred.of(image, float(np.round(image.mean(dtype=np.float64)))))
    return scales


def _multi_scale(scales: list[Centred], restored: np.ndarray, contrast: np.ndarray) -> float:
    """`ms_ssim`: per channel, luminance at the coarsest scale alone; then the mean."""
    if len(scales) < len(_EXPONENTS):
        return float("nan")
    image, found = restored.astype(np.float32), np.maximum(contrast, 0) ** _EXPONENTS[0]
    for sharp, exponent in zip(scales[1:], _EXPONENTS[1:], strict=True):
        image = halved(image)
        here = Centred.of(image, sharp.centre)
        both = windowed(sharp.values * here.values)
        planes = (sharp.mean, here.mean, sharp.square, here.square, both)
        luminance, map_ = comparisons(*(valid(plane) for plane in planes), sharp.centre)
        if sharp is scales[-1]:
            map_ = map_ * luminance
        found = found * np.maximum(map_.mean(axis=(0, 1), dtype=np.float64), 0) ** exponent
    return float(found.mean())


def halved(image: np.ndarray) -> np.ndarray:
    """Means over 2x2 pixels; an odd last row or column is repeated first."""
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return cv2.resize(
        image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA
    )


class _Uniform:
    """`ssim_uniform`: mean over 7x7 pixels, variances of a sample, where the window fits.

    Args:
        sharp: the sharp image.
    """

    def __init__(self, sharp: Centred) -> None:
        self._sharp = sharp
        self._mean = _boxed(sharp.values)
        self._square = _boxed(sharp.values * sharp.values)

    def score(self, restored: Centred) -> float:
        """Of a result that is centred on the same level."""
        values = restored.values
        x, y, c = self._mean, _boxed(values), np.float32(self._sharp.centre)
        sample = np.float32(_UNIFORM**2 / (_UNIFORM**2 - 1))
        contrast = (_boxed(self._sharp.values * values) - x * y) * sample
        spread = (self._square + _boxed(values * values) - x * x - y * y) * sample
        x, y = x + c, y + c
        top = (2 * x * y + np.float32(C1)) * (2 * contrast + np.float32(C2))
        return mean_of(top / ((x * x + y * y + np.float32(C1)) * (spread + np.float32(C2))))


def _boxed(image: np.ndarray) -> np.ndarray:
    side = _UNIFORM // 2
    return cv2.blur(image, (_UNIFORM, _UNIFORM))[side:-side, side:-side]
