"""Reads what an image file says about itself, before anything is decoded.

Format, size, completeness, turn (EXIF orientation) and number of pictures come from the bytes
alone, so that a bomb is refused before it is unpacked and a cut file is named as such:
OpenCV would hand back the half that it could read.
"""

import struct
from collections.abc import Callable

from tfdeblur.errors import InvalidInput
from tfdeblur.image import camera_raw, containers, heif, tiff
from tfdeblur.image.header import Header, cut_off

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOVING = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif")
_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two: BigTIFF


def read_header(data: bytes, name: str) -> Header:
    """Reads the header of an image file.

    Args:
        data: the whole file.
        name: what to call it in errors.

    Raises:
        InvalidInput: if the bytes are no image of a known format, or are cut off.
    """
    if not data:
        raise InvalidInput(f"{name} is empty (0 bytes).")
    reader = _reader_of(data, name)
    if reader is None:
        raise InvalidInput(
            f"{name} is not an image that can be read: PNG, JPEG, WebP, BMP or TIFF, or HEIC, "
            f"AVIF and cameras' raw files with their extras. Received: first bytes {data[:8]!r}"
            f"{_if_it_moves(data, name)}"
        )
    try:
        return reader(data, name)
    except (struct.error, IndexError) as error:
        raise cut_off(name) from error


def _if_it_moves(data: bytes, name: str) -> str:
    """What to do with a video, whose name may not say that it is one; "" of anything else."""
    if data[4:8] == b"ftyp":
        ending = ".mov" if data[8:12] == b"qt  " else ".mp4"
    elif data[:4] == b"\x1a\x45\xdf\xa3":
        ending = ".webm" if b"webm" in data[:64] else ".mkv"
    elif data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        ending = ".avi"
    elif data[:4] == b"GIF8":
        ending = ".gif"
    else:
        return ""
    what = "an animated picture" if ending == ".gif" else "a video"
    if name.lower().endswith(_MOVING):
        return (
            f". It looks like {what}: here pictures alone are taken, and `tfdeblur deblur` "
            "restores videos and animations"
        )
    return f". It looks like {what}, which must end in {ending}: {name}{ending}"


def _reader_of(data: bytes, name: str) -> Callable[[bytes, str], Header] | None:
    if camera_raw.is_raw(data, name):
        return camera_raw.header
    for starts, reader in (
        (data.startswith(_PNG_SIGNATURE), containers.png),
        (data.startswith(b"\xff\xd8\xff"), containers.jpeg),
        (data[:4] == b"RIFF" and data[8:12] == b"WEBP", containers.webp),
        (data[:2] == b"BM", containers.bmp),
        (data[:4] in _TIFF_SIGNATURES, tiff.header),
        (heif.is_heif(data), heif.header),
    ):
        if starts:
            return reader
    return None
