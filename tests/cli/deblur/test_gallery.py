"""`tfdeblur deblur --gallery`: the page of a restored folder."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.makers import expected, levels
from tests.evaluation.test_page import browser, opened  # noqa: F401 (a fixture)
from tests.files.video.makers import write_clip
from tfdeblur.cli.main import main


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """a.png, turned.jpg (a turn in EXIF) and broken.png in `photos`, the working folder above."""
    monkeypatch.chdir(tmp_path)
    folder = Path("photos")
    folder.mkdir()
    Image.fromarray(levels(48, 64)).save(folder / "a.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.fromarray(levels(40, 56, seed=1)).save(folder / "turned.jpg", exif=exif, quality=95)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    return folder


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL)[1])


def restored(affine_model, *options):
    words = ["deblur", "photos", "--out", "out", "--model", str(affine_model), "--gallery"]
    return main([*words, *options])


def test_before_and_after_of_every_photograph(photos, affine_model, capsys):
    assert restored(affine_model) == 3  # one is broken
    assert "out/gallery.html: 2 images before and after" in capsys.readouterr().err
    data = data_of(Path("out/gallery.html"))
    rows = {row["n"]: row for row in data["rows"]}
    assert set(rows) == {"a.png", "turned.jpg"} and data["truth"] is False
    assert (rows["turned.jpg"]["w"], rows["turned.jpg"]["h"]) == (40, 56)  # upright
    image = levels(48, 64)
    change = np.abs(expected(image).astype(float) - image)
    assert rows["a.png"]["v"] == [[0], [pytest.approx(change.mean(), abs=1e-3)]]
    assert len(rows["a.png"]["p"][1]) == 3 and rows["a.png"]["side"] == 12
    for kind, wanted in (("blurred", image), ("s0", expected(image))):
        with Image.open(f"out/gallery_pictures/{rows['a.png']['f']}-{kind}.jpg") as picture:
            shown = np.asarray(picture).astype(float)
        assert np.abs(shown - wanted).mean() < change.mean() / 2  # JPEG's loss, and no other image
    page = Path("out/gallery.html").read_text()
    assert "Not shown: 1" in page and "<b>broken.png</b>" in page
    assert not re.search(r"https?://", page)


def test_of_a_folder_that_is_done_without_the_model(photos, affine_model, capsys):
    (photos / "broken.png").unlink()
    assert restored(affine_model) == 0
    first = Path("out/gallery.html").read_text()
    Path("out/gallery.html").unlink()
    capsys.readouterr()
    assert restored("gone") == 0
    assert "2 files: 2 done before, in " in capsys.readouterr().err
    again = Path("out/gallery.html").read_text()
    before = "restored before, by this model or another."
    assert again.replace(before, f"restored by {affine_model}.") == first
    Path("out/a.png").unlink()
    assert restored(affine_model) == 0
    said = f"2 of 2 files, restored by {affine_model}, but 1 of them before, by this model or"
    assert said in Path("out/gallery.html").read_text()


def shown_levels(row, kind):
    with Image.open(f"out/gallery_pictures/{row['f']}-{kind}.jpg") as picture:
        return np.asarray(picture).astype(float)


def test_a_page_keeps_what_earlier_runs_made(photos, affine_model, capsys):
    (photos / "broken.png").unlink()
    write_clip(Path("clip.mp4"))
    assert restored(affine_model) == 0
    words = ["--out", "out", "--model", str(affine_model), "--gallery"]
    Image.fromarray(levels(32, 40, seed=2)).save("b.png")
    (photos / "turned.jpg").rename("turned.jpg")
    capsys.readouterr()
    assert main(["deblur", "clip.mp4", "b.png", "turned.jpg", *words, "--overwrite"]) == 0
    assert "gallery.html: 3 images before and after, 1 of them from earlier runs" in (
        capsys.readouterr().err
    )
    page = Path("out/gallery.html")
    rows = data_of(page)["rows"]
    assert [row["n"] for row in rows] == ["a.png", "b.png", "turned.jpg"]
    for row, image in zip(rows[:2], (levels(48, 64), levels(32, 40, seed=2)), strict=True):
        assert np.abs(shown_levels(row, "blurred") - image).mean() < 12
        assert np.abs(shown_levels(row, "s0") - expected(image)).mean() < 12
    assert len(list(Path("out/gallery_pictures").iterdir())) == 6
    assert "3 of 4 files" in page.read_text() and "<b>clip.mp4</b> a video" in page.read_text()
    Path("out/b.png").unlink()  # what is gone is not shown any more; the video is still named
    assert main(["deblur", "photos/a.png", *words]) == 0
    assert [row["n"] for row in data_of(page)["rows"]] == ["a.png", "turned.jpg"]
    assert len(list(Path("out/gallery_pictures").iterdir())) == 4
    assert "2 of 3 files" in page.read_text() and "<b>clip.mp4</b> a video" in page.read_text()


def test_no_page_without_a_picture(tmp_path, monkeypatch, affine_model, capsys):
    monkeypatch.chdir(tmp_path)
    write_clip(Path("clip.mp4"))
    words = ["--out", "out", "--model", str(affine_model), "--gallery"]
    assert main(["deblur", "clip.mp4", *words]) == 0
    said = "out/gallery.html was not written, as there is no image to show: clip.mp4: a video: look"
    assert said in capsys.readouterr().err
    assert [path.name for path in Path("out").iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("data", ["", "nothing", '{"truth": true}', '{"truth": false}', "[1]"])
def test_another_page_of_that_name_is_replaced(photos, affine_model, data):
    (photos / "broken.png").unlink()
    Path("out").mkdir()
    text = f'<script type="application/json" id="data">{data}</script>'
    Path("out/gallery.html").write_text(text)
    assert restored(affine_model) == 0
    assert [row["n"] for row in data_of(Path("out/gallery.html"))["rows"]] == [
        "a.png",
        "turned.jpg",
    ]


def test_pictures_of_a_page_are_no_photographs(photos, affine_model):
    (photos / "broken.png").unlink()
    assert restored(affine_model) == 0
    words = ["deblur", "out", "--out", "again", "--recursive", "--model", str(affine_model)]
    assert main(words) == 0
    assert sorted(path.name for path in Path("again").rglob("*.*")) == ["a.png", "turned.jpg"]


def test_at_work_in_a_browser(photos, affine_model, browser):  # noqa: F811
    restored(affine_model)
    tab, said = opened(browser, Path("out/gallery.html").resolve(), color_scheme="dark")
    assert tab.locator("#images tbody tr").count() == 2
    assert tab.locator("#plot").count() == 0 and tab.locator("#places-choice").is_hidden()
    tab.locator("#images tbody tr").nth(1).click()
    assert "turned.jpg" in tab.locator("#view-head").inner_text()
    assert tab.locator("#view-note").inner_text().startswith("40 x 56 pixels, mean change ")
    assert tab.locator("#crops .crop").count() == 6  # three places, before and after
    tab.locator("#images thead button").nth(2).click()
    tab.set_viewport_size({"width": 360, "height": 700})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    assert not said
    tab.close()
