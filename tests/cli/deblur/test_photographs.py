"""`tfdeblur deblur`: photographs come back with all that they had, or are refused in words."""

import io
import json
import logging
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.cli.deblur.test_known_flow import psnr, sharp_part, to_right
from tests.cli.makers import levels, pixels
from tests.image.test_jpeg_beside import BOTH
from tests.image.test_metadata import SRGB, photograph
from tfdeblur.image import heif
from tfdeblur.image.codec import read_image
from tfdeblur.operators import MotionBlur


def opened(path):
    return Image.open(io.BytesIO(Path(path).read_bytes()))


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("photometric", ["rgb", "minisblack", "miniswhite"])
def test_scans_of_16_bits(planes, photometric, deblur):
    """Planes one after the other, white is zero: the picture, not noise or a negative."""
    sharp = levels(24, 32, 3 if photometric == "rgb" else 1, np.uint16)
    sharp = sharp if photometric == "rgb" else sharp[..., 0]
    stored = np.moveaxis(sharp, -1, 0) if planes == "separate" and sharp.ndim == 3 else sharp
    stored = 65535 - stored if photometric == "miniswhite" else stored
    kind = {"planarconfig": planes} if sharp.ndim == 3 else {}
    tifffile.imwrite("scan.tif", stored, photometric=photometric, metadata=None, **kind)
    assert deblur("scan.tif", "--white-level", "full", size=(24, 32)) == 0
    again = read_image("out/scan.tif").rgb
    expected = sharp if sharp.ndim == 3 else sharp[..., None]
    assert np.abs(again.astype(int) - expected).max() <= 8  # a flow of zeros, float32
    assert pixels("out/scan.tif").dtype == np.uint16


@pytest.mark.parametrize("strip", [False, True])
@pytest.mark.parametrize(
    ("name", "format", "to"),
    [
        ("a.jpg", "jpeg", "jpeg"),
        ("a.png", "png", "png"),
        ("a.tif", "tiff", "tiff"),
        ("a.webp", "webp", "webp"),
        ("a.jpg", "jpeg", "png"),
        ("a.png", "png", "jpeg"),
    ],
)
def test_what_the_file_carries(name, format, to, strip, deblur):
    Path(name).write_bytes(photograph(format))
    options = ["--strip"] if strip else []
    options += [] if to == format else ["--format", to]
    assert deblur(name, *options, size=(24, 8)) == 0
    (result,) = Path("out").iterdir()
    image = opened(result)
    assert image.size == (8, 24)
    assert image.info.get("icc_profile") == (None if strip else SRGB)
    assert image.getexif().get(271) == (None if strip else "Tokio")
    assert image.getexif().get(274, 1) == 1


@pytest.mark.parametrize("bits", [8, 10])
def test_heic(bits, deblur, capsys):
    library = pytest.importorskip("pillow_heif")
    image = levels(48, 64) if bits == 8 else levels(48, 64, dtype=np.uint16)
    mode = "RGB" if bits == 8 else "RGB;16"
    file = library.from_bytes(mode, (64, 48), image.tobytes())
    exif = Image.Exif()
    exif[271] = "Phone"
    file.save("a.heic", quality=95, exif=exif.tobytes(), chroma=444)
    assert deblur("a.heic", size=(48, 64)) == 0
    assert ")  written as PNG: HEIC is not written\n" in capsys.readouterr().err
    result = pixels("out/a.png")
    assert result.dtype == (np.uint8 if bits == 8 else np.uint16)
    top = np.iinfo(result.dtype).max
    assert np.abs(result / top - image / np.iinfo(image.dtype).max).mean() < 0.02
    assert result.max() / top > 0.9
    assert opened("out/a.png").getexif()[271] == "Phone"


