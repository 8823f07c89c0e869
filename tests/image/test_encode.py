"""Pictures out: levels, depth, alpha and gray are those of the source where the format can."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.helpers import picture
from tests.image.makers import levels, saved
from tfdeblur.errors import InvalidInput
from tfdeblur.image import codec
from tfdeblur.image.codec import (
    DecodedImage,
    decode_image,
    dropped_by,
    encode_image,
    format_of,
    to_float,
    to_uint8,
)


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


def test_jpeg_keeps_full_colour_resolution():
    rgb = levels()
    data = encode_image(rgb, DecodedImage(rgb, rgb[..., 0], False, 8, "png"), "jpeg")
    sampling = Image.open(io.BytesIO(data)).layer
    assert [(h, v) for _, h, v, _ in sampling] == [(1, 1)] * 3


@pytest.mark.parametrize(
    ("alpha", "extra", "bits", "format", "said"),
    [
        (True, "alpha", 8, "png", ""),
        (True, "alpha", 8, "jpeg", "transparency is dropped: JPEG cannot hold more"),
        (True, "alpha", 16, "webp", "16 bits become 8: WEBP cannot hold more"),
        (True, "unnamed", 16, "tiff", ""),
        (True, "unnamed", 8, "png", "the fourth channel is dropped: PNG cannot hold more"),
        (False, "alpha", 16, "jpeg", "16 bits become 8: JPEG cannot hold more"),
        (
            *(True, "alpha", 16, "jpeg"),
            "transparency is dropped, 16 bits become 8: JPEG cannot hold more",
        ),
    ],
)
def test_what_a_format_drops_is_said(alpha, extra, bits, format, said):
    rgb = levels(top=255 if bits == 8 else 65535)
    image = DecodedImage(rgb, rgb[..., 0] if alpha else None, False, bits, "tiff", extra=extra)
    assert dropped_by(format, image) == said
    again = decode_image(encode_image(rgb, image, format), "again")
    assert ("16 bits become 8" in said) == (again.bits < bits)
    assert ("dropped" in said) == (alpha and again.alpha is None)


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


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("profile", [None, b"with VP8X in front"])
def test_a_lossless_webp_comes_back_lossless(channels, profile):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 17, channels), np.uint8)
    source = {"lossless": True, "exact": True}
    source |= {"icc_profile": profile} if profile else {}
    found = decode_image(saved(Image.fromarray(pixels), "WEBP", **source), "in.webp")
    restored = 255 - found.rgb
    again = decode_image(encode_image(restored, found, "webp"), "out.webp")
    assert found.lossless and again.lossless
    np.testing.assert_array_equal(again.rgb, restored)
    if channels == 4:
        np.testing.assert_array_equal(again.alpha, pixels[..., 3])


def test_a_lossy_webp_stays_lossy():
    found = decode_image(saved(Image.fromarray(levels()), "WEBP", quality=80), "in.webp")
    assert not decode_image(encode_image(found.rgb, found, "webp"), "out.webp").lossless
