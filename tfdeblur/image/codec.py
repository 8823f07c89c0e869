"""Image files to arrays and back; the one place where images are rounded.

PNG and JPEG go through TensorFlow, as in training: its decoders refuse cut files (OpenCV
returns the half it could read) and know both kinds of CMYK. WebP, BMP and TIFF go through
OpenCV. EXIF turns are applied here: TensorFlow does not, and OpenCV only sometimes.
"""

import logging
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.headers import Header, cut_off, read_header

logger = logging.getLogger(__name__)

MAX_PIXELS = 2**28  # 16384 x 16384: 0.8 GB decoded at 8 bits
EXTENSIONS = {
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg", ".jpe"),
    "webp": (".webp",),
    "bmp": (".bmp",),
    "tiff": (".tif", ".tiff"),
}
_JPEG_QUALITY = 95
_SIXTEEN_BIT_FORMATS = ("png", "tiff")
_ALPHA_FORMATS = ("png", "webp", "tiff", "bmp")


@dataclass(frozen=True)
class DecodedImage:
    """A picture as it was in its file, upright.

    Attributes:
        rgb: uint8 or uint16 `(height, width, 3)`, the full range of its type.
        alpha: same type `(height, width)`, or None; 0 is transparent.
        gray: whether the file had one colour channel; `rgb` then holds it three times.
        bits: 8 or 16.
        format: "png", "jpeg", "webp", "bmp" or "tiff".
    """

    rgb: np.ndarray
    alpha: np.ndarray | None
    gray: bool
    bits: int
    format: str

    def float_rgb(self) -> np.ndarray:
        """The picture as float32 `(height, width, 3)` in [0, 1]."""
        return to_float(self.rgb)


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


