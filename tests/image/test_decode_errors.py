"""Bytes that are no picture, or not a whole one: each is named as what is wrong."""

import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.image.makers import chunk, levels, saved
from tfdeblur.errors import InvalidInput
from tfdeblur.image import codec
from tfdeblur.image.codec import decode_image


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_every_cut_is_an_error(format, options):
    """Also of the last bytes. TIFF may keep its directory, or padding, at the end."""
    data = saved(Image.fromarray(levels(24, 24)), format, **options)
    spare = 1 if format in ("WEBP", "TIFF") else 0
    for end in sorted({0, 1, 2, 3, 7, 8, 20, *range(25, len(data), 37), len(data) - 1 - spare}):
        with pytest.raises(InvalidInput, match="holiday"):
            decode_image(data[:end], "holiday")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "photo is empty (0 bytes)."),
        (b"Dear diary, this is no picture.", "photo is not an image that can be read"),
        (b"GIF89a\1\0\1\0", "first bytes b'GIF89a"),
        (b"GIF89a\1\0\1\0", "an animated picture, which must end in .gif: photo.gif"),
        (b"\0\0\0\x18ftypisom", "like a video, which must end in .mp4: photo.mp4"),
        (b"\0\0\0\x14ftypqt  ", "like a video, which must end in .mov: photo.mov"),
        (b"\x1a\x45\xdf\xa3\1\0\0\0\x42\x82\x84webm", "which must end in .webm: photo.webm"),
        (b"\x1a\x45\xdf\xa3\1\0\0\0\x42\x82\x88matroska", "which must end in .mkv: photo.mkv"),
        (b"RIFF\0\0\0\0AVI LIST", "like a video, which must end in .avi: photo.avi"),
        (b"\x89PNG\r\n\x1a\n", "photo is cut off"),
        (b"\xff\xd8\xff\xe0", "photo is cut off"),
        (b"\xff\xd8\xff\xd9", "photo is cut off"),
        (b"BM", "photo is cut off"),
        (b"II*\0\xff\xff\xff\xff", "photo is cut off"),
        (b"RIFF\0\0\0\0WEBP", "photo is cut off"),
        (b"\0" * 1000, "photo is not an image"),
    ],
)
def test_no_image(data, message):
    with pytest.raises(InvalidInput, match=re.escape(message)):
        decode_image(data, "photo")


def png(width, height, body=b"\0", bits=8, colour=2):
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(body)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    "data",
    [
        png(60000, 60000),
        b"BM" + struct.pack("<IIIIiiHHI", 0, 0, 54, 40, 10**6, 10**6, 1, 24, 1) + b"\0" * 99,
    ],
)
def test_a_bomb_is_refused_before_it_is_unpacked(data, monkeypatch):
    monkeypatch.setattr(codec, "decode_pixels", pytest.fail)
    with pytest.raises(InvalidInput, match="bomb is too large to be opened: .* pixels, at most"):
        decode_image(data, "bomb")


@pytest.mark.parametrize("data", [png(0, 5), png(5, 0)])
def test_no_pixels(data):
    with pytest.raises(InvalidInput, match="x is damaged: it is . x . pixels"):
        decode_image(data, "x")


def test_png_with_too_few_rows_is_an_error():
    with pytest.raises(InvalidInput, match="x is damaged"):
        decode_image(png(4, 4, b"\0" * 13), "x")


def test_png_with_a_flipped_bit_is_an_error():
    data = bytearray(saved(Image.fromarray(levels(40, 40)), "PNG"))
    data[data.index(b"IDAT") + 60] ^= 1
    with pytest.raises(InvalidInput, match="wrong checksum in its IDAT data"):
        decode_image(bytes(data), "x")


def test_float_tiff_is_named():
    data = saved(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF")
    with pytest.raises(InvalidInput, match="x is a TIFF of 32-bit values"):
        decode_image(data, "x")


def test_random_bytes_after_a_right_start_never_escape():
    """Whatever follows a known signature: a picture or InvalidInput, no other error."""
    rng = np.random.default_rng(0)
    for format in ("PNG", "JPEG", "WEBP", "BMP", "TIFF"):
        data = saved(Image.fromarray(levels(16, 16)), format)
        for _ in range(60):
            damaged = np.frombuffer(data, np.uint8).copy()
            places = rng.integers(2, min(len(data), 120), 3)
            damaged[places] = rng.integers(0, 256, 3)
            try:
                decode_image(damaged.tobytes(), "x")
            except InvalidInput as error:
                assert "x is" in str(error)  # noqa: PT017
