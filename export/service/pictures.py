"""How many pixels encoded pictures have, by their headers; nothing is decoded."""

import io
from collections.abc import Iterable

from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from export.status import Status

_PNG = b"\x89PNG"  # what served graphs decode is this or JPEG


def check_pictures(files: Iterable[bytes], multiple: int, most: int) -> None:
    """Refuses the pictures of a call that together have too many pixels.

    What is no picture, or a damaged one, is left to the graph: it says so in its own words.

    Args:
        files: encoded pictures, or any other bytes.
        multiple: int >= 1, pixels, that the graph pads heights and widths to.
        most: int, padded pixels of all of them together; 0: any number.

    Raises:
        Status: INVALID_ARGUMENT.
    """
    if not most:
        return
    pixels = sum(padded_pixels(*_size(data), multiple) for data in files)
    if pixels > most:
        raise Status(
            "INVALID_ARGUMENT",
            f"image has too many pixels: {pixels} in all pictures of the call, and this service's "
            f"limit is {most} (padded to multiples of {multiple}). Send fewer at once, or raise "
            "its --max_image_pixels.",
        )


def padded_pixels(height: int, width: int, multiple: int) -> int:
    """Pixels of an image whose height and width are padded to multiples."""
    return (-(-height // multiple) * multiple) * (-(-width // multiple) * multiple)


def _size(data: bytes) -> tuple[int, int]:
    """Height and width; (0, 0) where they cannot be read."""
    kind = PngImageFile if data.startswith(_PNG) else JpegImageFile
    try:  # not `Image.open`, which warns of large pictures, and that is for the caller to decide
        with kind(io.BytesIO(data)) as picture:
            return picture.height, picture.width
    except Exception:  # a damaged header may raise anything
        return 0, 0
