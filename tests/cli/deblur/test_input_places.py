"""Names, formats, folders, links: what is found, what is written where, what is refused."""

import os

import numpy as np
import pytest
from PIL import Image

from tests.cli.helpers import Rows, check_files, folder_for
from tests.cli.makers import expected, good, jpeg, levels, pixels

row = Rows()


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
def jpeg_without_a_suffix(folder):
    def check(path):
        with Image.open(path) as image:
            assert image.format == "JPEG"

    for name in ("photo", "scan.0001"):
        Image.fromarray(levels(40, 56)).save(folder / name, "JPEG")
    return ["photo", "scan.0001"], {"photo.jpg": check, "scan.jpg": check}


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


@row(4, "failed: https://example.org/a.jpg: this is a URL. Download it first, and give the file.")
def url(folder):
    return ["https://example.org/a.jpg", "good.png"], {"good.png": good(folder)}


@row(4, "failed: gone.png: There is no such file or folder.")
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


@row(4, "failed: *.jpg: The pattern matches no image")
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


@pytest.mark.parametrize(("make", "code", "says", "options"), row.params)
def test_files(make, code, says, options, affine_model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(folder_for(tmp_path))
    check_files(make, code, says, options, affine_model, tmp_path, capsys)
