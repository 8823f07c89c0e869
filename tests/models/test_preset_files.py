"""Presets as files: what is written comes back."""

import hashlib
import json
import shutil

import keras
import numpy as np
import pytest

from tests.helpers import picture
from tests.models.makers import CARD, arrays, change_card, network, planes, replace_arrays
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models import preset_files
from tfdeblur.models.preset_files import load_preset, save_preset
from tfdeblur.models.weights_file import weights_by_path
from tfdeblur.networks import SEN, BiSkip, RPGANGenerator
from tfdeblur.restorers.network import Restorer


@pytest.mark.parametrize("kind", [BiSkip, SEN, RPGANGenerator])
def test_a_network_comes_back(kind, tmp_path):
    saved = kind(width=0.06)
    again = load_preset(save_preset(saved, tmp_path / "tiny", CARD))
    assert type(again) is kind
    assert again.get_config() | {"name": ""} == saved.get_config() | {"name": ""}
    for ours, theirs in zip(saved.get_weights(), again.get_weights(), strict=True):
        assert theirs.dtype == np.float32
        np.testing.assert_array_equal(theirs, ours.astype(np.float16))


def test_each_weight_is_there_once_by_its_path(made):
    found = planes(made)
    assert found["down0_conv/kernel"].shape == (2, 3, 3, 3, 3)
    assert {value.dtype for value in found.values()} == {np.dtype("uint8")}
    assert sum(v.size for v in found.values()) == 2 * network().count_params()
    kernel = next(w for w in network().weights if w.path.endswith("down0_conv/kernel"))
    expected = np.asarray(kernel).astype("<f2").tobytes()
    assert found["down0_conv/kernel"][0].tobytes() == expected[::2]
    assert found["down0_conv/kernel"][1].tobytes() == expected[1::2]
    sen = SEN(stacks=2, width=0.03)  # its stacks have layers of the same names
    assert len(weights_by_path(sen)) == len(sen.weights)


def test_presets_of_format_1_are_read(made, tmp_path):
    older = shutil.copytree(made, tmp_path / "older")
    replace_arrays(older, arrays(made))
    change_card(older, format=1)
    pairs = zip(load_preset(made).get_weights(), load_preset(older).get_weights(), strict=True)
    assert all(np.array_equal(now, then) and now.size for now, then in pairs)


def test_the_card_is_complete(made):
    card = json.loads((made / "card.json").read_text())
    assert card.items() >= CARD.items() and card["format"] == 2
    assert card["parameters"] == network().count_params()
    size = (made / "weights.npz").stat().st_size
    assert abs(card["megabytes"] - size / 1e6) < 0.006
    for name in ("weights.npz", "network.json"):
        assert card["sha256"][name] == hashlib.sha256((made / name).read_bytes()).hexdigest()
    text = (made / "README.md").read_text()
    for part in ("# tiny", "GOPRO: +1.25 dB", "abacus: 2.00", "Apache-2.0", "costs 0.01 dB"):
        assert part in text


def test_the_same_network_gives_the_same_bytes(made, tmp_path):
    save_preset(network(), tmp_path / "again", CARD)
    for name in ("weights.npz", "network.json", "card.json", "README.md"):
        assert (tmp_path / "again" / name).read_bytes() == (made / name).read_bytes()


def test_it_restores_by_its_folder(made):
    image = picture(20, 30)
    restored = Restorer.from_preset(made)(image).image
    np.testing.assert_allclose(restored, Restorer(network())(image).image, atol=0.01)


def test_further_files_are_copied_and_a_readme_replaces_ours(tmp_path):
    for name in ("LICENSE", "README.md"):
        (tmp_path / name).write_text(f"my {name}")
    files = [tmp_path / "LICENSE", tmp_path / "README.md"]
    folder = save_preset(network(), tmp_path / "new" / "tiny", CARD, files=files)
    assert [(folder / file.name).read_text() for file in files] == ["my LICENSE", "my README.md"]
    with pytest.raises(InvalidInput, match=r"must not hold what is written.*card.json"):
        save_preset(network(), tmp_path / "other", CARD, files=["x/card.json"])
    with pytest.raises(DataError, match="cannot be written.*nothing-here"):
        save_preset(network(), tmp_path / "other", CARD, files=[tmp_path / "nothing-here"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["LICENSE", "README.md", "new"]


@pytest.mark.parametrize("value", [7e4, -1e6, np.inf, np.nan])
def test_weights_beyond_float16_are_refused(value, tmp_path):
    bad = network()
    kernel = bad.get_layer("head").kernel
    kernel.assign(np.full(kernel.shape, value))
    with pytest.raises(InvalidInput, match="finite weights, at most 65504.*'head/kernel'"):
        save_preset(bad, tmp_path / "tiny", CARD)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_replaced(preset):
    before = (preset / "weights.npz").read_bytes()
    with pytest.raises(InvalidInput, match="`folder` must not exist"):
        save_preset(network(2), preset, CARD)
    assert (preset / "weights.npz").read_bytes() == before


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(preset_files, "_check", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_preset(network(), tmp_path / "tiny", CARD)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "a/b"}, r"'name' must be letters.*'a/b'"),
        ({"description": "two\nlines"}, "'description' must be one line"),
        ({"licences": "MIT"}, "'licences' must be a list"),
        ({"gains_db": {"GOPRO": "much"}}, "'gains_db' must be an object: dB"),
        ({"gains_db": {"GOPRO": float("nan")}}, "'gains_db' must be an object: dB"),
        ({"seconds_per_megapixel": {"x": 0}}, "'seconds_per_megapixel' must be"),
        ({"gain": {}}, r"unknown keys \['gain'\]; valid ones are \['name'"),
        ({"sha256": {}}, r"unknown keys \['sha256'\]"),
    ],
)
def test_cards_that_are_none(change, says, tmp_path):
    with pytest.raises(InvalidInput, match=says):
        save_preset(network(), tmp_path / "tiny", CARD | change)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InvalidInput, match=r"\['licences'\] are missing"):
        save_preset(network(), tmp_path / "x", {"name": "x", "description": "y"})


def test_networks_that_code_cannot_build_anew(tmp_path):
    image = keras.Input((None, None, 3))
    plain = keras.Model(image, keras.layers.Conv2D(3, 1)(image))
    with pytest.raises(InvalidInput, match="registered with Keras.*Received: Functional"):
        save_preset(plain, tmp_path / "tiny", CARD)

    @keras.saving.register_keras_serializable("tests")
    class Nameless(keras.Model):
        def __init__(self, **kwargs):
            image = keras.Input((None, None, 3))
            super().__init__(image, keras.layers.Conv2D(3, 1)(image), **kwargs)

        def get_config(self):
            return {"name": self.name}

    with pytest.raises(InvalidInput, match="all its layers must have names.*: weights.npz lacks"):
        save_preset(Nameless(), tmp_path / "tiny", CARD)
    assert list(tmp_path.iterdir()) == []
