"""Files in and out: every kind right or named as wrong; Pillow is the oracle."""

import io
import logging
import os
import re
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.helpers import picture
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image import codec, headers
from tfdeblur.image.codec import (
    DecodedImage,
    decode_image,
    encode_image,
    format_of,
    read_image,
    to_float,
    to_uint8,
    write_atomically,
)


def levels(height=12, width=17, channels=3, top=255, seed=0):
    """A smooth picture in integer levels, so that lossy formats stay close."""
    dtype = np.uint8 if top == 255 else np.uint16
    return np.round(picture(height, width, channels, seed) * top).astype(dtype)


def saved(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


# Right results


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_colour(format):
    pixels = levels()
    options = {"lossless": True} if format == "WEBP" else {}
    image = decode_image(saved(Image.fromarray(pixels), format, **options), "a")
    np.testing.assert_array_equal(image.rgb, pixels)
    assert (image.alpha, image.gray, image.bits, image.format) == (None, False, 8, format.lower())
    assert image.rgb.flags.c_contiguous


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_equals_pillow(progressive):
    data = saved(Image.fromarray(levels()), "JPEG", quality=90, progressive=progressive)
    image = decode_image(data, "a.jpg")
    expected = np.asarray(Image.open(io.BytesIO(data)), int)
    assert np.abs(image.rgb - expected).max() <= 3  # two versions of libjpeg
    assert image.format == "jpeg" and image.bits == 8


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
def test_smallest_sizes(size, format):
    data = saved(Image.fromarray(np.full((*size, 3), 77, np.uint8)), format)
    image = decode_image(data, "a")
    assert np.abs(image.rgb.astype(int) - 77).max() <= 2
    assert image.rgb.shape == (*size, 3)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "TIFF"])
def test_gray(format):
    pixels = levels(48, 64, channels=1)[..., 0]
    options = {"quality": 98} if format == "JPEG" else {}
    image = decode_image(saved(Image.fromarray(pixels), format, **options), "a")
    assert image.gray
    assert np.abs(image.rgb.astype(int) - pixels[..., None]).max() <= 3


@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits(format, channels):
    pixels = levels(channels=channels, top=65535)
    order = [2, 1, 0, 3][:channels] if channels > 1 else [0]
    data = cv2.imencode("." + format, pixels[..., order])[1].tobytes()
    image = decode_image(data, "a")
    assert image.bits == 16 and image.rgb.dtype == np.uint16
    assert image.gray == (channels == 1)
    np.testing.assert_array_equal(image.rgb, np.broadcast_to(pixels[..., :3], image.rgb.shape))
    if channels == 4:
        np.testing.assert_array_equal(image.alpha, pixels[..., 3])


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_alpha(format):
    pixels = levels(channels=4)
    pixels[..., 3] = np.maximum(pixels[..., 3], 1)  # WebP forgets colours that nobody can see
    options = {"lossless": True} if format == "WEBP" else {}
    image = decode_image(saved(Image.fromarray(pixels), format, **options), "a")
    np.testing.assert_array_equal(np.dstack([image.rgb, image.alpha]), pixels)


def test_gray_with_alpha():
    pixels = levels(channels=2)
    image = decode_image(saved(Image.fromarray(pixels, "LA"), "PNG"), "a")
    assert image.gray
    np.testing.assert_array_equal(image.alpha, pixels[..., 1])
    np.testing.assert_array_equal(image.rgb, np.repeat(pixels[..., :1], 3, -1))


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
def test_palette(format):
    source = Image.fromarray(levels()).quantize(7)
    image = decode_image(saved(source, format), "a")
    np.testing.assert_array_equal(image.rgb, np.asarray(source.convert("RGB")))
    assert image.alpha is None and not image.gray


def test_palette_with_transparency():
    source = Image.fromarray(levels()).quantize(7)
    data = saved(source, "PNG", transparency=2)
    image = decode_image(data, "a.png")
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    np.testing.assert_array_equal(image.alpha, expected[..., 3])
    assert set(np.unique(image.alpha)) == {0, 255}


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
def test_one_bit(format):
    source = Image.fromarray(levels(channels=1)[..., 0]).convert("1")
    image = decode_image(saved(source, format), "a")
    np.testing.assert_array_equal(image.rgb[..., 0], np.asarray(source) * 255)


