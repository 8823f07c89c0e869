"""What restorers take beside arrays: files, images of Pillow, lists; and the progress of it."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.helpers import picture
from tests.restorers.makers import KEEP, SETTINGS, motion
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.restorers.blind.restorer import BlindRestorer
from tfdeblur.restorers.known_flow import KnownFlow
from tfdeblur.restorers.network import Restorer
from tfdeblur.restorers.passes import InPasses
from tfdeblur.restorers.protocol import DegenerateOutputWarning

LEVELS = np.round(255 * picture(6, 8)).astype("uint8")


@pytest.fixture(scope="module")
def restorer():
    return Restorer(lambda image, training: image[..., ::-1])


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(LEVELS).save(path)
    return path


def test_a_path_is_what_lies_there(restorer, photo):
    for given in (photo, str(photo), Image.fromarray(LEVELS)):
        np.testing.assert_array_equal(restorer(given).image, LEVELS[..., ::-1])
    np.testing.assert_array_equal(restorer(photo).blurred, LEVELS)


def test_other_restorers_take_them_too(restorer, photo):
    twice = InPasses(restorer, 2)(photo)
    np.testing.assert_array_equal(twice.image, LEVELS)
    np.testing.assert_array_equal(twice.blurred, LEVELS)
    known = KnownFlow(beta=1.0)
    still = np.zeros((6, 8, 2), "float32")
    np.testing.assert_array_equal(known(photo, flow=still).image, LEVELS)
    assert [one.image.shape for one in known([photo, LEVELS], flow=still)] == [(6, 8, 3)] * 2


@pytest.mark.parametrize("name", ["gone.png", "gone/photo.png"])
def test_a_file_that_is_not_there_is_named(restorer, tmp_path, name):
    with pytest.raises(DataError, match="gone.* cannot be read"):
        restorer(tmp_path / name)
    with pytest.raises(InvalidInput, match="is a folder"):
        restorer(tmp_path)


def test_a_list_may_hold_any_of_them_in_any_size(restorer, photo):
    other = picture(5, 3)
    found = restorer([photo, other, Image.fromarray(LEVELS[:4])])
    assert [one.image.shape for one in found] == [(6, 8, 3), (5, 3, 3), (4, 8, 3)]
    np.testing.assert_array_equal(found[1].image, other[..., ::-1])
    assert [one.image.dtype for one in restorer((LEVELS, other))] == [np.uint8, np.float32]


def test_an_image_written_as_lists_is_an_image(restorer):
    assert restorer(picture(4, 5).tolist()).image.shape == (4, 5, 3)


def test_of_a_list_the_bad_one_is_named(restorer, photo):
    with pytest.raises(InvalidInput, match="Image 1 of the list: `image` must be in"):
        restorer([photo, 255.0 * picture(4, 5)])
    with pytest.raises(InvalidInput, match="`image` must not be an empty list"):
        restorer([])


MODES = [
    ("L", 200, 200),
    ("1", 1, 255),
    ("I;16", 40000, 40000),
    ("CMYK", (0, 255, 0, 0), (255, 0, 255)),
    ("RGBA", (100, 50, 0, 0), 0),
    ("LA", (100, 255), 100),
]


@pytest.mark.parametrize(("mode", "colour", "seen"), MODES, ids=[mode for mode, *_ in MODES])
def test_modes_of_pillow(mode, colour, seen):
    found = Restorer(lambda image, training: image)(Image.new(mode, (3, 2), colour))
    assert found.image.dtype == (np.uint16 if mode == "I;16" else np.uint8)
    np.testing.assert_array_equal(found.image, np.broadcast_to(seen, (2, 3, 3)))


def test_pillow_is_turned_upright(restorer, tmp_path):
    image = Image.fromarray(LEVELS)
    exif = image.getexif()
    exif[0x0112] = 6  # lies on its side
    image.save(tmp_path / "turned.jpg", exif=exif, quality=100)
    with Image.open(tmp_path / "turned.jpg") as turned:
        assert restorer(turned).image.shape == (8, 6, 3)
    assert restorer(tmp_path / "turned.jpg").image.shape == (8, 6, 3)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_modes_that_say_too_little_are_refused(restorer, mode):
    with pytest.raises(InvalidInput, match=f"mode='{mode}'"):
        restorer(Image.new(mode, (3, 2)))


def test_progress_of_an_image_and_of_a_list(restorer):
    seen = []
    restorer(np.stack([LEVELS] * 3), progress=lambda *parts: seen.append(parts))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    seen.clear()
    restorer([LEVELS, LEVELS], progress=lambda *parts: seen.append(parts))
    assert seen == [(1, 2), (2, 2)]


def test_progress_true_is_a_line_on_a_terminal(restorer, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("tfdeblur.counter._SECONDS_BETWEEN_BARS", 0.0)
    restorer([LEVELS] * 3, progress=True)
    assert "3/3 images" in capsys.readouterr().err
    restorer(LEVELS, progress=True)
    assert "1/1 parts" in capsys.readouterr().err
    restorer(LEVELS, progress=False)
    assert capsys.readouterr().err == ""
    with pytest.raises(InvalidInput, match="Received: progress='yes'"):
        restorer(LEVELS, progress="yes")


def test_warnings_point_at_the_caller():
    nothing = float("nan")
    bad = Restorer(lambda image, training: image + tf.constant(nothing))
    blind = BlindRestorer(motion(nothing, 0.0), KEEP, SETTINGS)
    for call in (bad, blind):
        with pytest.warns(DegenerateOutputWarning) as told:
            call(LEVELS)
        assert told[0].filename == __file__
