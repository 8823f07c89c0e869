"""Pixels and metadata to the bytes of a file."""

import io
import logging
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import tensorflow as tf

from tfdeblur.errors import InvalidInput
from tfdeblur.image import exif
from tfdeblur.image.metadata import XMP_KEYWORD, Metadata

logger = logging.getLogger(__name__)

QUALITY = 95  # of JPEG and WebP
_SEGMENT = 65533  # bytes that a segment of a JPEG holds
_PROFILE_PART = _SEGMENT - 14
_XMP_NAMESPACE = b"http://ns.adobe.com/xap/1.0/\0"
_INCH = 0.0254  # metres
# Bodies of chunks that mean the colours every viewer takes without them.
_SRGB_COLOURS = {
    b"cICP": bytes((1, 13, 0, 1)),
    b"gAMA": struct.pack(">I", 45455),
    b"cHRM": struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000),
}


def encode_pixels(
    pixels: np.ndarray, format: str, metadata: Metadata, extra: str, lossless: bool = False
) -> bytes:
    """Encodes uint8 or uint16 `(height, width, 1..4)`: gray or RGB, with an extra channel or not.

    Args:
        pixels: 16 bits for PNG and TIFF only; an extra channel not for JPEG.
        format: "png", "jpeg", "webp", "bmp" or "tiff".
        metadata: what is written beside them, as far as the format holds it.
        extra: what an extra channel is: "alpha" or "unnamed"; "" if there is none.
        lossless: of WebP, whether every pixel is kept as it is.

    Raises:
        InvalidInput: if the format holds no picture of that size.
    """
    metadata = metadata.for_channels(1 if pixels.shape[-1] <= 2 else 3)
    if format != "png":
        _tell_lost_colours(metadata, format)
    if format == "tiff":
        return _tiff(pixels, metadata, extra)
    if format == "webp":
        return _webp(pixels, metadata, lossless)
    return {"png": _png, "jpeg": _jpeg, "bmp": _bmp}[format](pixels, metadata)


def _png(pixels: np.ndarray, metadata: Metadata) -> bytes:
    with tf.device("CPU:0"):
        data = tf.io.encode_png(pixels).numpy()
    parts = b"".join(_chunk(kind, body) for kind, body in _png_chunks(metadata))
    end = data.index(b"IHDR") + 4 + 13 + 4  # they all belong before the palette and the pixels
    return data[:end] + parts + data[end:]


def _png_chunks(metadata: Metadata) -> Iterator[tuple[bytes, bytes]]:
    if metadata.profile:
        yield b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.profile)
    for kind, body in metadata.chunks:
        if kind != b"sRGB" or not metadata.profile:  # one or the other, says the standard
            yield kind, body
    if metadata.resolution:
        across, down = (max(1, round(one / _INCH)) for one in metadata.resolution)
        yield b"pHYs", struct.pack(">IIB", across, down, 1)
    if metadata.exif:
        yield b"eXIf", metadata.exif
    if metadata.xmp:
        yield b"iTXt", XMP_KEYWORD + b"\0\0\0\0\0" + metadata.xmp


def _tell_lost_colours(metadata: Metadata, format: str) -> None:
    """Warns where a PNG's chunks alone said that its colours are not sRGB's."""
    if metadata.profile:
        return
    for kind, body in metadata.chunks:
        if body != _SRGB_COLOURS.get(kind, body):
            logger.warning(
                "The file will look different: only PNG holds what its %s chunk says of the "
                "colours, and %s is written. Write PNG, or convert it to sRGB before.",
                kind.decode(),
                format.upper(),
            )
            return


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _jpeg(pixels: np.ndarray, metadata: Metadata) -> bytes:
    with tf.device("CPU:0"):
        data = tf.io.encode_jpeg(
            pixels, quality=QUALITY, chroma_downsampling=False, optimize_size=True
        ).numpy()
    # TensorFlow writes the mark of JFIF first, with 300 pixels per inch that nobody measured.
    (length,) = struct.unpack_from(">H", data, 4)
    if metadata.resolution:
        density = (1, *(min(max(1, round(one)), 65535) for one in metadata.resolution))
    else:
        density = (0, 1, 1)  # square pixels, of any size
    head = data[:13] + struct.pack(">BHH", *density) + data[18 : 4 + length]
    return head + b"".join(_jpeg_segments(metadata)) + data[4 + length :]


