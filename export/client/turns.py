"""How a photograph is held, handed on from a file that was sent to the one that came back.

The service decodes pixels as they are stored: what a phone stored lying comes back lying, and PNG
written by TensorFlow has no EXIF. So the answer gets the turn of its source, for viewers to apply.
"""

import struct
import zlib

from tfdeblur.errors import InvalidInput
from tfdeblur.image import containers
from tfdeblur.image.exif import ORIENTATION

_PNG = b"\x89PNG\r\n\x1a\n"
_HEADER_ENDS = 33  # of a PNG: signature, and the chunk IHDR, which comes first


def held_as(answer: bytes, source: bytes) -> bytes:
    """A PNG file with the EXIF turn of the file that it was made of.

    Args:
        answer: PNG without EXIF.
        source: PNG or JPEG; of one that is upright, or whose turn cannot be read, nothing comes.
    """
    try:
        reader = containers.png if source.startswith(_PNG) else containers.jpeg
        turn = reader(source, "").orientation
    except (InvalidInput, struct.error, IndexError):
        return answer  # the service took it all the same
    if turn == 1:
        return answer
    # A TIFF of one directory of one entry: a short, 1 to 8.
    block = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, ORIENTATION, 3, 1, turn, 0, 0)
    body = b"eXIf" + block
    chunk = struct.pack(">I", len(block)) + body + struct.pack(">I", zlib.crc32(body))
    return answer[:_HEADER_ENDS] + chunk + answer[_HEADER_ENDS:]
