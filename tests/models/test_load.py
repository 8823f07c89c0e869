"""Loading by name: which restorer a folder gives, and what is said about folders that are not."""

import json
import re
import shutil

import keras
import numpy as np
import pytest

from tests.helpers import picture
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.networks import SEN, BiSkip, RPGANGenerator
from tfdeblur.restorers.blind.one_pass import BlindSettings
from tfdeblur.restorers.blind.restorer import BlindRestorer
from tfdeblur.restorers.network import Restorer

SETTINGS = BlindSettings((0.1, 0.3), tolerance=1e-2)


def small(channels, outputs):
    """A network of one layer: what is asked here is what folders hold, not what networks do."""
    image = keras.Input((None, None, channels))
    return keras.Model(image, keras.layers.Conv2D(outputs, 3, padding="same")(image))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of an RP-GAN."""
    folder = tmp_path_factory.mktemp("rpgan")
    keras.utils.set_random_seed(3)
    small(3, 2).save(folder / "sen.keras")
    small(6, 3).save(folder / "generator.keras")
    (folder / "pipeline.json").write_text(json.dumps(SETTINGS.to_json()))
    return folder


@pytest.fixture
def broken(run, tmp_path):
    """A copy of it that may be broken."""
    return shutil.copytree(run, tmp_path / "run")


def test_a_folder_with_a_pipeline_is_a_blind_restorer(run):
    restorer = Restorer.from_preset(str(run), passes=2, levels=1, early_stop=False, tile=160)
    assert isinstance(restorer, BlindRestorer)
    assert restorer.settings == BlindSettings((0.1,), tolerance=1e-2)
    assert (restorer.passes, restorer.early_stop, restorer.generator.tile) == (2, False, 160)


def test_it_has_the_networks_of_the_folder(run):
    image = picture(32, 48)
    restorer = Restorer.from_preset(run)
    for network, file in ((restorer.sen, "sen.keras"), (restorer.generator, "generator.keras")):
        seen = np.concatenate([image] * (network.channels // 3), axis=-1)
        expected = keras.saving.load_model(run / file)(seen[None])[0]
        np.testing.assert_allclose(
            network.in_tiles(seen, network.plan(32, 48)), expected, atol=1e-5
        )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::tfdeblur.restorers.protocol.DegenerateOutputWarning")
@pytest.mark.parametrize("prior", [RPGANGenerator, BiSkip])
def test_the_real_networks(broken, prior):
    SEN(width=0.03).save(broken / "sen.keras")
    generator = prior(width=0.06) if prior is RPGANGenerator else prior(width=0.06, images=2)
    generator.save(broken / "generator.keras")
    for size in ((9, 11), (65, 70)):
        assert Restorer.from_preset(broken)(picture(*size)).image.shape == (*size, 3)


def test_a_shipped_preset_may_be_one(run, monkeypatch):
    monkeypatch.setattr("tfdeblur.models.shipped.WEIGHTS_FOLDER", run.parent)
    assert isinstance(Restorer.from_preset(run.name), BlindRestorer)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "pipeline.json cannot be read as settings of RP-GAN"),
        ('{"betas": [0.1], "levels": 3}', "Unknown keys ['levels']; valid ones are ['betas'"),
        ('{"betas": []}', "`betas` must be numbers > 0"),
        ("[]", "cannot be read as settings of RP-GAN"),
        (b"\xff\xfe", "cannot be read as settings of RP-GAN"),
    ],
)
def test_broken_settings_are_named(broken, content, says):
    data = content if isinstance(content, bytes) else content.encode()
    (broken / "pipeline.json").write_bytes(data)
    with pytest.raises(DataError, match=re.escape(says)):
        Restorer.from_preset(broken)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sen.keras", "holds pipeline.json but no sen.keras"),
        ("generator.keras", "its training has not finished an epoch yet"),
    ],
)
def test_missing_networks_are_named(broken, name, says):
    (broken / name).unlink()
    with pytest.raises(DataError, match=says):
        Restorer.from_preset(broken)


def test_networks_in_each_others_place_are_named(broken):
    (broken / "sen.keras").rename(broken / "other")
    shutil.copy(broken / "generator.keras", broken / "sen.keras")
    with pytest.raises(DataError, match=r"sen.keras is not SEN.*3 channels in and 2 out.*\(6, 3\)"):
        Restorer.from_preset(broken)
    (broken / "other").rename(broken / "sen.keras")
    small(3, 3).save(broken / "generator.keras")
    with pytest.raises(DataError, match=r"6 channels in and 3 out. Received: \(3, 3\)"):
        Restorer.from_preset(broken)
    (broken / "generator.keras").write_bytes(b"no zip")
    with pytest.raises(DataError, match="generator.keras cannot be loaded as a Keras model"):
        Restorer.from_preset(broken)


def test_parts_of_rp_gan_do_not_restore_alone(broken):
    for path, says in (
        (broken / "generator.keras", "Give the folder that also holds sen.keras and pipeline.json"),
        (broken / "sen.keras", "is a SEN: it estimates the motion"),
    ):
        with pytest.raises(DataError, match=says):
            Restorer.from_preset(path)
    (broken / "pipeline.json").unlink()
    with pytest.raises(DataError, match="is the generator of an RP-GAN"):
        Restorer.from_preset(broken)
    (broken / "generator.keras").unlink()  # now it looks as a run of SEN does
    with pytest.raises(DataError, match="is a SEN"):
        Restorer.from_preset(broken)


def test_options_of_the_other_restorer_are_named(run, broken):
    with pytest.raises(InvalidInput, match="does not take `self_ensemble`: a BlindRestorer"):
        Restorer.from_preset(run, self_ensemble=True)
    assert Restorer.from_preset(run, self_ensemble=False)
    small(3, 3).save(broken / "alone.keras")
    with pytest.raises(InvalidInput, match="does not take `levels`: a Restorer.*levels=2"):
        Restorer.from_preset(broken / "alone.keras", levels=2)
