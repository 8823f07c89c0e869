"""What bfloat16 costs: measured as the difference on the same images, told, and put into cards."""

import json
import shutil

import numpy as np
import pytest

from tests.data.makers import write
from tests.helpers import picture
from tests.models.makers import CARD, network
from tfdeblur import processor
from tfdeblur.cli.main import main
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.evaluation import bfloat16
from tfdeblur.evaluation.card_cost import write_bfloat16_cost
from tfdeblur.evaluation.gopro import find_evaluation_pairs
from tfdeblur.metrics import psnr_rgb_u8
from tfdeblur.models.preset_card import file_sha256, read_card
from tfdeblur.models.preset_files import load_preset, save_preset
from tfdeblur.restorers.network import Restorer
from tfdeblur.restorers.protocol import Restored


@pytest.fixture
def pairs(tmp_path):
    for i in range(3):
        sharp = np.uint8(20 + 200 * picture(30, 40, seed=i))
        write(tmp_path / "pairs" / "sharp" / f"{i}.png", sharp)
        write(tmp_path / "pairs" / "blur" / f"{i}.png", sharp + np.uint8(4))
    return tmp_path / "pairs"


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    monkeypatch.setattr(processor, "has_bfloat16", lambda: True)


@pytest.fixture
def worse(monkeypatch):
    """Restorers that leave 2 of the 4 levels too many in float32, and 3 in bfloat16."""

    def open_restorer(model, options):
        left = {"float32": 2, "bfloat16": 3}[options["precision"]]
        return lambda image: Restored(image - np.float32((4 - left) / 255))

    monkeypatch.setattr(bfloat16, "open_restorer", open_restorer)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "tiny"
    return save_preset(network(width=0.06), folder, CARD)


@pytest.fixture
def preset(made, tmp_path):
    return shutil.copytree(made, tmp_path / "tiny")


def test_the_difference_is_what_it_costs(pairs, fast, worse):
    found = bfloat16.measure_bfloat16("tiny", find_evaluation_pairs(pairs), data="pairs")
    level = np.zeros((1, 8, 8, 3), np.uint8)
    two, three = (float(psnr_rgb_u8(level, level + np.uint8(n))[0]) for n in (2, 3))
    assert found.mean_db == pytest.approx(two - three, abs=1e-6) and two - three > 3
    assert set(found.costs_db) == {"0", "1", "2"} and found.is_complete
    assert "does not take it" in found.text() and f"{two - three:.4f} dB" in found.table()
    assert found.to_dict()["gain_db"]["float32"] > found.to_dict()["gain_db"]["bfloat16"]


def test_no_measurement_where_it_is_not_in_use(pairs, monkeypatch):
    monkeypatch.setattr(processor, "has_bfloat16", lambda: False)
    with pytest.raises(InvalidInput, match="only where it is in use"):
        bfloat16.measure_bfloat16("tiny", find_evaluation_pairs(pairs))


def test_no_measurement_where_nothing_changes(pairs, fast, monkeypatch):
    monkeypatch.setattr(bfloat16, "open_restorer", lambda *_: lambda image: Restored(image))
    with pytest.raises(InvalidInput, match="bfloat16 changed no image of there"):
        bfloat16.measure_bfloat16("tiny", find_evaluation_pairs(pairs), data="there")


def test_the_command_writes_the_card(preset, pairs, fast, worse, capsys):
    command = ["presets", str(preset), "--measure-bfloat16", str(pairs)]
    assert main(command) == 0
    assert "bfloat16_costs_db" not in read_card(preset)
    assert main([*command, "--write", "--limit", "2"]) == 0
    shown = capsys.readouterr().out
    cost = read_card(preset)["bfloat16_costs_db"]
    assert f"bfloat16 costs {cost:.4f} dB on average over 2 images" in shown
    assert "Measured on pairs." in read_card(preset)["precision"]["bfloat16"]
    assert f"- bfloat16 costs {cost:.4f} dB\n" in (preset / "README.md").read_text()
    assert load_preset(preset).bfloat16_costs_db == cost
    assert Restorer.from_preset(preset).precision == "float32"
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bfloat16_costs_db"] == pytest.approx(cost, abs=1e-4)


def test_a_failed_pair_is_named_and_nothing_written(preset, pairs, fast, worse, capsys):
    (pairs / "blur" / "1.png").write_bytes(b"no image")
    assert main(["presets", str(preset), "--measure-bfloat16", str(pairs), "--write"]) == 3
    assert "Nothing is written" in capsys.readouterr().err
    assert "bfloat16_costs_db" not in read_card(preset)


def test_a_readme_of_ones_own_stays(preset):
    (preset / "README.md").write_text("mine")
    write_bfloat16_cost(preset, 0.002, "measured")
    assert (preset / "README.md").read_text() == "mine"
    assert read_card(preset)["precision"]["bfloat16"] == "measured"


def test_a_run_gets_a_card_with_the_hash_of_its_network(tmp_path, fast):
    file = tmp_path / "generator.keras"
    network(width=0.06).save(file)
    write_bfloat16_cost(tmp_path, 0.002, "measured")
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["sha256"] == {"generator.keras": file_sha256(file)}
    assert Restorer.from_preset(tmp_path).precision == "bfloat16"
    network(seed=2, width=0.06).save(file)  # trained on
    assert Restorer.from_preset(tmp_path).precision == "float32"
    (tmp_path / "card.json").write_text("[]")
    with pytest.raises(DataError, match="must be an object"):
        write_bfloat16_cost(tmp_path, 0.002, "measured")
    with pytest.raises(InvalidInput, match="must be a preset, or a run"):
        write_bfloat16_cost(tmp_path / "none", 0.002, "measured")


@pytest.mark.parametrize(
    "options",
    [
        ["--write"],
        ["maxim", "--limit", "3"],
        ["--measure-bfloat16", "pairs"],
        ["maxim", "--measure-bfloat16", "pairs", "--make", "runs/a"],
    ],
)
def test_what_does_not_go_together(options):
    with pytest.raises(SystemExit) as stop:
        main(["presets", *options])
    assert stop.value.code == 2
