"""`tfdeblur deblur --gallery-beside`: results of other models on the page of a restored folder."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.deblur.test_gallery import data_of, photos, shown_levels  # noqa: F401 (a fixture)
from tests.cli.makers import expected, levels
from tests.evaluation.test_page import browser, opened  # noqa: F401 (a fixture)
from tfdeblur.cli.main import main
from tfdeblur.evaluation.page.beside import labels_of

PAGE = Path("out/gallery.html")


def darker(height, width, seed=0):
    return levels(height, width, seed=seed) // 2


@pytest.fixture
def other(photos):  # noqa: F811
    """Earlier results of the photographs, darker, in `other`: a.png, and turned.png for a JPEG."""
    (photos / "broken.png").unlink()
    folder = Path("other")
    folder.mkdir()
    Image.fromarray(darker(48, 64)).save(folder / "a.png")
    upright = np.rot90(darker(40, 56, seed=1), -1)
    Image.fromarray(upright).save(folder / "turned.png")
    return folder


def restored(affine_model, *options, inputs=("photos",)):
    words = ["deblur", *inputs, "--out", "out", "--model", str(affine_model)]
    return main([*words, *options])


def rows_of(page=PAGE):
    return {row["n"]: row for row in data_of(page)["rows"]}


def pictures():
    return sorted(path.name for path in Path("out/gallery_pictures").iterdir())


def test_results_of_the_same_name_are_one_more_system(other, affine_model, capsys):
    assert restored(affine_model, "--gallery-beside", "other") == 0
    said = "out/gallery.html: 2 images before and after; beside them 2 of other\n"
    assert said in capsys.readouterr().err
    assert data_of(PAGE)["systems"] == ["before", "restored", "other"]
    rows = rows_of()
    image, beside = levels(48, 64), darker(48, 64)
    change = np.abs(beside.astype(float) - image).mean()
    assert rows["a.png"]["v"][2] == [pytest.approx(change, abs=1e-3)]
    assert [len(places) for places in rows["a.png"]["p"]] == [0, 3, 3]
    assert rows["a.png"]["c"] == rows["a.png"]["m"] == [None] * 3
    assert np.abs(shown_levels(rows["a.png"], "s0") - expected(image)).mean() < 12
    assert np.abs(shown_levels(rows["a.png"], "s1") - beside).mean() < 12
    turned = np.rot90(darker(40, 56, seed=1), -1)  # found by its name without ending
    assert np.abs(shown_levels(rows["turned.jpg"], "s1") - turned).mean() < 12
    text = PAGE.read_text()
    assert "Beside them, from earlier results: other (other)." in text and "Not shown" not in text


def test_what_cannot_be_shown_is_named_or_left_out(other, affine_model, capsys):
    (other / "a.png").unlink()
    Image.fromarray(darker(40, 56)).save(other / "turned.png")  # not turned
    Image.fromarray(levels(32, 40, seed=2)).save("photos/b.png")
    (other / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    assert restored(affine_model, "--gallery-beside", "other") == 0
    assert "3 images before and after; beside them 0 of other\n" in capsys.readouterr().err
    assert [row["v"][2] for row in rows_of().values()] == [None] * 3
    assert len(pictures()) == 6
    text = PAGE.read_text()
    assert "Not shown: 2" in text and "3 of 3 files" in text
    said = "of other: other/turned.png has 56x40 pixels, what was restored now 40x56."
    assert f"<b>turned.jpg</b> {said}" in text
    assert "<b>b.png</b> of other: other/b.png" in text


def test_another_ending_must_mean_one_file(other, affine_model):
    Image.fromarray(levels(48, 64, seed=3)).save("photos/a.jpg", quality=95)
    shutil.copy(other / "turned.png", other / "turned.tif")
    assert restored(affine_model, "--gallery-beside", "other") == 0
    rows = rows_of()
    assert rows["a.png"]["v"][2] is not None
    assert rows["a.jpg"]["v"][2] is None  # other/a.png is that of a.png
    assert rows["turned.jpg"]["v"][2] is None
    said = "<b>turned.jpg</b> of other: turned.png, turned.tif: which of them is meant is not known"
    assert said in PAGE.read_text()


def test_folders_below_and_several_of_one_name(photos, affine_model, capsys):  # noqa: F811
    (photos / "broken.png").unlink()
    (photos / "turned.jpg").unlink()
    (photos / "below").mkdir()
    Image.fromarray(levels(32, 40, seed=2)).save("photos/below/b.png")
    for where, image in (("x/restored", darker(32, 40, seed=2)), ("y/restored", levels(32, 40))):
        folder = Path(where, "below")
        folder.mkdir(parents=True)
        Image.fromarray(image).save(folder / "b.png")
    options = ["--recursive", "--gallery-beside", "x/restored", "--gallery-beside", "y/restored/"]
    assert restored(affine_model, *options) == 0
    assert "; beside them 1 of x/restored, 1 of y/restored\n" in capsys.readouterr().err
    assert data_of(PAGE)["systems"][2:] == ["x/restored", "y/restored"]
    row = rows_of()["below/b.png"]
    assert np.abs(shown_levels(row, "s1") - darker(32, 40, seed=2)).mean() < 12
    assert np.abs(shown_levels(row, "s2") - levels(32, 40)).mean() < 12


def test_labels_differ_from_each_other_and_from_what_is_there():
    folders = [Path(path) for path in ("/p/a", "/q/a", "/q/b", "/q/restored", "/a")]
    labels = labels_of(folders, {"before", "restored"})
    assert labels == ["p/a", "q/a", "b", "q/restored", "/a"]


def test_pages_of_other_systems_before_and_after(other, affine_model, capsys):
    assert restored(affine_model, "--gallery-beside", "other", inputs=["photos/a.png"]) == 0
    assert len(pictures()) == 3
    second = ["--gallery-beside", "second", "--gallery-beside", "other"]
    Path("second").mkdir()
    capsys.readouterr()
    assert restored(affine_model, *second, inputs=["photos/turned.jpg"]) == 0
    said = "2 images before and after, 1 of them from earlier runs; beside them 0 of second, 1 of"
    assert said in capsys.readouterr().err
    rows = rows_of()
    # The earlier row is shown before and after alone: its other picture was of another system.
    assert rows["a.png"]["v"][2:] == [None, None] and rows["a.png"]["p"][2:] == [[], []]
    assert [len(rows["a.png"][key]) for key in ("v", "c", "m", "p")] == [4] * 4
    assert rows["turned.jpg"]["v"][2] is None and rows["turned.jpg"]["v"][3] is not None
    kinds = ["00000-blurred.jpg", "00000-s0.jpg", "00001-blurred.jpg", "00001-s0.jpg"]
    assert pictures() == [*kinds, "00001-s2.jpg"]
    assert restored(affine_model, "--gallery") == 0  # and without any there are two systems again
    assert data_of(PAGE)["systems"] == ["before", "restored"]
    assert [len(row["v"]) for row in rows_of().values()] == [2, 2]
    assert pictures() == kinds


def test_rows_that_lack_entries_are_not_kept(other, affine_model):
    assert restored(affine_model, "--gallery", inputs=["photos/a.png"]) == 0
    PAGE.write_text(PAGE.read_text().replace('"m":[null,null]', '"m":null'))
    assert restored(affine_model, "--gallery-beside", "other", inputs=["photos/turned.jpg"]) == 0
    assert set(rows_of()) == {"turned.jpg"}


@pytest.mark.parametrize("command", ["deblur", "request"])
@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (["othr"], "othr does not exist. Did you mean other?"),
        (["photos/a.png"], "photos/a.png is a file: it must be a folder"),
        (["other/../out"], "other/../out is --out, whose results are shown anyway"),
        (["other", "./other/"], "./other/ was named before"),
    ],
)
def test_folders_that_mean_nothing_end_it_before_any_work(command, folders, said, other, capsys):
    os.mkdir("out")
    options = [word for folder in folders for word in ("--gallery-beside", folder)]
    words = ["--target", "localhost:1"] if command == "request" else []
    with pytest.raises(SystemExit) as end:
        main([command, "photos", "--out", "out", *words, *options])
    assert end.value.code == 2
    assert f"argument --gallery-beside: {said}" in capsys.readouterr().err
    assert not os.listdir("out")


def test_not_for_archives(other, capsys):
    with pytest.raises(SystemExit) as end:
        options = ["--beam", "DirectRunner", "--gallery-beside", "other"]
        main(["deblur", "photos", "--out", "out", *options])
    assert end.value.code == 2
    assert "argument --gallery-beside: works without --beam only" in capsys.readouterr().err


def test_at_work_in_a_browser(other, affine_model, browser):  # noqa: F811
    (other / "a.png").unlink()
    restored(affine_model, "--gallery-beside", "other")
    tab, said = opened(browser, PAGE.resolve())
    heads = tab.locator("#images thead button").all_inner_texts()
    assert heads[2:4] == ["mean change of restored, levels", "mean change of other, levels"]
    assert tab.locator("#images tbody tr td:nth-child(4)").first.inner_text() == "–"
    assert tab.locator("#right option").all_inner_texts() == ["before", "restored"]
    assert tab.locator("#crops .crop").count() == 6
    assert "(other)" not in tab.inner_text("#view-note")
    tab.locator("#images tbody tr").nth(1).click()
    assert "turned.jpg" in tab.inner_text("#view-head")
    tab.select_option("#left", label="restored")
    tab.select_option("#right", label="other")
    tab.wait_for_function("document.getElementById('over').naturalWidth === 40")
    assert tab.get_attribute("#over", "src").endswith("-s1.jpg")
    assert tab.get_attribute("#under", "src").endswith("-s0.jpg")
    assert tab.locator("#crops .crop").count() == 9  # three places, before and after twice
    assert tab.locator("#places-choice").is_visible()
    tab.select_option("#places-of", label="other")
    assert tab.locator("#crops .crop").count() == 9
    assert "(restored), " in tab.inner_text("#view-note")
    tab.locator("#previous").click()  # the other photograph has no such picture
    assert tab.get_attribute("#over", "src").endswith("-s0.jpg")
    tab.locator("#images thead button").nth(3).click()
    assert tab.locator("#images tbody tr").count() == 2
    tab.set_viewport_size({"width": 360, "height": 700})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    assert not said
    tab.close()


def test_of_request_as_well(other, affine_model, capsys):
    assert restored(affine_model) == 0
    capsys.readouterr()
    words = ["request", "photos", "--target", "localhost:1", "--out", "out"]
    assert main([*words, "--gallery-beside", "other"]) == 0  # all is done: no service is asked
    assert "2 images before and after; beside them 2 of other\n" in capsys.readouterr().err
    assert all(row["v"][2] is not None for row in rows_of().values())
