"""Headers of PNG, JPEG, WebP and BMP files, and whether the files are whole.

Each reader takes the whole file and what to call it in errors, and raises `InvalidInput`,
`struct.error` or `IndexError` where the file is cut off or damaged.
"""

import struct
import zlib
from collections.abc import Iterator

from tfdeblur.errors import InvalidInput
from tfdeblur.image import exif, jpeg_beside
from tfdeblur.image.header import Header, cut_off

_JPEG_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def png_chunks(data: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each chunk of a PNG, up to its end; checksums of pixels are compared.

    Raises:
        InvalidInput, struct.error: if it is cut off or damaged.
    """
    position, kind = 8, b""
    while kind != b"IEND":
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
        yield kind, b"" if kind == b"IDAT" else data[position + 8 : end - 4]
        position = end


def png(data: bytes, name: str) -> Header:
    """The header of a whole PNG file."""
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    orientation, pictures = 1, 1
    for kind, body in png_chunks(data, name):
        if kind == b"acTL":
            (pictures,) = struct.unpack_from(">I", body)
        elif kind == b"eXIf":
            orientation = exif.orientation(body)
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colour, 3)
    return Header("png", height, width, 16 if bits == 16 else 8, channels, orientation, pictures)


def jpeg(data: bytes, name: str) -> Header:
    """The header of a whole JPEG file."""
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
            orientation = exif.orientation(data[position + 10 : position + 2 + length])
        position += 2 + length
        if marker == 0xDA:
            break
    end = data.find(b"\xff\xd9", position)
    if frame is None or end < 0:
        raise cut_off(name)
    bits, height, width, channels = frame
    if bits != 8:
        raise InvalidInput(f"{name} is a JPEG of {bits} bits; only 8 can be read. Save it as PNG.")
    pictures, left_out = jpeg_beside.left_out(data, position, end + 2)
    return Header("jpeg", height, width, 8, channels, orientation, pictures, left_out=left_out)


def webp(data: bytes, name: str) -> Header:
    """The header of a whole WebP file."""
    (size,) = struct.unpack_from("<I", data, 4)
    if len(data) < size + 8:
        raise cut_off(name)
    position, orientation, pictures, channels, extent = 12, 1, 0, 3, None
    lossless = False
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
            orientation = exif.orientation(data[body : body + length].removeprefix(b"Exif\0\0"))
        lossless |= kind == b"VP8L"
        pictures += kind == b"ANMF"
        position = body + length + length % 2
    if extent is None:
        raise cut_off(name)
    return Header("webp", *extent, 8, channels, orientation, max(pictures, 1), lossless)


def _u24(data: bytes, position: int) -> int:
    return data[position] | data[position + 1] << 8 | data[position + 2] << 16


def bmp(data: bytes, name: str) -> Header:
    """The header of a whole BMP file."""
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
