"""Files in: every kind is read right; Pillow is the oracle."""

import io
import logging
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.image.makers import chunk, levels, saved
from tfdeblur.image import headers
from tfdeblur.image.codec import decode_image


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


def test_header_tells_size_without_decoding():
    header = headers.read_header(saved(Image.fromarray(levels(5, 9)), "JPEG"), "a")
    assert (header.format, header.height, header.width) == ("jpeg", 5, 9)
