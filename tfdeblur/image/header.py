"""What is known of an image file before it is decoded."""

from dataclasses import dataclass

from tfdeblur.errors import InvalidInput


@dataclass(frozen=True)
class Header:
    """What the first bytes of an image file promise.

    Attributes:
        format: "png", "jpeg", "webp", "bmp", "tiff"; with extras "heif", "avif", "raw".
        height, width: int, pixels as stored, before the EXIF turn.
        bits: 8 or 16, bits per channel after decoding.
        channels: int, channels as stored (a palette counts as 3).
        orientation: int 1..8, EXIF; 1 is upright.
        pictures: int, 2 or more where the file is animated or has several pages.
        lossless: whether the file is a WebP that is written without loss.
        left_out: what it holds that no result will, in words; "" if nothing.
    """

    format: str
    height: int
    width: int
    bits: int = 8
    channels: int = 3
    orientation: int = 1
    pictures: int = 1
    lossless: bool = False
    left_out: str = ""


def cut_off(name: str) -> InvalidInput:
    """The error for a file whose end is missing."""
    return InvalidInput(f"{name} is cut off: its data end too early. Copy or download it again.")
