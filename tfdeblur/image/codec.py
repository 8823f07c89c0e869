"""Image files to arrays and back."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfdeblur import limits
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.decode import decode_pixels
from tfdeblur.image.encode import encode_pixels
from tfdeblur.image.headers import read_header
from tfdeblur.image.levels import to_float, to_integers, to_uint8
from tfdeblur.image.metadata import Metadata, read_metadata

__all__ = [  # levels as well: who reads and writes files needs them, too
    "EXTENSIONS",
    "DecodedImage",
    "decode_image",
    "encode_image",
    "format_of",
    "read_bytes",
    "read_image",
    "to_float",
    "to_integers",
    "to_uint8",
]

logger = logging.getLogger(__name__)

EXTENSIONS = {
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg", ".jpe"),
    "webp": (".webp",),
    "bmp": (".bmp",),
    "tiff": (".tif", ".tiff"),
}
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
        format: "png", "jpeg", "webp", "bmp", "tiff", "heif", "avif" or "raw".
        extra: what `alpha` is: "alpha", or "unnamed": a fourth channel of a TIFF that does not
            say what it is, which is kept as it is and is no transparency.
        white: int, the level of 16 bits that is white (1023 where a file of 16 bits holds 10);
            None: the largest of the type.
        largest: int, the largest level that a TIFF of 16 bits announces; None: it does not.
        metadata: what else the file carries; None where that was not asked for.
        pictures: int, pictures in the file, of which this is the first.
        lossless: whether it was a WebP without loss, which its result then is as well.
        left_out: what the file holds that no result will, in words; "" if nothing.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None
    gray: bool
    bits: int
    format: str
    extra: str = "alpha"
    white: int | None = None
    largest: int | None = None
    metadata: Metadata | None = None
    pictures: int = 1
    lossless: bool = False
    left_out: str = ""

    @property
    def is_transparent(self) -> bool:
        """Whether some pixel is not fully opaque."""
        if self.alpha is None or self.extra != "alpha":
            return False
        return bool(self.alpha.min() < np.iinfo(self.alpha.dtype).max)

    def float_rgb(self) -> np.ndarray:
        """The picture as float32 `(height, width, 3)` in [0, 1]."""
        if self.white is None:
            return to_float(self.rgb)
        return np.minimum(self.rgb * np.float32(1 / self.white), np.float32(1))

    def seen_rgb(self) -> np.ndarray:
        """What is seen of the picture on black: colours times alpha, over the full range.

        What lies under transparent pixels is anything, and no part of the picture.

        Returns:
            `rgb` itself where that is it; else float32 `(height, width, 3)` in [0, 1].
        """
        if self.is_transparent and self.alpha is not None:
            return self.float_rgb() * to_float(self.alpha)[..., None]
        return self.rgb if self.white is None else self.float_rgb()


def read_image(path: str | os.PathLike[str], *, with_metadata: bool = False) -> DecodedImage:
    """Reads and decodes an image file.

    Args:
        path: of the file.
        with_metadata: whether to read profile, EXIF and the like as well.

    Raises:
        DataError: if the file is missing or cannot be read.
        InvalidInput: if `path` is a folder or the file is no sound image.
    """
    return decode_image(read_bytes(path), str(path), with_metadata=with_metadata)


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file; errors as of `read_image`."""
    try:
        return Path(path).read_bytes()
    except IsADirectoryError as error:
        raise InvalidInput(f"{path} is a folder; an image file is needed.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def decode_image(data: bytes, name: str, *, with_metadata: bool = False) -> DecodedImage:
    """Decodes the bytes of an image file and turns the picture upright.

    Of an animation or a file of several pages the first picture is taken, with a logged
    warning. Colour profiles are not applied.

    Args:
        data: the whole file: PNG, JPEG, WebP, BMP, TIFF; with extras HEIC, AVIF, cameras' raw.
        name: what to call it in errors; its ending tells raw files from TIFFs.
        with_metadata: whether to read profile, EXIF and the like as well.

    Raises:
        InvalidInput: if the bytes are empty, cut off, damaged, larger than `limits.MOST_PIXELS`
            or no image of these formats.
    """
    header = read_header(data, name)
    if header.height < 1 or header.width < 1:
        raise InvalidInput(f"{name} is damaged: it is {header.width} x {header.height} pixels.")
    if header.height * header.width > limits.MOST_PIXELS:
        raise InvalidInput(
            f"{name} is too large to be opened: {header.width} x {header.height} pixels, "
            f"at most {limits.MOST_PIXELS} are accepted. Scale it down or cut it first."
        )
    if header.pictures > 1:
        logger.warning("%s holds several pictures; only the first is used.", name)
    found = decode_pixels(data, header, name)
    pixels = found.values
    channels = pixels.shape[-1]
    gray = channels <= 2
    return DecodedImage(
        rgb=np.repeat(pixels[..., :1], 3, axis=-1) if gray else pixels[..., :3].copy(),
        alpha=pixels[..., -1].copy() if channels in (2, 4) else None,
        gray=gray,
        bits=8 if pixels.dtype == np.uint8 else 16,
        format=header.format,
        extra=found.extra or "alpha",
        largest=found.largest,
        metadata=read_metadata(data, header, name) if with_metadata else None,
        pictures=header.pictures,
        lossless=header.lossless,
        left_out=header.left_out,
    )


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
        like: where bits per channel, level of white, gray, alpha and metadata are taken from;
            None: as the array says (8 bits for floats), colour, no alpha, no metadata.
        format: "png", "jpeg", "webp", "bmp" or "tiff". JPEG, WebP and BMP hold 8 bits; JPEG
            has no alpha: it is dropped (`dropped_by` says so). JPEG and WebP have quality
            95, JPEG full colour resolution (4:4:4), WebP half (all that lossy WebP has); WebP is
            lossless where `like` was.

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
    if like and like.white and dtype == np.uint16:  # back to the levels that the file had
        restored_rgb = np.clip(to_float(restored_rgb), 0, 1) * np.float32(like.white / 65535)
    planes = [to_integers(restored_rgb, dtype)]
    extra = _extra_plane(like, restored_rgb.shape[:2], format) if like else None
    if like and extra is not None:
        planes.append(to_integers(extra[..., None], dtype))
    return encode_pixels(
        np.concatenate(planes, axis=-1),
        format,
        (like.metadata if like else None) or Metadata(),
        like.extra if like and extra is not None else "",
        lossless=bool(like and like.lossless),
    )


def _extra_plane(like: DecodedImage, size: tuple[int, ...], format: str) -> np.ndarray | None:
    """The alpha of `like`, where the format holds it."""
    if like.alpha is None:
        return None
    if like.alpha.shape != size:
        raise InvalidInput(
            "`like.alpha` must have the size of `restored_rgb`. Received: "
            f"alpha {like.alpha.shape}, image {size}"
        )
    return like.alpha if _holds_extra(like, format) else None


def _holds_extra(like: DecodedImage, format: str) -> bool:
    return format in _ALPHA_FORMATS and (like.extra != "unnamed" or format == "tiff")


def dropped_by(format: str, image: DecodedImage) -> str:
    """What of `image` a file of this format cannot hold, in words; "" where it holds all.

    Args:
        format: as for `encode_image`.
        image: what is to be written.
    """
    lost = []
    if image.alpha is not None and not _holds_extra(image, format):
        what = "the fourth channel" if image.extra == "unnamed" else "transparency"
        lost.append(f"{what} is dropped")
    if image.bits == 16 and format not in _SIXTEEN_BIT_FORMATS:
        lost.append("16 bits become 8")
    return f"{', '.join(lost)}: {format.upper()} cannot hold more" if lost else ""
