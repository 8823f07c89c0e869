"""Reads what an image file says about itself, before anything is decoded.

Format, size, completeness, turn (EXIF orientation) and number of pictures come from the bytes
alone, so that a bomb is refused before it is unpacked and a cut file is named as such:
OpenCV would hand back the half that it could read.
"""

import struct
import zlib
from dataclasses import dataclass

from tfdeblur.errors import InvalidInput

_JPEG_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ORIENTATION_TAG = 0x0112
_PALETTE = 3  # TIFF tag 262, kind of colour
_SEPARATE_ALPHA = 2  # TIFF tag 338, kind of fourth channel


@dataclass(frozen=True)
class Header:
    """What the first bytes of an image file promise.

    Attributes:
        format: "png", "jpeg", "webp", "bmp" or "tiff".
        height, width: int, pixels as stored, before the EXIF turn.
        bits: 8 or 16, bits per channel after decoding.
        channels: int, channels as stored (a palette counts as 3).
        orientation: int 1..8, EXIF; 1 is upright.
        pictures: int, 2 or more where the file is animated or has several pages.
        alpha_kind: (position, two bytes) to put in place of a TIFF's mark of separate alpha, or
            None; see `codec`.
    """

    format: str
    height: int
    width: int
    bits: int = 8
    channels: int = 3
    orientation: int = 1
    pictures: int = 1
    alpha_kind: tuple[int, bytes] | None = None


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
    for starts, reader in (
        (data.startswith(_PNG_SIGNATURE), _png),
        (data.startswith(b"\xff\xd8\xff"), _jpeg),
        (data[:4] == b"RIFF" and data[8:12] == b"WEBP", _webp),
        (data[:2] == b"BM", _bmp),
        (data[:4] in (b"II*\0", b"MM\0*"), _tiff),
    ):
        if starts:
            try:
                return reader(data, name)
            except (struct.error, IndexError) as error:
                raise cut_off(name) from error
    raise InvalidInput(
        f"{name} is not an image that can be read: PNG, JPEG, WebP, BMP or TIFF. "
        f"Received: first bytes {data[:8]!r}"
    )


def cut_off(name: str) -> InvalidInput:
    """The error for a file whose end is missing."""
    return InvalidInput(f"{name} is cut off: its data end too early. Copy or download it again.")


def _png(data: bytes, name: str) -> Header:
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    position, orientation, pictures, ended = 8, 1, 1, False
    while not ended:
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            raise cut_off(name)
        if kind in (b"IHDR", b"IDAT", b"PLTE", b"IEND"):
            (crc,) = struct.unpack_from(">I", data, end - 4)
            if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != crc:
                raise InvalidInput(
                    f"{name} is damaged: wrong checksum in its {kind.decode()} data."
                )
        elif kind == b"acTL":
            (pictures,) = struct.unpack_from(">I", data, position + 8)
        elif kind == b"eXIf":
            orientation = _exif_orientation(data[position + 8 : end - 4])
        ended = kind == b"IEND"
        position = end
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colour, 3)
    return Header("png", height, width, 16 if bits == 16 else 8, channels, orientation, pictures)


def _jpeg(data: bytes, name: str) -> Header:
    position, orientation, frame = 2, 1, None
    while True:
        while data[position] != 0xFF:  # bytes between segments are skipped, as libjpeg does
            position += 1
        marker = data[position + 1]
        if marker in (0xFF, 0x00, 0x01) or 0xD0 <= marker <= 0xD7:
            position += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9:
            raise cut_off(name)
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker in _JPEG_SOF:
            frame = struct.unpack_from(">BHHB", data, position + 4)
        elif marker == 0xE1 and data[position + 4 : position + 10] == b"Exif\0\0":
            orientation = _exif_orientation(data[position + 10 : position + 2 + length])
        position += 2 + length
        if marker == 0xDA:
            break
    if frame is None or data.find(b"\xff\xd9", position) < 0:
        raise cut_off(name)
    bits, height, width, channels = frame
    if bits != 8:
        raise InvalidInput(f"{name} is a JPEG of {bits} bits; only 8 can be read. Save it as PNG.")
    return Header("jpeg", height, width, 8, channels, orientation)


