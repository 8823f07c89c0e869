"""`precision="auto"`: bfloat16 where the processor has it and the card says it costs little."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.helpers import picture
from tests.models.makers import CARD, change_card, network
from tests.restorers.makers import KEEP, SEN, SETTINGS, Network
from tfdeblur import processor
from tfdeblur.cli.main import main
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models.preset_card import file_sha256
from tfdeblur.models.preset_files import save_preset
from tfdeblur.networks import BiSkip, Maxim
from tfdeblur.restorers.blind.restorer import BlindRestorer
from tfdeblur.restorers.memory import bytes_per_pixel
from tfdeblur.restorers.network import Restorer
from tfdeblur.restorers.open import open_restorer
from tfdeblur.restorers.precision import precision_of, precision_of_all
from tfdeblur.restorers.tiled import tiles_matter


@pytest.fixture
def fast(monkeypatch):
    """A processor with bfloat16, whatever this one is."""
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    monkeypatch.setattr(processor, "has_bfloat16", lambda: True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "tiny"
    return save_preset(network(width=0.06), folder, CARD | {"bfloat16_costs_db": 0.004})


@pytest.fixture
def preset(made, tmp_path):
    return shutil.copytree(made, tmp_path / "tiny")


def costing(cost):
    net = Network(lambda image: image)
    net.bfloat16_costs_db = cost
    return net


def test_a_preset_whose_card_allows_it(preset, fast):
    restorer = Restorer.from_preset(preset)
    assert restorer.precision == "bfloat16" and "bfloat16" in repr(restorer)
    assert "- bfloat16 costs 0.0040 dB\n" in (preset / "README.md").read_text()
    image = picture(40, 50)
    exact = Restorer.from_preset(preset, precision="float32")
    assert exact.precision == "float32"
    np.testing.assert_allclose(restorer(image).image, exact(image).image, atol=0.02)
    levels = np.uint8(255 * image)  # rounded outside of the graph
    assert np.abs(np.int32(restorer(levels).image) - exact(levels).image).max() <= 5
    assert precision_of(Restorer.from_preset(preset, passes=2)) == "bfloat16"
    few = bytes_per_pixel(restorer.network, "bfloat16")
    assert restorer.max_pixels == int(restorer.memory_budget_bytes / few)


@pytest.mark.parametrize("has", [False, None])
def test_a_processor_without(preset, monkeypatch, has):
    monkeypatch.setattr(processor, "has_bfloat16", lambda: has)
    assert Restorer.from_preset(preset).precision == "float32"
    assert Restorer.from_preset(preset, precision="bfloat16").precision == "bfloat16"


def test_without_the_library_that_does_it(preset, fast, monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert Restorer.from_preset(preset).precision == "float32"


@pytest.mark.parametrize(
    ("cost", "chosen"),
    [
        *((0, "bfloat16"), (-0.001, "bfloat16"), (0.0099, "bfloat16")),
        *((0.01, "float32"), (1.2, "float32")),
    ],
)
def test_what_the_card_says(preset, fast, cost, chosen):
    change_card(preset, bfloat16_costs_db=cost)
    assert Restorer.from_preset(preset).precision == chosen


def test_an_older_card_says_nothing(preset, fast):
    card = json.loads((preset / "card.json").read_text())
    del card["bfloat16_costs_db"]
    (preset / "card.json").write_text(json.dumps(card))
    assert Restorer.from_preset(preset).precision == "float32"


@pytest.mark.parametrize("said", ["little", True, None, [0.001], float("nan")])
def test_a_malformed_card_is_named(preset, fast, said):
    change_card(preset, bfloat16_costs_db=said)
    with pytest.raises(DataError, match=r"card\.json is damaged: 'bfloat16_costs_db' must be"):
        Restorer.from_preset(preset)


def test_a_run_with_a_card(tmp_path, fast):
    network(width=0.06).save(tmp_path / "generator.keras")
    assert Restorer.from_preset(tmp_path).precision == "float32"
    card, digest = tmp_path / "card.json", file_sha256(tmp_path / "generator.keras")
    for hashes, chosen in (
        ({"generator.keras": digest}, "bfloat16"),
        ({"generator.keras": "0" * 64}, "float32"),  # trained on since
        (None, "float32"),
    ):
        card.write_text(json.dumps({"bfloat16_costs_db": 0.001, "sha256": hashes}))
        assert Restorer.from_preset(tmp_path).precision == chosen
    card.write_text('{"bfloat16_costs_db": "none"}')
    with pytest.raises(DataError, match="'bfloat16_costs_db' must be a number"):
        Restorer.from_preset(tmp_path)
    card.write_text("[]")
    with pytest.raises(DataError, match="must be an object of JSON"):
        Restorer.from_preset(tmp_path)


def test_networks_of_which_nothing_is_known(fast):
    assert Restorer(Network(lambda image: image)).precision == "float32"
    assert Restorer(costing(None)).precision == "float32"
    assert Restorer(costing(0.001)).precision == "bfloat16"


def test_both_networks_of_rp_gan_must_allow_it(fast):
    assert BlindRestorer(SEN, KEEP, SETTINGS).precision == "float32"
    assert BlindRestorer(costing(0.001), KEEP, SETTINGS).precision == "float32"
    restorer = BlindRestorer(costing(0.001), costing(0.002), SETTINGS)
    found = {restorer.precision, restorer.sen.precision, restorer.generator.precision}
    assert found == {"bfloat16"} and "bfloat16" in repr(restorer)


def test_an_unknown_one_is_named():
    with pytest.raises(InvalidInput, match="auto, float32, bfloat16. Received: precision='half'"):
        BlindRestorer(SEN, KEEP, SETTINGS, precision="half")


def test_of_several(fast):
    low, full = Restorer(costing(0.001)), Restorer(costing(1))
    assert precision_of_all({"a": low, "b": low}) == "bfloat16"
    assert precision_of_all({"a": low, "b": full}) == "a bfloat16, b float32"
    assert precision_of_all({}) is None


def test_the_commands_tell_what_was_chosen(preset, fast, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")  # as the commands leave it
    for role in ("blur", "sharp"):
        (tmp_path / "pairs" / role).mkdir(parents=True)
        Image.fromarray(np.uint8(picture(40, 48) * 255)).save(tmp_path / "pairs" / role / "0.png")
    photo, model = str(tmp_path / "pairs" / "blur" / "0.png"), ["--model", str(preset)]
    for options, chosen in (([], "bfloat16"), (["--precision", "float32"], "float32")):
        given = ["--out", str(tmp_path / "out"), "--json", "--overwrite", *options]
        assert main(["deblur", photo, *model, *given]) == 0
        told = capsys.readouterr()
        assert json.loads(told.out)["precision"] == chosen
        last = told.err.splitlines()[-1]  # float32 is the usual: nobody is told
        told_of = " (computed in bfloat16)" * (chosen == "bfloat16")
        assert last == f"1 file: 1 restored, in {tmp_path / 'out'}/{told_of}"
        scores = tmp_path / "scores.json"
        data = ["--data", str(tmp_path / "pairs"), "--json", str(scores), *options]
        assert main(["evaluate", *data, *model]) == 0
        assert json.loads(scores.read_text())["settings"]["precision"] == chosen
        assert f"(protocol gopro, precision {chosen}" in capsys.readouterr().out
        assert main(["evaluate", *data, *model, "--csv", str(tmp_path / "scores.csv")]) == 0
        assert json.loads(scores.read_text())["settings"]["precision"] == chosen
        capsys.readouterr()


def test_float32_is_what_deconvolution_does_anyway():
    assert precision_of(open_restorer(None, {"precision": "float32"})) is None
    with pytest.raises(InvalidInput, match="does not take `precision`"):
        open_restorer(None, {"precision": "bfloat16"})


def test_tiles_that_change_the_result_are_the_same_in_any_arithmetic():
    """Else bfloat16 would be charged with what other tiles do: 0.12 dB of the preset `maxim`."""
    sees, grouped, local = (
        Maxim(features=4),
        BiSkip(variant="S", width=0.1, norm="group"),
        network(),
    )
    for net, matter in ((sees, True), (grouped, True), (local, False)):
        exact, rounded = (Restorer(net, precision=one) for one in ("float32", "bfloat16"))
        assert tiles_matter(net) is matter
        assert (exact.max_pixels == rounded.max_pixels) is matter
        assert exact.max_pixels == int(exact.memory_budget_bytes / bytes_per_pixel(net))
    budget = 200_000_000
    exact, rounded = (
        Restorer(sees, precision=one, memory_budget_bytes=budget) for one in ("float32", "bfloat16")
    )
    plan = exact.plan(1200, 1600)
    assert plan.tiles > 1 and rounded.plan(1200, 1600) == plan
