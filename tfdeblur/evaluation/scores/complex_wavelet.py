"""CW-SSIM: likeness of complex wavelet coefficients, which small shifts hardly change.

Source: Sampat, Wang, Gupta, Bovik, Markey, Complex wavelet structural similarity, IEEE TIP 18(11),
2009, doi:10.1109/TIP.2009.2025923, with the settings of the authors' released code: the coarsest
of six levels of a complex steerable pyramid of sixteen orientations, windows of 7x7, K = 0, and a
Gaussian weight over the image, a quarter of its height wide. On luminance (0.299, 0.587, 0.114) of
8-bit levels.
"""

import math
from functools import lru_cache

import cv2
import numpy as np

_LEVELS, _ORIENTATIONS, _WINDOW = 6, 16, 7
_LUMINANCE = np.array([0.299, 0.587, 0.114])
_SMALLEST = _WINDOW * 2 ** (_LEVELS - 1)  # pixels a side


def cw_ssim(sharp: np.ndarray, restored: np.ndarray) -> float:
    """CW-SSIM of two images.

    Args:
        sharp, restored: uint8 `(height, width, 3)`.

    Returns:
        0 to 1; NaN if a side has less than 224 pixels, as the coarsest level does not hold a
        window then.
    """
    if min(sharp.shape[:2]) < _SMALLEST:
        return float("nan")
    x, z = (_bands(image.astype(np.float64) @ _LUMINANCE) for image in (sharp, restored))
    across = np.abs(_windows(x * np.conj(z)))
    power = _windows(np.abs(x) ** 2 + np.abs(z) ** 2)
    # 0 / 0 of a flat place: both are the same there.
    likeness = np.divide(2 * across, power, out=np.ones_like(power), where=power > 0)
    weights = _weights(*likeness.shape[-2:], x.shape[-2] / 4)
    return float(np.mean(np.sum(likeness * weights, axis=(-2, -1))))


def _bands(image: np.ndarray) -> np.ndarray:
    """Coarsest bands, complex `(orientations, height, width)`."""
    spectrum = np.fft.fftshift(np.fft.fft2(image))
    rows, columns, filters = _filters(*image.shape)
    return np.fft.ifft2(np.fft.ifftshift(spectrum[rows, columns] * filters, axes=(-2, -1)))


@lru_cache(maxsize=8)
def _filters(height: int, width: int) -> tuple[slice, slice, np.ndarray]:
    """The part of the centred spectrum that the coarsest level keeps, and what it is weighed by."""
    down, across = ((2 * np.arange(size) - size + size % 2) / size for size in (height, width))
    angle = np.arctan2(down[:, None], across[None, :])
    radius = np.hypot(down[:, None], across[None, :])
    radius[height // 2, width // 2] = radius[height // 2, width // 2 - 1]
    octave = np.log2(radius)
    low = _falling(octave, 0)
    top, left = 0, 0
    for level in range(1, _LEVELS):
        rows, columns = (_middle(size) for size in octave.shape)
        octave, angle, low = (plane[rows, columns] for plane in (octave, angle, low))
        low = low * _falling(octave, level)
        top, left = top + rows.start, left + columns.start
    high = np.sqrt(1 - np.minimum(_falling(octave, _LEVELS) ** 2, 1))
    order = _ORIENTATIONS - 1
    size = 2**order * math.factorial(order)
    size /= math.sqrt(_ORIENTATIONS * math.factorial(2 * order))
    turned = angle - np.pi * np.arange(_ORIENTATIONS)[:, None, None] / _ORIENTATIONS
    turned = np.mod(turned + np.pi, 2 * np.pi) - np.pi
    one_sided = 2 * size * np.cos(turned) ** order * (np.abs(turned) < np.pi / 2)
    rows, columns = (
        slice(start, start + n) for start, n in zip((top, left), octave.shape, strict=True)
    )
    return rows, columns, (-1j) ** order * one_sided * high * low


def _falling(octave: np.ndarray, level: int) -> np.ndarray:
    """1 below the band's octave, 0 above it, a cosine's quarter between."""
    position = np.clip(octave + level + 1, 0, 1)
    return np.cos(np.pi / 2 * position)


def _middle(size: int) -> slice:
    """The middle half of a centred spectrum."""
    half = math.ceil((size - 0.5) / 2)
    start = math.ceil((size + 0.5) / 2) - math.ceil((half + 0.5) / 2)
    return slice(start, start + half)


def _windows(bands: np.ndarray) -> np.ndarray:
    """Sums over 7x7 coefficients, where the window fits."""
    sums = np.cumsum(np.cumsum(bands, axis=-1), axis=-2)
    sums = np.pad(sums, ((0, 0), (1, 0), (1, 0)))
    n = _WINDOW
    return sums[:, n:, n:] - sums[:, :-n, n:] - sums[:, n:, :-n] + sums[:, :-n, :-n]


def _weights(height: int, width: int, sigma: float) -> np.ndarray:
    """Gaussian over the image, `sigma` wide both ways, sum 1."""
    return cv2.getGaussianKernel(height, sigma) @ cv2.getGaussianKernel(width, sigma).T
