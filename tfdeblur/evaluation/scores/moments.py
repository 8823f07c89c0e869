"""What the SSIMs of an image share: local means under the Gaussian window, filtered once.

`metrics.image` has PSNR, `ssim_gauss` and `ssim_matlab3d` in Keras, for training, each by itself.
Here the same values are computed for many results of one sharp image: what belongs to the sharp
image is filtered once, and `ssim_gauss`, `ssim_matlab3d` and the first scale of `ms_ssim` are read
off the same filtered planes.
"""

from dataclasses import dataclass

import cv2
import numpy as np

PEAK = 255.0
C1, C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
RADIUS = 5  # pixels: the window is 11 wide
_SIGMA = 1.5
_OFFSETS = np.arange(-RADIUS, RADIUS + 1)
WINDOW = np.exp(-0.5 * (_OFFSETS / _SIGMA) ** 2)
WINDOW /= WINDOW.sum()
# Filtered channel i of the volume protocol holds row i's parts of red, green and blue.
_CHANNELS = np.zeros((3, 3))
for _row in range(3):
    np.add.at(_CHANNELS[_row], np.clip(_row + _OFFSETS, 0, 2), WINDOW)


@dataclass(frozen=True)
class Centred:
    """An image less a whole level, so that float32 keeps all digits of its variances.

    Attributes:
        values: float32 `(height, width, channels)`, 8-bit levels less `centre`.
        centre: float, the level.
        mean, square: `values` and their squares under the window, edges repeated.
    """

    values: np.ndarray
    centre: float
    mean: np.ndarray
    square: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray, centre: float) -> "Centred":
        """Of 8-bit levels `(height, width, channels)`."""
        values = image.astype(np.float32) - np.float32(centre)
        return cls(values, centre, windowed(values), windowed(values * values))


def windowed(image: np.ndarray) -> np.ndarray:
    """The Gaussian window over height and width, edges repeated."""
    return cv2.sepFilter2D(image, -1, WINDOW, WINDOW, borderType=cv2.BORDER_REPLICATE)


def valid(plane: np.ndarray) -> np.ndarray:
    """Where the window lay inside the image."""
    return plane[RADIUS:-RADIUS, RADIUS:-RADIUS]


def over_channels(plane: np.ndarray) -> np.ndarray:
    """The window over the three channels, edges repeated."""
    return cv2.transform(plane, _CHANNELS.astype(np.float32))


def comparisons(
    x: np.ndarray, y: np.ndarray, xx: np.ndarray, yy: np.ndarray, xy: np.ndarray, centre: float
) -> tuple[np.ndarray, np.ndarray]:
    """Maps of luminance and of contrast with structure; their product is the SSIM map."""
    product = x * y
    contrast = xy - product
    contrast *= 2
    contrast += np.float32(C2)
    squares = x * x
    squares += y * y
    spread = xx + yy
    spread -= squares
    spread += np.float32(C2)
    contrast /= spread
    # Around the centre c: (x+c)(y+c) = xy + c(x+y) + c², (x+c)² + (y+c)² = x² + y² + 2c(x+y) + 2c².
    both = x + y
    both *= np.float32(centre)
    both += np.float32(centre**2)
    product += both
    product *= 2
    product += np.float32(C1)
    both *= 2
    squares += both
    squares += np.float32(C1)
    product /= squares
    return product, contrast


def mean_of(plane: np.ndarray) -> float:
    """Mean, summed in double precision."""
    return float(np.mean(plane, dtype=np.float64))
