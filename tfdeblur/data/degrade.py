"""What a camera does to light after the blur: exposure, noise, JPEG.

For a pair with saturated highlights the sharp partner takes `expose` with the same settings:
both are then the same over-exposed scene, the blurred one clipped after the blur as in a
camera. As the blur is linear, it makes no difference that the gain comes after it.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from tfdeblur.data.damage_settings import MOST_NOISE, NOISE_UNIT
from tfdeblur.data.flows import Seed, random_generator
from tfdeblur.errors import InvalidInput
from tfdeblur.image.codec import to_float, to_uint8


@dataclass(frozen=True)
class Degradation:
    """How an image is degraded, in this order.

    Args:
        saturation: float >= 1, by which light is multiplied before it is clipped at 1.
        noise: float, 0 to `MOST_NOISE`, standard deviation of Gaussian noise, in units of [0, 1].
        jpeg_quality: int 1 to 100 (colour at half resolution), or None: not compressed.

    Raises:
        InvalidInput: if one of them is out of range.
    """

    noise: float = 0.0
    saturation: float = 1.0
    jpeg_quality: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.noise <= MOST_NOISE:
            raise InvalidInput(
                f"`noise` must be at least 0 and {NOISE_UNIT}. Received: noise={self.noise!r}"
            )
        if not 1 <= self.saturation < math.inf:
            raise InvalidInput(
                f"`saturation` must be at least 1. Received: saturation={self.saturation!r}"
            )
        quality = self.jpeg_quality
        if quality is not None and not (isinstance(quality, int) and 1 <= quality <= 100):
            raise InvalidInput(
                "`jpeg_quality` must be a whole number 1 to 100, or None. "
                f"Received: jpeg_quality={quality!r}"
            )


def degrade(image: np.ndarray, degradation: Degradation, seed: Seed) -> np.ndarray:
    """Over-exposes, adds noise, compresses; a pure function of its arguments.

    Args:
        image: float `(height, width, 3)`, RGB, in [0, 1].
        degradation: what to do.
        seed: int >= 0 or several of them, of the noise.

    Returns:
        float32 `(height, width, 3)`, clipped to [0, 1]; whole 8-bit levels after JPEG only.

    Raises:
        InvalidInput: if `image` or `seed` is not what it must be.
    """
    image = expose(image, degradation)
    generator = random_generator(seed)
    if degradation.noise:
        noise = generator.standard_normal(image.shape, dtype=np.float32)
        image = np.clip(image + np.float32(degradation.noise) * noise, 0, 1)
    if degradation.jpeg_quality is not None:
        image = _compress(image, degradation.jpeg_quality)
    return image


def expose(image: np.ndarray, degradation: Degradation) -> np.ndarray:
    """Multiplies light by `degradation.saturation` and clips it.

    Args:
        image: float `(height, width, 3)`, RGB, in [0, 1].
        degradation: only its saturation counts.

    Returns:
        float32 `(height, width, 3)`, clipped to [0, 1].

    Raises:
        InvalidInput: if `image` is not what it must be.
    """
    if (
        not np.issubdtype(image.dtype, np.floating)
        or image.ndim != 3
        or image.shape[-1] != 3
        or image.size == 0
    ):
        raise InvalidInput(
            "`image` must be float of shape (height, width, 3). "
            f"Received: shape={image.shape}, dtype={image.dtype}"
        )
    return np.clip(to_float(image) * np.float32(degradation.saturation), 0, 1)


def _compress(image: np.ndarray, quality: int) -> np.ndarray:
    # OpenCV, for it chooses any quality without a graph; it takes blue first.
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, encoded = cv2.imencode(".jpg", to_uint8(image)[..., ::-1], options)
    if not done:
        raise InvalidInput(
            "`image` must be small enough for JPEG, at most 65500 pixels a side. "
            f"Received: shape={image.shape}"
        )
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    return to_float(decoded[..., ::-1])