def test_interlaced_png():
    # Pillow writes none: pass 1 of Adam7 is all of a 1 x 1 picture.
    body = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 1)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", body)
    data += chunk(b"IDAT", zlib.compress(b"\0\x0a\x14\x1e")) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(decode_image(data, "a").rgb, [[[10, 20, 30]]])


@pytest.mark.parametrize("adobe", [True, False])
def test_cmyk_jpeg(adobe):
    """Adobe's CMYK is stored inverted, and says so; without its marker it is not."""
    rgb = np.empty((16, 16, 3), np.uint8)
    rgb[:] = 200, 100, 50
    data = saved(Image.fromarray(rgb).convert("CMYK"), "JPEG", quality=98)
    if not adobe:
        cut = data.index(b"\xff\xee")
        data = data[:cut] + data[cut + 2 + struct.unpack_from(">H", data, cut + 2)[0] :]
        rgb[:] = 0  # Pillow stored 255 - c: read as plain CMYK, k = 255 is black
    image = decode_image(data, "a.jpg")
    assert image.rgb.shape == (16, 16, 3)
    assert np.abs(image.rgb.astype(int) - rgb).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_turn(format, orientation):
    source = Image.fromarray(levels(8, 24))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}
    data = saved(source, format, exif=exif, **options.get(format, {}))
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))), int)
    image = decode_image(data, "a")
    assert image.rgb.shape == expected.shape
    assert np.abs(image.rgb - expected).max() <= (4 if format == "JPEG" else 0)


def test_a_damaged_exif_block_does_not_cost_the_picture():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(Image.fromarray(levels(8, 24)), "JPEG", exif=exif)
    at = data.index(b"Exif\0\0") + 6
    for damage in (b"XX", b"MM\0*\xff\xff\xff\xff"):
        damaged = data[:at] + damage + data[at + len(damage) :]
        assert decode_image(damaged, "a").rgb.shape == (8, 24, 3)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_of_several_pictures_the_first(format, caplog):
    first, second = levels(seed=1), levels(seed=2)
    options = {"lossless": True} if format == "WEBP" else {}
    data = saved(
        Image.fromarray(first),
        format,
        save_all=True,
        append_images=[Image.fromarray(second)],
        **options,
    )
    with caplog.at_level(logging.WARNING):
        image = decode_image(data, "pages")
    np.testing.assert_array_equal(image.rgb, first)
    assert "pages holds several pictures; only the first is used." in caplog.text


# Errors


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
    monkeypatch.setattr(codec, "_decode_with_tensorflow", pytest.fail)
    monkeypatch.setattr(codec, "_decode_with_opencv", pytest.fail)
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


