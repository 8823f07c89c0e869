"""Files and arrays nobody hoped for: each gives a clear error or a right result, nothing is lost.

The network is a known function of each level, so what a result must hold is computed here from
the levels that went in, without any of the package's code.
"""

import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.cli.makers import contents, expected, good, jpeg, levels, pixels
from tests.helpers import picture
from tfdeblur.cli.main import main
from tfdeblur.errors import InvalidInput

ROWS = []


def row(code=0, says="", options=()):
    """Registers a maker of input files: `(folder) -> (inputs, results by name)`.

    A result is an array that the file must hold, or a function that checks the file.
    """

    def register(make):
        ROWS.append(pytest.param(make, code, says, options, id=make.__name__))
        return make

    return register


# Broken files.


@row(3, "cut.jpg is cut off")
def truncated_jpeg(folder):
    jpeg(folder / "whole.jpg", levels(40, 40))
    data = (folder / "whole.jpg").read_bytes()
    (folder / "whole.jpg").unlink()
    (folder / "cut.jpg").write_bytes(data[: len(data) * 2 // 3])
    return ["cut.jpg"], {}


@row(3, "cut.jpg is cut off")
def jpeg_truncated_in_its_header(folder):
    jpeg(folder / "cut.jpg", levels(40, 40))
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:25])
    return ["cut.jpg"], {}


