"""Levels of 8 and 16 bits to floats and back; the one place where they are rounded (NumPy only)."""

import numpy as np

from tfdeblur.errors import InvalidInput


def to_float(image: np.ndarray) -> np.ndarray:
    """Integers over their full range, or floats as they are, to float32 in [0, 1].

    Raises:
        InvalidInput: if `image` is neither uint8, uint16 nor floating.
    """
    if image.dtype in (np.uint8, np.uint16):
        return image * np.float32(1 / np.iinfo(image.dtype).max)
    if np.issubdtype(image.dtype, np.floating):
        return image.astype(np.float32, copy=False)
    raise InvalidInput(f"`image` must be uint8, uint16 or float. Received: dtype={image.dtype}")


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Float [0, 1] to 8-bit levels: clipped, then rounded to the nearest level.

    Not `tf.image.convert_image_dtype`, which floors 255.5 x and is off by up to a level.
    """
    return to_integers(image, np.uint8)


def to_integers(image: np.ndarray, dtype: type[np.unsignedinteger]) -> np.ndarray:
    """Float [0, 1] or another integer range to `dtype` (uint8 or uint16), clipped and rounded."""
    if image.dtype == dtype:
        return image
    top = np.iinfo(dtype).max
    # 16-bit levels are finer than float32 would need to be told apart after scaling: 2**-24
    # against 2**-16, so float32 is enough; one buffer, as photographs are large.
    scaled = np.clip(to_float(image), 0.0, 1.0)
    np.multiply(scaled, np.float32(top), out=scaled)
    return np.round(scaled, out=scaled).astype(dtype)