def test_reading_names_path_and_reason(tmp_path):
    with pytest.raises(InvalidInput, match=f"{tmp_path} is a folder"):
        read_image(tmp_path)
    with pytest.raises(DataError, match=r"none.png cannot be read: No such file"):
        read_image(tmp_path / "none.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    with pytest.raises(DataError, match=r"loop.png cannot be read: Too many levels"):
        read_image(tmp_path / "loop.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(InvalidInput, match=r"text.png is not an image"):
        read_image(tmp_path / "text.png")


def test_unreadable_file(tmp_path, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", denied)  # root may read everything
    with pytest.raises(DataError, match=r"a.png cannot be read: Permission denied"):
        read_image(tmp_path / "a.png")


# Writing


def test_rounding_is_to_the_nearest_level():
    x = np.array([-1, 0, 0.4 / 255, 0.6 / 255, 127.4 / 255, 254.6 / 255, 1, 7], np.float32)
    np.testing.assert_array_equal(to_uint8(x), [0, 0, 0, 1, 127, 255, 255, 255])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_level_survives_float(dtype):
    every = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    np.testing.assert_array_equal(codec.to_integers(to_float(every), dtype), every)


@pytest.mark.parametrize("format", ["png", "tiff", "bmp", "webp", "jpeg"])
@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("with_alpha", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_encoded_like_the_source(format, gray, with_alpha, bits):
    dtype = np.uint8 if bits == 8 else np.uint16
    top = np.iinfo(dtype).max
    rgb = levels(96, 128, channels=1 if gray else 3, top=top) * np.ones(3, dtype)
    alpha = np.maximum(levels(96, 128, channels=1, top=top, seed=5)[..., 0], top // 200 + 1)
    like = DecodedImage(rgb, alpha if with_alpha else None, gray, bits, "png")
    again = decode_image(encode_image(like.float_rgb(), like, format), "again")
    tolerance = 0 if again.bits == bits else 0.5 / 255 + 1e-6
    tolerance = {"jpeg": 12 / 255, "webp": 20 / 255}.get(format, tolerance)
    assert np.abs(again.float_rgb() - like.float_rgb()).max() <= tolerance
    assert again.bits == (bits if format in ("png", "tiff") else 8)
    assert again.format == format
    if format in ("png", "jpeg"):
        assert again.gray == gray
    if format == "jpeg":
        assert again.alpha is None
    elif with_alpha:
        difference = to_float(again.alpha) - to_float(alpha)
        assert np.abs(difference).max() <= (0 if again.bits == bits else 0.5 / 255 + 1e-6)


def test_jpeg_keeps_full_colour_resolution_and_says_that_alpha_is_lost(caplog):
    rgb = levels()
    like = DecodedImage(rgb, rgb[..., 0], False, 8, "png")
    with caplog.at_level(logging.WARNING):
        data = encode_image(rgb, like, "jpeg")
    assert "Transparency is dropped: JPEG cannot hold it." in caplog.text
    sampling = Image.open(io.BytesIO(data)).layer
    assert [(h, v) for _, h, v, _ in sampling] == [(1, 1)] * 3


def test_encode_without_a_source():
    assert decode_image(encode_image(levels(top=65535), None, "png"), "a").bits == 16
    assert decode_image(encode_image(picture(3, 4), None, "png"), "a").bits == 8


def test_encode_names_what_is_wrong():
    with pytest.raises(InvalidInput, match="`format` must be one of png, jpeg.*format='gif'"):
        encode_image(levels(), None, "gif")
    with pytest.raises(InvalidInput, match=r"`restored_rgb` must have shape.*shape=\(12, 17\)"):
        encode_image(levels()[..., 0], None, "png")
    like = DecodedImage(levels(), levels()[:5, :, 0], False, 8, "png")
    with pytest.raises(InvalidInput, match="`like.alpha` must have the size"):
        encode_image(levels(), like, "png")
    with pytest.raises(InvalidInput, match="WEBP. Use PNG"):
        encode_image(np.zeros((1, 20000, 3), np.uint8), None, "webp")


def test_format_of_a_name():
    assert [format_of(name) for name in ("a.JPG", "b.png", "c.x.tif")] == ["jpeg", "png", "tiff"]
    with pytest.raises(InvalidInput, match="a.gif must end in one of .png, .jpg"):
        format_of("a.gif")


def test_writing_replaces_the_file_as_a_whole(tmp_path):
    path = tmp_path / "out.png"
    path.write_bytes(b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["out.png"]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, failing):
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(DataError, match=r"out.png cannot be written: No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.png"]


def test_an_interrupt_leaves_no_part(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "out.png", b"new")
    assert os.listdir(tmp_path) == []


def test_writing_names_a_missing_folder(tmp_path):
    with pytest.raises(DataError, match=r"out.png cannot be written: No such file or directory"):
        write_atomically(tmp_path / "none" / "out.png", b"new")


def test_header_tells_size_without_decoding():
    header = headers.read_header(saved(Image.fromarray(levels(5, 9)), "JPEG"), "a")
    assert (header.format, header.height, header.width) == ("jpeg", 5, 9)