@row(3, "cut.png is cut off")
def truncated_png(folder):
    good(folder, "cut.png")
    data = (folder / "cut.png").read_bytes()
    (folder / "cut.png").write_bytes(data[: len(data) // 2])
    return ["cut.png"], {}


@row(3, "flipped.png is damaged")
def png_with_a_wrong_checksum(folder):
    good(folder, "flipped.png")
    data = bytearray((folder / "flipped.png").read_bytes())
    data[len(data) // 2] ^= 0x55
    (folder / "flipped.png").write_bytes(data)
    return ["flipped.png"], {}


@row(3, "nothing.jpg is empty (0 bytes)")
def zero_bytes(folder):
    (folder / "nothing.jpg").touch()
    return ["nothing.jpg"], {}


@row(3, "letter.png is not an image that can be read")
def text_named_png(folder):
    (folder / "letter.png").write_text("Dear reader,\n")
    return ["letter.png"], {}


@row(3, "moving.gif is not an image that can be read")
def gif_given_by_name(folder):
    Image.fromarray(levels(6, 7)).save(folder / "moving.gif")
    return ["moving.gif"], {}


@row(3, "bomb.png is too large to be opened: 60000 x 60000 pixels")
def decompression_bomb(folder):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    size = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    return ["bomb.png"], {}


@row(3, "broken.mp4")
def broken_video(folder):
    (folder / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 200)
    return ["broken.mp4"], {}


@row(3, "c.png is empty")
def folder_with_broken_files_is_finished(folder):
    (folder / "p").mkdir()
    (folder / "p" / "a.png").write_text("no")
    (folder / "p" / "c.png").touch()
    (folder / "p" / "notes.txt").write_text("not even tried")
    return ["p"], {"b.png": good(folder, "p/b.png"), "d.png": good(folder, "p/d.png", seed=1)}


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
    return ["x.png"], {"x.png": np.dstack([expected(image[..., :3]), image[..., 3]])}


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

    def check(path):
        with Image.open(path) as file:
            assert file.mode == "LA"
            np.testing.assert_array_equal(np.asarray(file)[..., 0], expected(image[..., 0]))
            np.testing.assert_array_equal(np.asarray(file)[..., 1], image[..., 1])

    return ["x.png"], {"x.png": check}


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
    return ["x.png"], {"x.png": np.dstack([expected(rgba[..., :3]), rgba[..., 3]])}


@row()
def rgba(folder):
    image = levels(6, 7, 4)
    Image.fromarray(image, "RGBA").save(folder / "x.png")
    return ["x.png"], {"x.png": np.dstack([expected(image[..., :3]), image[..., 3]])}


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


# Names and formats.


@row()
def names_with_spaces_and_all_alphabets(folder):
    names = ["my photo.png", "Фото ü 写真.png", "a\nb.png", "-x.png", "50%.png", "x[1].png"]
    wanted = {name: good(folder, f"p/{name}", seed=i) for i, name in enumerate(names)}
    return ["p"], wanted


@row(3, "a\\nb.png is empty")
def newline_in_a_name_stays_on_one_line(folder):
    (folder / "a\nb.png").touch()
    return ["a\nb.png"], {}


@row()
def uppercase_suffix(folder):
    return ["p"], {"X.PNG": good(folder, "p/X.PNG")}


@row()
def jpeg_named_png_becomes_a_png(folder):
    image = levels(40, 48)
    jpeg(folder / "x.png", image)
    with Image.open(folder / "x.png") as file:
        wanted = expected(np.asarray(file))

    def check(path):
        assert path.read_bytes().startswith(b"\x89PNG")
        assert np.abs(pixels(path).astype(float) - wanted).max() <= 3  # two JPEG decoders

    return ["x.png"], {"x.png": check}


@row()
def png_without_a_suffix(folder):
    return ["photo"], {"photo.png": good(folder, "photo")}


@row()
def bmp(folder):
    image = levels(6, 7)
    Image.fromarray(image).save(folder / "x.bmp")
    return ["x.bmp"], {"x.bmp": expected(image)}


@row(options=["--format", "png"])
def png_made_from_bmp(folder):
    image = levels(6, 7)
    Image.fromarray(image).save(folder / "x.bmp")
    return ["x.bmp"], {"x.png": expected(image)}


# Files that are not there, folders, links.


@row(4, "There is no such file or folder. Received: input='gone.png'")
def missing_file_and_a_good_one(folder):
    return ["gone.png", "good.png"], {"good.png": good(folder)}


@row(3, "no.png is empty")
def bad_input_outweighs_missing(folder):
    (folder / "no.png").touch()
    return ["gone.png", "no.png"], {}


@row(4, "gone.png cannot be read: No such file or directory")
def dangling_link(folder):
    wanted = good(folder, "p/good.png")
    os.symlink("nowhere", folder / "p" / "gone.png")
    return ["p"], {"good.png": wanted}


@row(4, "self.png cannot be read: Too many levels of symbolic links")
def link_to_itself(folder):
    os.symlink("self.png", folder / "self.png")
    return ["self.png"], {}


@row(options=["--recursive"])
def loop_of_linked_folders(folder):
    wanted = {"a/x.png": good(folder, "p/a/x.png"), "y.png": good(folder, "p/y.png", seed=1)}
    os.symlink("..", folder / "p" / "a" / "up")
    os.symlink(".", folder / "p" / "self")
    return ["p"], wanted


@row(3, "The folder holds no images")
def empty_folder_named_like_an_image(folder):
    (folder / "x.png").mkdir()
    return ["x.png"], {}


@row()
def folder_named_like_an_image(folder):
    return ["x.png"], {"y.png": good(folder, "x.png/y.png")}


@row(3, "It is neither a file nor a folder")
def named_pipe(folder):
    os.mkfifo(folder / "pipe.png")
    return ["pipe.png"], {}


@row(4, "The pattern matches no image")
def pattern_without_a_match(folder):
    good(folder)
    return ["*.jpg"], {}


@row(3, "Two inputs would be written to the same file")
def duplicate_names(folder):
    good(folder, "a/x.png")
    good(folder, "b/x.png")
    return ["a", "b"], {}


@row(options=["--recursive"])
def duplicate_names_below_one_folder(folder):
    return ["p"], {
        "a/x.png": good(folder, "p/a/x.png"),
        "b/x.png": good(folder, "p/b/x.png", seed=1),
    }


@pytest.mark.parametrize(("make", "code", "says", "options"), ROWS)
def test_files(make, code, says, options, affine_model, tmp_path, monkeypatch, capsys):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    monkeypatch.chdir(folder)
    inputs, wanted = make(folder)
    before = contents(folder)
    command = ["deblur", *options, "--out", str(out), "--model", str(affine_model), "--", *inputs]
    assert main(command) == code, capsys.readouterr().err
    captured = capsys.readouterr()
    assert captured.out == "" and says in captured.err
    assert "Traceback" not in captured.err
    assert contents(folder) == before
    written = contents(out)
    assert {name for name in written if written[name][0] == "file"} == set(wanted)
    for name, value in wanted.items():
        if callable(value):
            value(out / name)
        else:
            found = pixels(out / name)
            assert found.dtype == value.dtype
            np.testing.assert_array_equal(found, value)


# Arrays given to `Restorer`.


def _with(value):
    image = picture(4, 5)
    image[1, 2, 0] = value
    return image


@pytest.mark.parametrize(
    ("image", "says"),
    [
        pytest.param(_with(np.nan), "`image` must be finite. Received: 1 NaN", id="nan"),
        pytest.param(_with(np.inf), "`image` must be finite", id="inf"),
        pytest.param(_with(-np.inf), "`image` must be finite", id="minus inf"),
        pytest.param(picture(4, 5)[..., 0], r"must have shape .* shape=\(4, 5\)", id="rank 2"),
        pytest.param(picture(4, 5)[None, None], r"shape=\(1, 1, 4, 5, 3\)", id="rank 5"),
        pytest.param(picture(4, 5, 1), r"shape=\(4, 5, 1\)", id="1 channel"),
        pytest.param(picture(4, 5, 4), r"shape=\(4, 5, 4\)", id="4 channels"),
        pytest.param(picture(3, 4).transpose(2, 0, 1), r"shape=\(3, 3, 4\)", id="channels first"),
        pytest.param(np.zeros((0, 5, 3)), "must not be empty", id="empty"),
        pytest.param(np.zeros((0, 4, 5, 3)), "must not be empty", id="empty batch"),
        pytest.param(np.full((4, 5, 3), None), "dtype=object", id="object"),
        pytest.param(np.zeros((4, 5, 3), int), "dtype=int64", id="int64"),
        pytest.param(np.zeros((4, 5, 3), bool), "dtype=bool", id="bool"),
        pytest.param(np.zeros((4, 5, 3), complex), "dtype=complex128", id="complex"),
        pytest.param(255 * picture(4, 5), r"must be in \[0, 1\] where it is float", id="0..255"),
        pytest.param("photo.png", "`image` must have shape", id="a path"),
        pytest.param(None, "`image` must have shape", id="none"),
        pytest.param([[1, 2], [3]], "`image` must be an array", id="ragged"),
    ],
)
def test_arrays(image, says):
    import tfdeblur

    with pytest.raises(InvalidInput, match=says):
        tfdeblur.Restorer(lambda image, training: image)(image)
