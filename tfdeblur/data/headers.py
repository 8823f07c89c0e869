"""Sizes and completeness of image files, from their headers and end marks, without decoding.

Enough to find before training what a person can repair: an empty, truncated or misnamed
file, and the size of the rest. PNG and JPEG are parsed here; other kinds are decoded.
"""

import io
import os
import struct
from pathlib import Path
from typing import BinaryIO

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_START = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
# Start-of-frame markers hold the size; C4, C8 and CC in their midst mean something else.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN = 0xDA
_JPEG_EXIF = 0xE1
_EXIF_ORIENTATION = 0x0112
_TAIL_BYTES = 1 << 20


class BrokenImage(ValueError):
    """An image file is empty, truncated or not what its header says."""


def image_size(file: Path | bytes) -> tuple[int, int] | None:
    """Returns the size an image has once decoded, after its EXIF turn.

    Args:
        file: path of an image file, or the file's bytes.

    Returns:
        `(height, width)` in pixels, or None if the file is neither PNG nor JPEG (such
        files tell their size only by being decoded).

    Raises:
        BrokenImage: if the file is empty, or a PNG or JPEG that is cut off.
        OSError: if the file cannot be read.
    """
    with io.BytesIO(file) if isinstance(file, bytes) else open(file, "rb") as stream:
        start = stream.read(len(_PNG_SIGNATURE))
        if not start:
            raise BrokenImage("is empty (0 bytes)")
        if start == _PNG_SIGNATURE:
            return _png_size(stream)
        if start.startswith(_JPEG_START):
            stream.seek(len(_JPEG_START))
            return _jpeg_size(stream)
    return None


def _png_size(stream: BinaryIO) -> tuple[int, int]:
    """Walks the chunks to IEND; the stream stands after the signature."""
    file_bytes = _length(stream)
    size, turned, has_pixels = None, False, False
    while True:
        head = stream.read(8)
        if len(head) < 8:
            raise BrokenImage("is truncated (PNG without its end mark)")
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            break
        after = stream.tell() + length + 4  # 4 bytes of checksum follow the chunk
        if after > file_bytes:
            raise BrokenImage("is truncated (PNG cut off inside its data)")
        if kind == b"IHDR":
            width, height = struct.unpack(">II", stream.read(8))
            size = (height, width)
        elif kind == b"eXIf":
            turned = _exif_swaps_sides(stream.read(length))
        has_pixels = has_pixels or kind == b"IDAT"
        stream.seek(after)
    if size is None or 0 in size or not has_pixels:
        raise BrokenImage("is a PNG without pixels")
    return size[::-1] if turned else size


def _jpeg_size(stream: BinaryIO) -> tuple[int, int]:
    """Walks the segments to the first scan; the stream stands after the start mark."""
    size, turned = None, False
    while True:
        head = stream.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            raise BrokenImage("is truncated (JPEG cut off inside its header)")
        if head[1] == 0xFF:  # fill byte before a marker
            stream.seek(-3, os.SEEK_CUR)
            continue
        marker, length = head[1], struct.unpack(">H", head[2:])[0]
        if marker == _JPEG_SCAN:
            break
        body = stream.read(max(length - 2, 0))
        if marker in _JPEG_FRAMES and len(body) >= 5:
            size = struct.unpack(">HH", body[1:5])
        elif marker == _JPEG_EXIF and body.startswith(b"Exif\0\0"):
            turned = _exif_swaps_sides(body[6:])
    if size is None or 0 in size:
        raise BrokenImage("is a JPEG without a size")
    # Cameras may append data after the end mark, so it is searched for, not expected last.
    scan = stream.tell()
    stream.seek(max(scan, _length(stream) - _TAIL_BYTES))
    if _JPEG_END not in stream.read():
        raise BrokenImage("is truncated (JPEG without its end mark)")
    return size[::-1] if turned else size


def _length(stream: BinaryIO) -> int:
    here = stream.tell()
    end = stream.seek(0, os.SEEK_END)
    stream.seek(here)
    return end


def _exif_swaps_sides(exif: bytes) -> bool:
    """Whether the first directory's orientation is one of the four that swap height and width."""
    try:
        order = {b"II": "<", b"MM": ">"}[exif[:2]]
        (offset,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, offset)
        for i in range(entries):
            tag, _, _, value = struct.unpack_from(order + "HHIH", exif, offset + 2 + 12 * i)
            if tag == _EXIF_ORIENTATION:
                return value in (5, 6, 7, 8)
    except (KeyError, struct.error):
        pass  # Damaged EXIF turns nothing: decoders ignore it as well.
    return False
