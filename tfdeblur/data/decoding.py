"""Image files and bytes to uint8 RGB, the one form in which training keeps pixels."""

from pathlib import Path

import cv2
import numpy as np

from tfdeblur.data.headers import BrokenImage


def decode_file(path: Path) -> np.ndarray:
    """Decodes one image file; see `decode_bytes`. Raises OSError if it cannot be read."""
    return decode_bytes(path.read_bytes())


def decode_bytes(encoded: bytes) -> np.ndarray:
    """Decodes one image.

    Args:
        encoded: the bytes of an image file.

    Returns:
        uint8 `(height, width, 3)` RGB, EXIF turn applied, alpha dropped, gray repeated,
        16 bits rounded to 8.

    Raises:
        BrokenImage: if the bytes are no image that can be decoded.
    """
    if not encoded:
        raise BrokenImage("is empty (0 bytes)")
    # ANYDEPTH keeps 16 bits: OpenCV's own cut to 8 drops the low byte instead of rounding.
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
    image = cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)
    if image is None:
        raise BrokenImage("is no image that can be decoded")
    if image.dtype == np.uint16:
        image = ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if image.dtype != np.uint8:
        raise BrokenImage(f"has {image.dtype} pixels; 8 or 16 bits are read")
    return image[..., ::-1]
