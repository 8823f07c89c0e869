"""The bytes of an image file to its pixels, upright, by whichever library suits its format.

PNG and JPEG go through TensorFlow, as in training: its decoders refuse cut files (OpenCV
returns the half it could read) and know both kinds of CMYK. WebP and BMP go through OpenCV,
TIFF through tifffile. EXIF turns are applied here: TensorFlow does not, and OpenCV only sometimes.
"""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import tensorflow as tf

from tfdeblur.errors import InvalidInput
from tfdeblur.image import camera_raw, heif, tiff
from tfdeblur.image.header import Header, cut_off
from tfdeblur.image.tiff import Pixels


def decode_pixels(data: bytes, header: Header, name: str) -> Pixels:
    """Decodes a file whose header was read and found small enough.

    Returns:
        `Pixels`, upright: `values` has 1 (gray), 2 (gray, alpha), 3 or 4 channels.

    Raises:
        InvalidInput: if the pixels are damaged, or not those that the header promises.
    """
    if header.format == "tiff":
        found = tiff.decode(data, name)
    else:
        values = _DECODERS[header.format](data, header, name)
        found = Pixels(values, "alpha" if values.shape[-1] in (2, 4) else "")
    _check_promise(found.values, header, name)
    upright = np.ascontiguousarray(_turn_upright(found.values, header.orientation))
    return replace(found, values=upright)


def _check_promise(pixels: np.ndarray, header: Header, name: str) -> None:
    """Compares what was decoded with what the header promised."""
    bits = 8 * pixels.dtype.itemsize
    size = pixels.shape[:2]
    # A palette, or RGB with one transparent colour, may bring an alpha channel; palettes of BMP
    # may be gray.
    gray = pixels.shape[-1] <= 2
    fits = gray == (header.channels <= 2) or header.format in ("heif", "bmp")
    if header.format == "raw":  # LibRaw stretches pixels that are not square as it develops
        size = header.height, header.width
    if size != (header.height, header.width) or bits != header.bits or not fits:
        raise InvalidInput(
            f"{name} is damaged: its header promises {header.width} x {header.height} pixels of "
            f"{header.channels} x {header.bits} bits, and it holds {size[1]} x {size[0]} of "
            f"{pixels.shape[-1]} x {bits}."
        )


def _decode_with_tensorflow(data: bytes, header: Header, name: str) -> np.ndarray:
    try:
        with tf.device("CPU:0"):
            if header.format == "jpeg":
                # Four channels (CMYK, also Adobe's inverted one) are turned into RGB.
                channels = 1 if header.channels == 1 else 3
                return tf.io.decode_jpeg(
                    data, channels=channels, dct_method="INTEGER_ACCURATE"
                ).numpy()
            dtype = tf.uint16 if header.bits == 16 else tf.uint8
            return tf.io.decode_png(data, dtype=dtype).numpy()
    except tf.errors.OpError as error:
        if header.format == "jpeg":
            raise cut_off(name) from error
        raise InvalidInput(f"{name} is damaged: its pixel data cannot be unpacked.") from error


def _decode_with_opencv(data: bytes, header: Header, name: str) -> np.ndarray:
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_SILENT
    )  # its complaints on stderr would add nothing to our error
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)  # alpha, 16 bits
    except cv2.error:
        pixels = None
    finally:
        cv2.utils.logging.setLogLevel(level)
    if pixels is None or pixels.dtype not in (np.uint8, np.uint16):
        raise InvalidInput(
            f"{name} is damaged, or a kind of {header.format.upper()} that cannot be read. "
            "Save it as PNG."
        )
    if pixels.ndim == 2:
        return pixels[..., None]
    if pixels.shape[-1] == 4:
        return pixels[..., [2, 1, 0, 3]]
    return pixels[..., ::-1] if pixels.shape[-1] == 3 else pixels


_DECODERS: dict[str, Callable[[bytes, Header, str], np.ndarray]] = {
    "png": _decode_with_tensorflow,
    "jpeg": _decode_with_tensorflow,
    "webp": _decode_with_opencv,
    "bmp": _decode_with_opencv,
    "heif": lambda data, header, name: heif.decode(data, name),
    "avif": lambda data, header, name: heif.decode(data, name),
    "raw": lambda data, header, name: camera_raw.decode(data, name),
}


def _turn_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undoes an EXIF orientation 1..8 of `(height, width, channels)`."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
