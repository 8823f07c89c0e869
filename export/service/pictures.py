"""How many pixels encoded pictures have, by their headers; nothing is decoded."""

import io

from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

_PNG = b"\x89PNG"  # what served graphs decode is this or JPEG


def picture_pixels(data: bytes, multiple: int) -> int:
    """Padded pixels of an encoded picture; 0 where its header cannot be read.

    What is no picture, or a damaged one, is left to the graph: it says so in its own words.

    Args:
        data: any bytes.
        multiple: int >= 1, pixels, that the graph pads heights and widths to.
    """
    kind = PngImageFile if data.startswith(_PNG) else JpegImageFile
    try:  # not `Image.open`, which warns of large pictures, and that is for the caller to decide
        with kind(io.BytesIO(data)) as picture:
            return padded_pixels(picture.height, picture.width, multiple)
    except Exception:  # a damaged header may raise anything
        return 0


def padded_pixels(height: int, width: int, multiple: int) -> int:
    """Pixels of an image whose height and width are padded to multiples."""
    return (-(-height // multiple) * multiple) * (-(-width // multiple) * multiple)