def test_heic_without_its_library(deblur, monkeypatch, capsys):
    monkeypatch.setattr(heif, "is_available", lambda: False)
    Path("a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(99))
    assert deblur("a.heic", size=(48, 64)) == 3
    assert "a.heic is a HEIC file. To restore such files, install the" in capsys.readouterr().err


def test_avif(deblur):
    if not heif.avif_is_available():
        pytest.skip("this build of Pillow reads no AVIF")
    image = levels(48, 64)
    Image.fromarray(image).save("a.avif", quality=95, subsampling="4:4:4")
    assert deblur("a.avif", size=(48, 64)) == 0
    assert psnr(pixels("out/a.png"), image) > 30


@pytest.mark.parametrize(
    ("name", "format", "options", "says"),
    [
        ("a.jpg", "PNG", (), "written as JPEG, as it is named: it was PNG"),
        ("a.png", "JPEG", (), "written as PNG, as it is named: it was JPEG"),
        ("a", "WEBP", (), "written as PNG, as its name asks for no format: it was WebP"),
        ("a", "JPEG", (), ""),
        ("a.jpeg", "JPEG", (), ""),
        ("a.webp", "WEBP", ("--format", "png"), ""),
        ("a.jpg", "PNG", ("--format", "png"), ""),
    ],
)
def test_another_format_than_that_of_the_input_is_told(deblur, capsys, name, format, options, says):
    Image.fromarray(levels(12, 16)).save(name, format)
    assert deblur(name, *options, size=(12, 16)) == 0
    shown = capsys.readouterr().err
    assert f")  {says}\n" in shown if says else "written as" not in shown


def test_what_the_format_that_was_asked_for_drops_is_told_of_its_file(deblur, capsys, caplog):
    tifffile.imwrite("a.tif", levels(12, 16, dtype=np.uint16), photometric="rgb")
    Image.fromarray(levels(12, 16, channels=4)).save("b.png")
    assert deblur("a.tif", "b.png", "--format", "jpeg", size=(12, 16)) == 0
    shown = capsys.readouterr().err
    assert "a.jpg" in shown and ")  16 bits become 8: JPEG cannot hold more\n" in shown
    assert ")  transparency is dropped: JPEG cannot hold more\n" in shown
    assert caplog.text == ""


def shaded(sharp, alpha, flow, dtype):
    """A blurred photograph with transparency: light and opacity are blurred alike."""
    operator = MotionBlur(flow)
    top = np.iinfo(dtype).max
    seen = operator.apply((sharp / 255 * alpha[..., None])[None].astype("float32"))[0].numpy()
    opacity = operator.apply(alpha[None, ..., None].astype("float32"))[0].numpy()
    colours = np.where(opacity > 1e-6, seen / np.maximum(opacity, 1e-6), 0.9)
    levels = np.concatenate([colours, opacity], axis=-1)
    return np.round(np.clip(levels, 0, 1) * top).astype(dtype)


def test_transparency_blurs_and_is_restored_as_light_is(deblur):
    """A bright logo, cut out: garbage under its transparent pixels must not leak in."""
    sharp = sharp_part()
    height, width = sharp.shape[:2]
    alpha = np.zeros((height, width), np.float32)
    alpha[16:48, 24:72] = 1
    image = shaded(sharp, alpha, to_right(height, width), np.uint8)
    Image.fromarray(image).save("logo.png")
    assert deblur("logo.png", "--compare", size=(height, width), extent=12) == 0
    result = pixels("out/logo.png")
    opaque = alpha > 0.5

    def seen(picture):
        return (picture[..., :3] / 255.0 * picture[..., 3:] / 255.0)[opaque] * 255

    before, after = (psnr(seen(one), sharp[opaque]) for one in (image, result))
    assert after > before + 4
    wrong = np.abs(result[..., 3] / 255.0 - alpha).mean()
    assert wrong < 0.6 * np.abs(image[..., 3] / 255.0 - alpha).mean()


def test_opaque_alpha_is_left_alone(deblur):
    image = np.dstack([levels(24, 32), np.full((24, 32), 255, np.uint8)])
    Image.fromarray(image).save("a.png")
    assert deblur("a.png", size=(24, 32)) == 0
    np.testing.assert_allclose(pixels("out/a.png"), image, atol=1)
    np.testing.assert_array_equal(pixels("out/a.png")[..., 3], 255)


def ten_bits(sharp, flow):
    found = MotionBlur(flow).apply(sharp[None].astype("float32") / 255)[0].numpy()
    return np.round(np.clip(found, 0, 1) * 1023).astype(np.uint16)


def save_16(path, image):
    tifffile.imwrite(path, image, photometric="rgb", metadata=None)


@pytest.mark.parametrize(("option", "stretched"), [("auto", 1), ("1023", 1), ("full", 0)])
def test_ten_bits_in_sixteen(option, stretched, deblur, capsys, caplog):
    caplog.set_level(logging.INFO)
    sharp = sharp_part()
    image = ten_bits(sharp, to_right(*sharp.shape[:2]))
    save_16("a.tif", image)
    arguments = ("a.tif", "--white-level", option, "--json")
    assert deblur(*arguments, size=sharp.shape[:2], extent=12) == 0
    captured = capsys.readouterr()
    result = pixels("out/a.tif")
    assert result.dtype == np.uint16 and 800 < result.max() <= (1023 if stretched else 1500)
    before, after = (psnr(one / 1023 * 255, sharp) for one in (image, result))
    assert after > before + 3
    assert ("so white is 1023, not 65535" in caplog.text) == (option == "auto")
    (file,) = json.loads(captured.out)["files"]
    assert file.get("white_level") == (1023 if stretched else None)


def test_white_is_the_same_for_a_whole_folder_and_what_the_file_says_counts(deblur, capsys):
    Path("p").mkdir()
    save_16("p/dark.tif", np.full((24, 32, 3), 40, np.uint16))
    save_16("p/bright.tif", np.full((24, 32, 3), 887, np.uint16))
    Path("q").mkdir()
    tags = [(341, 3, 3, (4000, 4000, 4000), True)]
    tifffile.imwrite(
        "q/a.tif", np.full((24, 32, 3), 900, np.uint16), photometric="rgb", extratags=tags
    )
    assert deblur("p", "q", "--json", size=(24, 32)) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [file["white_level"] for file in files] == [1023, 1023, 4000]
    np.testing.assert_allclose(pixels("out/dark.tif"), 40, atol=1)


def test_a_level_of_white_that_is_too_low_is_refused(deblur, capsys):
    save_16("a.tif", np.full((24, 32, 3), 887, np.uint16))
    assert deblur("a.tif", "--white-level", "800", size=(24, 32)) == 3
    assert "a.tif has levels up to 887, above the level of white, 800" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["0", "-5", "65536", "white", "1.5", ""])