def _webp(data: bytes, name: str) -> Header:
    (size,) = struct.unpack_from("<I", data, 4)
    if len(data) < size + 8:
        raise cut_off(name)
    position, orientation, pictures, channels, extent = 12, 1, 0, 3, None
    while position + 8 <= size + 8:
        kind, length = struct.unpack_from("<4sI", data, position)
        body = position + 8
        if kind == b"VP8X":
            extent = _u24(data, body + 7) + 1, _u24(data, body + 4) + 1
            channels = 4 if data[body] & 0x10 else 3
        elif kind == b"VP8 " and extent is None:
            width, height = struct.unpack_from("<HH", data, body + 6)
            extent = height & 0x3FFF, width & 0x3FFF
        elif kind == b"VP8L" and extent is None:
            (packed,) = struct.unpack_from("<I", data, body + 1)
            extent = (packed >> 14 & 0x3FFF) + 1, (packed & 0x3FFF) + 1
            channels = 4 if packed >> 28 & 1 else 3
        elif kind == b"EXIF":
            orientation = _exif_orientation(data[body : body + length].removeprefix(b"Exif\0\0"))
        pictures += kind == b"ANMF"
        position = body + length + length % 2
    if extent is None:
        raise cut_off(name)
    return Header("webp", *extent, 8, channels, orientation, max(pictures, 1))


def _u24(data: bytes, position: int) -> int:
    return data[position] | data[position + 1] << 8 | data[position + 2] << 16


def _bmp(data: bytes, name: str) -> Header:
    offset, header_size = struct.unpack_from("<II", data, 10)
    if header_size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    # Run-length rows (1, 2) have no fixed size; all others are rows padded to 4 bytes.
    needed = 0 if compression in (1, 2) else (abs(width) * bits + 31) // 32 * 4 * abs(height)
    if len(data) < offset + needed:
        raise cut_off(name)
    return Header("bmp", abs(height), abs(width), 8, 4 if bits == 32 else 3)


def _tiff(data: bytes, name: str) -> Header:
    order = "<" if data[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "I", data, 4)
    tags, following = _ifd(data, first, order)
    for offsets, lengths in ((273, 279), (324, 325)):  # strips, tiles
        ends = zip(tags.get(offsets, ()), tags.get(lengths, ()), strict=False)
        if any(start + length > len(data) for start, length in ends):
            raise cut_off(name)
    bits = max(tags.get(258, (1,)))
    if bits not in (1, 2, 4, 8, 16) or tags.get(339, (1,))[0] not in (1, 4):
        raise InvalidInput(
            f"{name} is a TIFF of {bits}-bit values that are no plain integers; 8 or 16 bits per "
            "channel can be read. Convert it first."
        )
    if 256 not in tags or 257 not in tags:
        raise InvalidInput(f"{name} is damaged: its TIFF directory gives no size.")
    turn = tags.get(_ORIENTATION_TAG, (1,))[0]
    return Header(
        "tiff",
        tags[257][0],
        tags[256][0],
        16 if bits == 16 else 8,
        3 if tags.get(262) == (_PALETTE,) else tags.get(277, (1,))[0],
        turn if 1 <= turn <= 8 else 1,
        2 if following else 1,
        _alpha_kind(data, first, order) if tags.get(338) == (_SEPARATE_ALPHA,) else None,
    )


def _alpha_kind(data: bytes, directory: int, order: str) -> tuple[int, bytes]:
    """Where the directory says "separate alpha", and what would say "as it is stored"."""
    entry = directory + 2
    while struct.unpack_from(order + "H", data, entry) != (338,):
        entry += 12
    return entry + 8, struct.pack(order + "H", 1)


def _exif_orientation(block: bytes) -> int:
    """The EXIF turn, or 1 where the block is damaged: it must not cost the picture."""
    try:
        order = {b"II": "<", b"MM": ">"}[block[:2]]
        (first,) = struct.unpack_from(order + "I", block, 4)
        turn = _ifd(block, first, order)[0].get(_ORIENTATION_TAG, (1,))[0]
    except (KeyError, struct.error, IndexError):
        return 1
    return turn if 1 <= turn <= 8 else 1


def _ifd(block: bytes, position: int, order: str) -> tuple[dict[int, tuple[int, ...]], int]:
    """Integer tags of a TIFF directory, and the position of the next one (0: none)."""
    (count,) = struct.unpack_from(order + "H", block, position)
    tags = {}
    for entry in range(position + 2, position + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(order + "HHI", block, entry)
        code, size = {1: ("B", 1), 3: ("H", 2), 4: ("I", 4)}.get(kind, ("", 0))
        if not code or number == 0:
            continue
        place = entry + 8
        if size * number > 4:
            (place,) = struct.unpack_from(order + "I", block, place)
        if place + size * number > len(block):
            raise IndexError(place)
        tags[tag] = struct.unpack_from(f"{order}{number}{code}", block, place)
    (following,) = struct.unpack_from(order + "I", block, position + 2 + 12 * count)
    return tags, following
