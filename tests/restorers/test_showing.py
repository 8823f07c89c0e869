"""What restorers and results tell of themselves, and the files and pictures they make."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.helpers import noise, picture
from tests.restorers.makers import KEEP, SEN, SETTINGS
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.networks import BiSkip
from tfdeblur.pictures.compare import comparison
from tfdeblur.restorers.blind.restorer import BlindRestorer
from tfdeblur.restorers.blind.results import BlindRestored
from tfdeblur.restorers.describing import weights_of
from tfdeblur.restorers.known_flow import KnownFlow
from tfdeblur.restorers.network import Restorer
from tfdeblur.restorers.passes import InPasses
from tfdeblur.restorers.protocol import Restored, Stage

LEVELS = np.round(255 * picture(30, 40)).astype("uint8")


@pytest.fixture(scope="module")
def darker():
    return Restorer(lambda image, training: image * (13 / 16) + 1 / 32)


def test_a_restorer_says_what_it_is(tmp_path):
    network = BiSkip(variant="S", width=0.06, norm="none")
    count = f"{network.count_params():,} parameters"
    assert repr(Restorer(network)) == f"<Restorer: BiSkip, {count}, float32>"
    ensemble = Restorer(network, self_ensemble=True)
    assert repr(InPasses(ensemble, 2)) == (
        f"<Restorer: BiSkip, {count}, float32, self-ensemble> in 2 passes"
    )
    network.save(tmp_path / "mine.keras")
    opened = repr(Restorer.from_preset(tmp_path / "mine.keras", passes=3))
    assert f"{count}, float32, weights from {tmp_path}/mine.keras> in 3 passes" in opened


def test_weights_are_told_by_where_they_lie():
    assert weights_of("maxim") == "weights of the preset maxim"
    assert weights_of("runs/first") == "weights from runs/first"


def test_others_say_what_they_are():
    assert repr(KnownFlow(beta=0.5)) == "KnownFlow(beta=0.5, rasterizer='gong2018')"
    blind = repr(BlindRestorer(SEN, KEEP, SETTINGS, passes=2))
    assert blind == "<BlindRestorer: Network and Network, float32, 2 levels, 2 passes>"
    assert repr(Restorer(lambda image, training: image)) == "<Restorer: function, float32>"


def test_a_result_tells_sizes_and_verdict_not_pixels(darker):
    found = darker(np.stack([LEVELS] * 2))
    assert repr(found).startswith("Restored(image=2x30x40x3 uint8, flow=None, confidence=None, ")
    assert repr(found).endswith("degenerate=(False, False))") and len(repr(found)) < 200
    still = np.zeros((30, 40, 2), "float32")
    told = repr(KnownFlow()(LEVELS, flow=still))
    assert told.startswith("Deconvolved(image=30x40x3 uint8") and "converged=True" in told
    assert "stages" not in told
    stages = (Stage(1, 1, LEVELS, LEVELS), Stage(1, 2, LEVELS, LEVELS))
    blind = repr(BlindRestored(LEVELS, flow=still, stages=stages, score=0.123456))
    assert "stages=2 of them" in blind and "flow=30x40x2 float32" in blind
    assert blind.startswith("BlindRestored(") and "score=0.1235" in blind


def test_save_keeps_what_belongs_to_the_file(darker, tmp_path):
    image = Image.fromarray(LEVELS)
    exif = image.getexif()
    exif[0x010F] = "Camera"
    image.save(tmp_path / "photo.png", exif=exif, dpi=(300, 300))
    path = darker(tmp_path / "photo.png").save(tmp_path / "sharp.png")
    with Image.open(path) as saved:
        assert saved.getexif()[0x010F] == "Camera" and round(saved.info["dpi"][0]) == 300
        np.testing.assert_array_equal(np.asarray(saved), darker(LEVELS).image)


@pytest.mark.parametrize(("kind", "mode"), [("uint8", "RGB"), ("float32", "RGB")])
def test_save_of_arrays_is_of_8_bits(darker, tmp_path, kind, mode):
    image = LEVELS if kind == "uint8" else LEVELS / np.float32(255)
    with Image.open(darker(image).save(tmp_path / "a.png")) as saved:
        assert saved.mode == mode
        np.testing.assert_array_equal(np.asarray(saved), darker(LEVELS).image)


def test_16_bits_stay_16_bits_and_gray_stays_gray(darker, tmp_path):
    levels = np.arange(0, 60000, 50, dtype="uint16").reshape(30, 40)
    Image.fromarray(levels).save(tmp_path / "gray.png")
    with Image.open(darker(tmp_path / "gray.png").save(tmp_path / "b.png")) as saved:
        assert saved.mode == "I;16"
        assert np.abs(np.asarray(saved) - (levels / 16 * 13 + 65535 / 32)).max() <= 1


def test_transparency_is_seen_on_black_and_not_saved(darker, tmp_path):
    rgba = np.dstack([LEVELS, np.full((30, 40), 0, "uint8")])
    Image.fromarray(rgba).save(tmp_path / "clear.png")
    with Image.open(darker(tmp_path / "clear.png").save(tmp_path / "c.png")) as saved:
        assert saved.mode == "RGB" and np.asarray(saved).max() == 8


def test_what_cannot_be_saved_is_told_and_nothing_is_written(darker, tmp_path):
    found = darker(LEVELS)
    with pytest.raises(InvalidInput, match="must end in one of .* Received: '.gif'"):
        found.save(tmp_path / "a.gif")
    with pytest.raises(DataError, match="cannot be written"):
        found.save(tmp_path / "gone" / "a.png")
    with pytest.raises(InvalidInput, match="this result holds 2"):
        darker(LEVELS[None].repeat(2, 0)).save(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_compare_draws_as_the_command_does(darker):
    found = darker(LEVELS)
    expected = comparison(LEVELS, found.image)
    np.testing.assert_array_equal(np.asarray(found.compare()), expected)
    truth = np.clip(LEVELS + 3 * noise(30, 40, 3), 0, 255).astype("uint8")
    with_truth = np.asarray(found.compare(Image.fromarray(truth)))
    np.testing.assert_array_equal(with_truth, comparison(LEVELS, found.image, truth))
    assert np.asarray(darker(LEVELS[None].repeat(2, 0)).compare()).shape[0] == 2 * len(expected)


def test_compare_needs_what_was_restored_and_its_size(darker):
    with pytest.raises(InvalidInput, match="`blurred` is None"):
        Restored(LEVELS).compare()
    with pytest.raises(InvalidInput, match=r"`sharp` must have the shape .* shape=\(5, 40, 3\)"):
        darker(LEVELS).compare(LEVELS[:5])


def test_a_notebook_gets_a_png_no_larger_than_its_page(darker):
    with Image.open(io.BytesIO(darker(LEVELS)._repr_png_())) as shown:
        np.testing.assert_array_equal(np.asarray(shown), darker(LEVELS).image)
    wide = np.zeros((10, 3000, 3), "uint8")
    with Image.open(io.BytesIO(Restored(wide)._repr_png_())) as shown:
        assert shown.size == (1024, 3)
    with Image.open(io.BytesIO(Restored(np.stack([LEVELS] * 2))._repr_png_())) as shown:
        assert shown.size[0] == 2 * 40 + 3 * 8


def test_show_opens_a_window_outside_of_notebooks(darker, monkeypatch):
    shown = []
    monkeypatch.setattr(Image.Image, "show", lambda self: shown.append(self.size))
    darker(LEVELS).show()
    assert shown == [(40, 30)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("value", "says"), [(np.nan, "finite"), (9.0, r"in \[0, 1\]")])
def test_a_sharp_image_that_is_none_is_refused(darker, value, says):
    sharp = picture(30, 40)
    sharp[1, 2, 0] = value
    with pytest.raises(InvalidInput, match=f"`sharp` must be {says}"):
        darker(LEVELS).compare(sharp)