def test_levels_of_white_that_mean_nothing(given, deblur, capsys):
    with pytest.raises(SystemExit):
        deblur("a.tif", "--white-level", given, size=(24, 32))
    assert "--white-level: must be auto, full or a level, 1 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["pages", "stack of one directory", "animation"])
def test_other_pictures_of_a_file_are_named(kind, deblur, capsys, caplog):
    pages = [levels(24, 32, seed=seed) for seed in range(3)]
    if kind == "pages":
        tifffile.imwrite("z.tif", np.stack(pages), photometric="rgb", metadata=None)
    elif kind == "animation":
        first, *others = (Image.fromarray(page) for page in pages)
        first.save("z.tif", "PNG", save_all=True, append_images=others)
    else:
        file = io.BytesIO()
        gray = np.stack([page[..., 0] for page in pages])
        tifffile.imwrite(file, gray, imagej=True)
        Path("z.tif").write_bytes(file.getvalue())
    assert deblur("z.tif", "--json", size=(24, 32)) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["passed_over"] == [
        {
            "input": "z.tif",
            "reason": "pictures 2 to 3 of 3: only the first picture of a file is restored",
        }
    ]
    assert "z.tif holds several pictures; only the first is used" in caplog.text


def test_what_a_phone_put_beside_the_picture_is_named(deblur, capsys):
    Path("a.jpg").write_bytes(BOTH)
    assert deblur("a.jpg", "--json", size=(12, 17)) == 0
    captured = capsys.readouterr()
    said = "the gain map for HDR screens and the clip of a motion photo"
    assert f"not carried over: {said}" in captured.err
    assert json.loads(captured.out)["passed_over"] == [
        {"input": "a.jpg", "reason": f"{said}: not carried over"}
    ]
    assert b"Directory" not in Path("out/a.jpg").read_bytes()


def test_other_pictures_of_a_heic_are_named(deblur, capsys):
    pillow_heif = pytest.importorskip("pillow_heif")
    pictures = [Image.fromarray(levels(64, 64, seed=seed)) for seed in range(2)]
    several = pillow_heif.from_pillow(pictures[0])
    several.add_from_pillow(pictures[1])
    several.save("a.heic")
    assert deblur("a.heic", "--json", size=(64, 64)) == 0
    (found,) = json.loads(capsys.readouterr().out)["passed_over"]
    assert found["reason"].startswith("pictures 2 to 2 of 2: only the first")
