"""The score of Köhler's benchmark of camera shake, by its authors' procedure.

Source: Köhler et al., Recording and playback of camera shake, ECCV 2012, and their evaluation
code. Three things differ from what one would guess: PSNR is that of luminance, the alignment is by
whole pixels, and what the alignment uncovers is black in both images and stays in the mean.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from tfdeblur.errors import InvalidInput

_LUMINANCE = np.array([0.299, 0.587, 0.114])
_PEAK = 255.0
_C1, _C2 = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2
_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, the finest first
_WINDOW = cv2.getGaussianKernel(11, 1.5)
_SIDE = len(_WINDOW) // 2
# The low-pass filter of the biorthogonal 9/7 wavelet, before a scale is halved.
_HALF = np.array([0.0378, -0.0238, -0.1106, 0.3774, 0.8527])
_LOW_PASS = np.concatenate([_HALF, _HALF[-2::-1]])
_LOW_PASS /= _LOW_PASS.sum()


@dataclass(frozen=True)
class KohlerScore:
    """Score of one restored image.

    Attributes:
        psnr: float, dB, the best over the frames; inf where one is equal.
        msssim: float, multi-scale SSIM, at most 1, the best over the frames by itself.
        frame: int, the place of the frame with the best PSNR, from 0.
    """

    psnr: float
    msssim: float
    frame: int


def score_image(restored: np.ndarray, frames: Iterable[np.ndarray]) -> KohlerScore:
    """Scores an image against the sharp frames along the camera's path.

    Each frame: intensity fitted by one factor, alignment by whole pixels, luminance, PSNR and
    multi-scale SSIM. With one frame alone the score is no official one: say `kohler_proxy`.

    Args:
        restored: uint8 `(height, width, 3)`, RGB, at least 161 pixels a side, not black.
        frames: of the same shape, uint8; about 199 in the benchmark. Taken one at a time. For
            image 1 and kernel 3 the authors leave out frames 30 and 199: leave them out.

    Raises:
        InvalidInput: if an image is not what it must be, or there are no frames.
    """
    _check("restored", restored)
    if min(restored.shape[:2]) <= 16 * (2 * _SIDE):
        raise InvalidInput(
            "`restored` must have more than 160 pixels a side: the coarsest of five scales is 16 "
            f"times smaller, its window 11 wide. Received: restored.shape={restored.shape}"
        )
    found = []
    for place, frame in enumerate(frames):
        _check(f"frames[{place}]", frame)
        if frame.shape != restored.shape:
            raise InvalidInput(
                f"`frames[{place}]` must be of the size of `restored`. Received: "
                f"{frame.shape}, restored.shape={restored.shape}"
            )
        found.append(_score(restored.astype(np.float64), frame.astype(np.float64)))
    if not found:
        raise InvalidInput("`frames` must hold at least one frame. Received: none")
    psnr = [one for one, _ in found]
    best = int(np.argmax(psnr))
    return KohlerScore(psnr[best], max(one for _, one in found), best)


def _check(name: str, image: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        raise InvalidInput(
            f"`{name}` must be uint8 (height, width, 3). Received: {image.dtype}, {image.shape}"
        )


def _score(restored: np.ndarray, sharp: np.ndarray) -> tuple[float, float]:
    power = np.sum(restored * restored)
    if power == 0:
        raise InvalidInput("`restored` must not be black: its intensity cannot be fitted.")
    fitted = restored * (np.sum(sharp * restored) / power)
    rows, columns = _shift(sharp.mean(axis=-1), fitted.mean(axis=-1))
    covered = _moved(np.ones_like(sharp), rows, columns)
    x, z = sharp * covered @ _LUMINANCE, _moved(fitted, rows, columns) @ _LUMINANCE
    error = np.mean(np.square(x - z))
    psnr = float(10 * np.log10(_PEAK**2 / error)) if error > 0 else float("inf")
    return psnr, _multi_scale_ssim(x, z)


def _shift(reference: np.ndarray, image: np.ndarray) -> tuple[int, int]:
    """Whole pixels by which `image` has to move: the maximum of the circular correlation."""
    correlation = np.fft.ifft2(np.fft.fft2(reference) * np.conj(np.fft.fft2(image))).real
    rows, columns = np.unravel_index(np.argmax(correlation), correlation.shape)
    height, width = correlation.shape
    return _signed(int(rows), height), _signed(int(columns), width)


def _signed(index: int, size: int) -> int:
    """As the authors' registration has it: from half the size on, the shift is negative."""
    return index - size if index >= size // 2 else index


def _moved(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The image, moved down and to the right; what it uncovers is 0."""
    result = np.zeros_like(image)
    height, width = image.shape[:2]
    to = slice(max(rows, 0), height + min(rows, 0)), slice(max(columns, 0), width + min(columns, 0))
    of = (
        slice(max(-rows, 0), height - max(rows, 0)),
        slice(max(-columns, 0), width - max(columns, 0)),
    )
    result[to] = image[of]
    return result


def _multi_scale_ssim(x: np.ndarray, z: np.ndarray) -> float:
    """Product over five scales of contrast and structure; luminance at the coarsest alone."""
    result = 1.0
    for scale, exponent in enumerate(_EXPONENTS):
        if scale:
            x, z = _halved(x), _halved(z)
        luminance, contrast, structure = _means(x, z)
        # A structure below 0 has no real power; as good as none.
        result *= contrast**exponent * max(structure, 0.0) ** exponent
    return float(result * luminance ** _EXPONENTS[-1])


def _means(x: np.ndarray, z: np.ndarray) -> tuple[float, float, float]:
    mean_x, mean_z = _windowed(x), _windowed(z)
    # Rounding makes the variance of a flat region slightly negative.
    square_x = np.maximum(_windowed(x * x) - mean_x**2, 0)
    square_z = np.maximum(_windowed(z * z) - mean_z**2, 0)
    both = _windowed(x * z) - mean_x * mean_z
    deviations = np.sqrt(square_x * square_z)
    luminance = (2 * mean_x * mean_z + _C1) / (mean_x**2 + mean_z**2 + _C1)
    contrast = (2 * deviations + _C2) / (square_x + square_z + _C2)
    structure = (both + _C2 / 2) / (deviations + _C2 / 2)
    return float(luminance.mean()), float(contrast.mean()), float(structure.mean())


def _windowed(image: np.ndarray) -> np.ndarray:
    """Gaussian window, where it lies inside the image."""
    return cv2.sepFilter2D(image, cv2.CV_64F, _WINDOW, _WINDOW)[_SIDE:-_SIDE, _SIDE:-_SIDE]


def _halved(image: np.ndarray) -> np.ndarray:
    border = cv2.BORDER_REFLECT  # symmetric: the edge is repeated
    low = cv2.sepFilter2D(image, cv2.CV_64F, _LOW_PASS, _LOW_PASS, borderType=border)
    return low[::2, ::2]