def _jpeg_segments(metadata: Metadata) -> Iterator[bytes]:
    for marker, title, what, body in (
        (0xE1, b"Exif\0\0", "EXIF data", metadata.exif),
        (0xE1, _XMP_NAMESPACE, "XMP data", metadata.xmp),
    ):
        if body and len(title) + len(body) <= _SEGMENT:
            yield _segment(marker, title + body)
        elif body:
            logger.warning("The %s are dropped: a JPEG holds 64 KiB of them.", what)
    profile = metadata.profile or b""
    count = -(-len(profile) // _PROFILE_PART)
    if count > 255:
        logger.warning("The colour profile is dropped: a JPEG holds 16 MiB of it.")
        return
    for i in range(count):
        part = profile[i * _PROFILE_PART : (i + 1) * _PROFILE_PART]
        yield _segment(0xE2, b"ICC_PROFILE\0" + bytes((i + 1, count)) + part)


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _tiff(pixels: np.ndarray, metadata: Metadata, extra: str) -> bytes:
    """LZW with differences, in the byte order of the EXIF data, which are appended as they are."""
    import tifffile

    block = metadata.exif
    order: Any = exif.byte_order(block) if block else "<"
    inner: dict[int, list[exif.Entry]] = {}
    tags: list[tuple[Any, ...]] = []
    if block:
        own = {282, 283, 296}  # resolution, which is written by itself
        tags = [_tag(e, order) for e in exif.first_directory(block) if e.tag not in own]
        for tag in (exif.EXIF_DIRECTORY, exif.GPS_DIRECTORY):
            if found := exif.inner_directory(block, tag):
                inner[tag] = found
    if metadata.xmp:
        tags.append((700, 1, len(metadata.xmp), metadata.xmp, True))
    file = io.BytesIO()
    gray = pixels.shape[-1] <= 2
    kind = {"alpha": ["unassalpha"], "unnamed": ["unspecified"]}.get(extra, [])
    tifffile.imwrite(
        file,
        pixels[..., 0] if pixels.shape[-1] == 1 else pixels,
        photometric="minisblack" if gray else "rgb",
        planarconfig=None if pixels.shape[-1] == 1 else "contig",
        extrasamples=kind or None,
        compression="lzw",
        predictor=True,
        byteorder=order,
        resolution=metadata.resolution,
        resolutionunit="inch" if metadata.resolution else None,
        iccprofile=metadata.profile,
        metadata=None,
        software=False,
        extratags=tags,
    )
    return _with_directories(file.getvalue(), inner, order)


def _tag(entry: exif.Entry, order: str) -> tuple[Any, ...]:
    """An entry as tifffile takes it: text and undefined bytes as bytes, numbers as numbers."""
    codes = {1: "B", 3: "H", 4: "I", 5: "II", 6: "b", 8: "h", 9: "i", 10: "ii"}
    if entry.kind in (2, 7):
        return entry.tag, entry.kind, entry.count, entry.value, True
    code = codes[entry.kind] * entry.count
    return entry.tag, entry.kind, entry.count, struct.unpack(order + code, entry.value), True


def _with_directories(data: bytes, inner: dict[int, list[exif.Entry]], order: str) -> bytes:
    """The TIFF with the directories at its end, which tifffile does not write.

    A new first directory after them points to them; the old one stays, and nobody reads it.
    """
    if not inner:
        return data
    (first,) = struct.unpack_from(order + "I", data, 4)
    entries = exif.read_directory(data, first, order)
    changed = bytearray(data)
    for tag, found in inner.items():
        changed += b"\0" * (len(changed) % 2)
        entries.append(exif.Entry(tag, 4, 1, struct.pack(order + "I", len(changed))))
        changed += exif.write_directory(found, len(changed), order)
    changed += b"\0" * (len(changed) % 2)
    struct.pack_into(order + "I", changed, 4, len(changed))
    return bytes(changed + exif.write_directory(entries, len(changed), order))


def _bmp(pixels: np.ndarray, metadata: Metadata) -> bytes:
    done, encoded = cv2.imencode(".bmp", np.ascontiguousarray(_blue_first(pixels)))
    if not done:
        raise _too_large(pixels, "bmp")
    data = bytearray(encoded.tobytes())
    if metadata.resolution:
        struct.pack_into("<ii", data, 38, *(round(one / _INCH) for one in metadata.resolution))
    return bytes(data)


def _webp(pixels: np.ndarray, metadata: Metadata, lossless: bool) -> bytes:
    from PIL import Image

    carried = {"icc_profile": metadata.profile, "exif": metadata.exif, "xmp": metadata.xmp}
    options: dict[str, Any] = {key: value for key, value in carried.items() if value}
    file = io.BytesIO()
    try:
        image = Image.fromarray(np.ascontiguousarray(_coloured(pixels)))
        if lossless:  # `exact`: also the colours of what cannot be seen
            options |= {"lossless": True, "exact": True}
        else:
            options["quality"] = QUALITY
        image.save(file, "WEBP", **options)
    except (ValueError, OSError) as error:
        raise _too_large(pixels, "webp") from error
    return file.getvalue()


def _blue_first(pixels: np.ndarray) -> np.ndarray:
    if pixels.shape[-1] == 1:
        return pixels
    coloured = _coloured(pixels)
    return coloured[..., [2, 1, 0, 3][: coloured.shape[-1]]]


def _coloured(pixels: np.ndarray) -> np.ndarray:
    """RGB or RGBA: WebP has no gray, BMP none with alpha."""
    channels = pixels.shape[-1]
    return pixels[..., [0, 0, 0, 1][: channels + 2]] if channels <= 2 else pixels


def _too_large(pixels: np.ndarray, format: str) -> InvalidInput:
    return InvalidInput(
        f"An image of {pixels.shape[1]} x {pixels.shape[0]} pixels cannot be written as "
        f"{format.upper()}. Use PNG."
    )
