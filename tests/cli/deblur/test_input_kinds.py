"""Sizes, depths, palettes, turns: every kind of image file gives the right levels."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.cli.helpers import Rows, check_files, folder_for
from tests.cli.makers import expected, jpeg, levels, pixels

row = Rows()


def _shaded(image, mode=None):
    """Checks for what the network makes of seen colours, divided by what it makes of alpha."""
    top = np.iinfo(image.dtype).max
    levels = image / top
    alpha = 0.75 * levels[..., -1:] + 0.125
    seen = 0.75 * levels[..., :-1] * levels[..., -1:] + 0.125
    wanted = np.concatenate([np.clip(seen / alpha, 0, 1), alpha], axis=-1) * top

    def check(path):
        if mode is None:
            found = pixels(path)
        else:
            with Image.open(path) as file:
                assert file.mode == mode
                found = np.asarray(file)
        assert found.dtype == image.dtype
        np.testing.assert_allclose(found, wanted, atol=0.501 + top / 2**20)

    return check


# Sizes.


def _sized(height, width):
    def make(folder):
        image = levels(height, width)
        Image.fromarray(image).save(folder / "x.png")
        return ["x.png"], {"x.png": expected(image)}

    return make


for height, width in [(1, 1), (1, 50), (50, 1), (2, 3), (17, 33), (2, 3000), (64, 64)]:
    maker = _sized(height, width)
    maker.__name__ = f"size_{height}x{width}"
    row()(maker)


@row()
def mixed_sizes_in_one_folder(folder):
    wanted = {}
    (folder / "p").mkdir()
    for side in (1, 5, 16, 31):
        image = levels(side, 40 - side, seed=side)
        Image.fromarray(image).save(folder / "p" / f"{side}.png")
        wanted[f"{side}.png"] = expected(image)
    return ["p"], wanted


@row(options=["--tile", "160"])
def tiles_change_nothing(folder):
    image = levels(200, 170)
    Image.fromarray(image).save(folder / "x.png")
    return ["x.png"], {"x.png": expected(image)}


# Kinds of pixels.


@row()
def png_16_bit(folder):
    image = levels(6, 7, dtype=np.uint16)
    cv2.imwrite(str(folder / "x.png"), image[..., ::-1])
    return ["x.png"], {"x.png": expected(image)}


@row()
def png_16_bit_gray(folder):
    image = levels(6, 7, 1, np.uint16)[..., 0]
    cv2.imwrite(str(folder / "x.png"), image)
    return ["x.png"], {"x.png": expected(image)}


@row()
def png_16_bit_with_alpha(folder):
    image = levels(6, 7, 4, np.uint16)
    cv2.imwrite(str(folder / "x.png"), image[..., [2, 1, 0, 3]])
    return ["x.png"], {"x.png": _shaded(image)}


@row()
def tiff_16_bit(folder):
    image = levels(6, 7, dtype=np.uint16)
    cv2.imwrite(str(folder / "x.tif"), image[..., ::-1])
    return ["x.tif"], {"x.tif": expected(image)}


@row()
def gray(folder):
    image = levels(6, 7, 1)[..., 0]
    Image.fromarray(image).save(folder / "x.png")
    return ["x.png"], {"x.png": expected(image)}


@row()
def gray_with_alpha(folder):
    image = levels(6, 7, 2)
    Image.fromarray(image, "LA").save(folder / "x.png")

    return ["x.png"], {"x.png": _shaded(image, "LA")}


@row()
def one_bit(folder):
    image = levels(6, 7, 1)[..., 0] > 128
    Image.fromarray(image).save(folder / "x.png")
    return ["x.png"], {"x.png": expected(np.uint8(255 * image))}


@row()
def palette(folder):
    image = Image.fromarray(levels(6, 7)).quantize(8)
    image.save(folder / "x.png")
    return ["x.png"], {"x.png": expected(np.asarray(image.convert("RGB")))}


@row()
def palette_with_transparency(folder):
    image = Image.fromarray(levels(6, 7)).quantize(8)
    image.info["transparency"] = 3
    image.save(folder / "x.png", transparency=3)
    with Image.open(folder / "x.png") as file:
        rgba = np.asarray(file.convert("RGBA"))
    assert set(np.unique(rgba[..., 3])) == {0, 255}
    return ["x.png"], {"x.png": _shaded(rgba)}


@row()
def rgba(folder):
    image = levels(6, 7, 4)
    Image.fromarray(image, "RGBA").save(folder / "x.png")
    return ["x.png"], {"x.png": _shaded(image)}


@row()
def cmyk_jpeg(folder):
    source = Image.fromarray(levels(40, 48))
    source.convert("CMYK").save(folder / "x.jpg", quality=95)
    return ["x.jpg"], {"x.jpg": _close_to(expected(np.asarray(source)))}


@row()
def gray_jpeg_stays_gray(folder):
    image = levels(40, 48, 1)[..., 0]
    jpeg(folder / "x.jpg", image)
    return ["x.jpg"], {"x.jpg": _close_to(expected(image))}


def _close_to(wanted):
    """Checks a JPEG: same shape, upright without a tag, levels equal but for the compression."""

    def check(path):
        with Image.open(path) as file:
            assert file.format == "JPEG"
            assert file.getexif().get(0x0112, 1) == 1
            found = np.asarray(file)
        assert found.shape == wanted.shape
        assert np.abs(found.astype(float) - wanted).mean() < 2.5

    return check


def _turned(orientation):
    def make(folder):
        exif = Image.Exif()
        exif[0x0112] = orientation
        jpeg(folder / "x.jpg", levels(40, 56), exif=exif)
        with Image.open(folder / "x.jpg") as file:
            upright = np.asarray(ImageOps.exif_transpose(file))
        assert upright.shape[:2] == ((40, 56) if orientation < 5 else (56, 40))
        return ["x.jpg"], {"x.jpg": _close_to(expected(upright))}

    make.__name__ = f"exif_{orientation}"
    return make


for orientation in range(1, 9):
    row()(_turned(orientation))


@pytest.mark.parametrize(("make", "code", "says", "options"), row.params)
def test_files(make, code, says, options, affine_model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(folder_for(tmp_path))
    check_files(make, code, says, options, affine_model, tmp_path, capsys)