def read_image(path: str | os.PathLike[str]) -> DecodedImage:
    """Reads and decodes an image file.

    Raises:
        DataError: if the file is missing or cannot be read.
        InvalidInput: if `path` is a folder or the file is no sound image.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except IsADirectoryError as error:
        raise InvalidInput(f"{path} is a folder; an image file is needed.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    return decode_image(data, str(path))


def decode_image(data: bytes, name: str) -> DecodedImage:
    """Decodes PNG, JPEG, WebP, BMP or TIFF bytes and turns the picture upright.

    Of an animation or a file of several pages the first picture is taken, with a logged
    warning. Colour profiles are not applied.

    Args:
        data: the whole file.
        name: what to call it in errors.

    Raises:
        InvalidInput: if the bytes are empty, cut off, damaged, larger than `MAX_PIXELS`
            or no image of these formats.
    """
    header = read_header(data, name)
    if header.height < 1 or header.width < 1:
        raise InvalidInput(f"{name} is damaged: it is {header.width} x {header.height} pixels.")
    if header.height * header.width > MAX_PIXELS:
        raise InvalidInput(
            f"{name} is too large to be opened: {header.width} x {header.height} pixels, "
            f"at most {MAX_PIXELS} are accepted. Scale it down or cut it first."
        )
    if header.pictures > 1:
        logger.warning("%s holds several pictures; only the first is used.", name)
    decode = _decode_with_tensorflow if header.format in ("png", "jpeg") else _decode_with_opencv
    pixels = decode(data, header, name)
    if header.format != "tiff":  # OpenCV turns TIFF, and TIFF only, even when told not to
        pixels = _turn_upright(pixels, header.orientation)
    pixels = np.ascontiguousarray(pixels)
    channels = pixels.shape[-1]
    gray = channels <= 2
    return DecodedImage(
        rgb=np.repeat(pixels[..., :1], 3, axis=-1) if gray else pixels[..., :3].copy(),
        alpha=pixels[..., -1].copy() if channels in (2, 4) else None,
        gray=gray,
        bits=8 if pixels.dtype == np.uint8 else 16,
        format=header.format,
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
    if header.alpha_kind:
        # libtiff would multiply the colours by their alpha, and lose what is transparent.
        position, as_stored = header.alpha_kind
        data = data[:position] + as_stored + data[position + len(as_stored) :]
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


def _turn_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undoes an EXIF orientation 1..8 of `(height, width, channels)`."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def format_of(path: str | os.PathLike[str]) -> str:
    """The format that a file name asks for.

    Raises:
        InvalidInput: if its extension is not one of `EXTENSIONS`.
    """
    suffix = Path(path).suffix.lower()
    for name, suffixes in EXTENSIONS.items():
        if suffix in suffixes:
            return name
    known = ", ".join(s for suffixes in EXTENSIONS.values() for s in suffixes)
    raise InvalidInput(f"{path} must end in one of {known}. Received: {suffix!r}")


def encode_image(restored_rgb: np.ndarray, like: DecodedImage | None, format: str) -> bytes:
    """Encodes a picture, like the file it came from.

    Args:
        restored_rgb: float in [0, 1] (clipped here), uint8 or uint16, `(height, width, 3)`.
        like: where bits per channel, gray and alpha are taken from; None: as the array
            says (8 bits for floats), colour, no alpha.
        format: "png", "jpeg", "webp", "bmp" or "tiff". JPEG, WebP and BMP hold 8 bits; JPEG
            has no alpha: it is dropped, with a logged warning. JPEG and WebP have quality
            95, JPEG full colour resolution (4:4:4), WebP half (all that lossy WebP has).

    Raises:
        InvalidInput: if the format is unknown or the shapes do not fit.
    """
    restored_rgb = np.asarray(restored_rgb)
    if format not in EXTENSIONS:
        raise InvalidInput(
            f"`format` must be one of {', '.join(EXTENSIONS)}. Received: format={format!r}"
        )
    if restored_rgb.ndim != 3 or restored_rgb.shape[-1] != 3 or restored_rgb.size == 0:
        raise InvalidInput(
            "`restored_rgb` must have shape (height, width, 3), at least 1 x 1. "
            f"Received: shape={restored_rgb.shape}"
        )
    bits = like.bits if like else 16 if restored_rgb.dtype == np.uint16 else 8
    dtype = np.uint16 if bits == 16 and format in _SIXTEEN_BIT_FORMATS else np.uint8
    if like and like.gray:
        # The network sees three equal channels; what it made of each counts the same.
        restored_rgb = to_float(restored_rgb).mean(axis=-1, keepdims=True)
    planes = [to_integers(restored_rgb, dtype)]
    if like and like.alpha is not None:
        if like.alpha.shape != restored_rgb.shape[:2]:
            raise InvalidInput(
                "`like.alpha` must have the size of `restored_rgb`. Received: "
                f"alpha {like.alpha.shape}, image {restored_rgb.shape[:2]}"
            )
        if format in _ALPHA_FORMATS:
            planes.append(to_integers(like.alpha[..., None], dtype))
        else:
            logger.warning("Transparency is dropped: %s cannot hold it.", format.upper())
    return _encode(np.concatenate(planes, axis=-1), format)


def _encode(pixels: np.ndarray, format: str) -> bytes:
    """Encodes uint8 or uint16 `(height, width, 1..4)`: gray, gray + alpha, RGB, RGBA."""
    if format == "png":
        with tf.device("CPU:0"):
            return tf.io.encode_png(pixels).numpy()
    if format == "jpeg":
        with tf.device("CPU:0"):
            return tf.io.encode_jpeg(
                pixels, quality=_JPEG_QUALITY, chroma_downsampling=False, optimize_size=True
            ).numpy()
    if pixels.shape[-1] == 2:  # OpenCV has no gray with alpha
        pixels = pixels[..., [0, 0, 0, 1]]
    if pixels.shape[-1] >= 3:
        pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[-1]]]
    options = [cv2.IMWRITE_WEBP_QUALITY, _JPEG_QUALITY] if format == "webp" else []
    try:
        done, encoded = cv2.imencode(EXTENSIONS[format][0], np.ascontiguousarray(pixels), options)
    except cv2.error:
        done = False
    if not done:
        raise InvalidInput(
            f"An image of {pixels.shape[1]} x {pixels.shape[0]} pixels cannot be written as "
            f"{format.upper()}. Use PNG."
        )
    return encoded.tobytes()


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file as a whole or not at all.

    The bytes go to a hidden file in the same folder, which takes the name of `path` once they
    are safely on the disk. Whatever stood at `path` stays until then.

    Raises:
        DataError: if the disk is full, the folder is missing or may not be written.
    """
    path = Path(path)
    part = path.parent / f".tfdeblur-{secrets.token_hex(8)}.part"
    try:
        # Not tempfile: its files can be read by their owner only, and this one stays.
        with open(part, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)  # gone already when all went well
