"""An RP-GAN as a preset: two networks in float16, found wherever one in `.keras` files is."""

import json
import shutil

import keras
import numpy as np
import pytest

from tests.helpers import picture
from tests.models.makers import CARD, change_card
from tfdeblur.cli.main import main
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models import shipped
from tfdeblur.models.load import find_sen, load_file_or_preset
from tfdeblur.models.preset_card import read_card
from tfdeblur.networks import SEN, RPGANGenerator
from tfdeblur.restorers.blind.one_pass import BlindSettings
from tfdeblur.restorers.network import Restorer
from tfdeblur.training.initial import copy_network, find_network, is_copy, load_network


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The run folder of an RP-GAN."""
    folder = tmp_path_factory.mktemp("run")
    keras.utils.set_random_seed(3)
    SEN(stacks=1, width=0.03).save(folder / "sen.keras")
    RPGANGenerator(width=0.06, head="residual").save(folder / "generator.keras")
    settings = BlindSettings((0.1,), tolerance=1e-2).to_json()
    (folder / "pipeline.json").write_text(json.dumps(settings))
    (folder / "about.json").write_text(json.dumps(CARD))
    return folder


@pytest.fixture(scope="module")
def preset(run):
    """The same as a preset, made by the command, among those that are shipped."""
    out = run / "weights" / "tiny"
    assert not main(
        ["presets", "--make", f"{run}", "--out", f"{out}", "--card", f"{run}/about.json"]
    )
    return out


@pytest.fixture(autouse=True)
def shipped_here(preset, monkeypatch):
    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", preset.parent)


def test_it_restores_as_the_run_does(run, preset):
    image = picture(40, 48)
    theirs, ours = (Restorer.from_preset(model)(image) for model in (run, "tiny"))
    assert ours.flow.shape == (40, 48, 2) and np.abs(ours.flow - theirs.flow).max() < 0.05
    np.testing.assert_allclose(ours.image, theirs.image, atol=2e-2)  # weights are float16


def test_the_card_counts_both_networks(preset):
    card = read_card(preset)
    parts = [load_file_or_preset(path) for path in (preset, preset / "sen")]
    assert card["parameters"] == sum(part.count_params() for part in parts)
    assert (preset / "README.md").is_file() and not (preset / "sen" / "README.md").exists()
    sizes = [path.stat().st_size for path in preset.rglob("weights.npz")]
    assert len(sizes) == 2 and card["megabytes"] == pytest.approx(sum(sizes) / 1e6, abs=0.006)


def test_its_sen_is_found_where_one_is_asked_for(run, preset, tmp_path):
    assert find_sen("tiny") == find_sen(f"{preset}") == (preset / "sen", False)
    assert find_sen(f"{preset / 'sen'}") == (preset / "sen", True)
    for where in ("tiny", preset, preset / "sen"):
        found = find_network(str(where), "sen.keras", "rpgan.sen")
        assert found == preset / "sen" and isinstance(load_network(found, SEN, "rpgan.sen"), SEN)
    assert find_network("tiny", "generator.keras", "run.init") == preset
    with pytest.raises(InvalidInput, match="`rpgan.sen` must hold a SEN.*holds a RPGANGenerator"):
        load_network(find_network("tiny", "generator.keras", "x"), SEN, "rpgan.sen")


def test_a_run_that_begins_with_it_has_a_copy(run, preset, tmp_path):
    copied = tmp_path / "sen.keras"
    copy_network(preset / "sen", copied)
    assert is_copy(preset / "sen", copied) and not is_copy(run / "sen.keras", copied)
    copy_network(run / "sen.keras", copied)
    assert is_copy(run / "sen.keras", copied) and not is_copy(preset / "sen", copied)  # float16


def test_damage_is_named(preset, tmp_path):
    broken = shutil.copytree(preset, tmp_path / "broken")
    change_card(broken / "sen", sha256=read_card(preset)["sha256"])
    with pytest.raises(DataError, match=r"sen/network.json is not the file that card.json"):
        Restorer.from_preset(broken)
    shutil.rmtree(broken / "sen")
    with pytest.raises(DataError, match=r"holds pipeline.json but no sen.keras"):
        Restorer.from_preset(broken)


def test_a_sen_alone_restores_nothing(preset):
    with pytest.raises(DataError, match="sen is a SEN: it estimates the motion"):
        Restorer.from_preset(preset / "sen")
