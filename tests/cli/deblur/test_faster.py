"""That a faster preset is told of, where there is much to restore."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.makers import levels
from tfdeblur.cli.deblur.faster import faster_preset
from tfdeblur.cli.main import main
from tfdeblur.models import shipped
from tfdeblur.models.preset_files import save_preset


@pytest.fixture
def presets(tmp_path, monkeypatch):
    """`exact` of 6 s a megapixel, `middling` of 2, `quick` of 0.5, `silent` without a figure."""
    return made(tmp_path, monkeypatch, exact=(6.0, 6.3), middling=(2.0, 2.0), quick=(0.5, 1.6))


def made(tmp_path, monkeypatch, **presets):
    """Presets of these seconds and gains, and one without, as the only ones that are shipped."""
    from tests.models.makers import CARD, network

    for name, (seconds, gain) in presets.items():
        card = {**CARD, "name": name, "seconds_per_megapixel": {"two cores": seconds}}
        save_preset(network(), tmp_path / "w" / name, {**card, "gains_db": {"GOPRO": gain}})
    silent = {key: CARD[key] for key in ("description", "licences")}
    save_preset(network(), tmp_path / "w" / "silent", {**silent, "name": "silent"})
    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", tmp_path / "w")
    return tmp_path / "w"


def test_a_faster_one_is_named_with_what_it_gains(presets):
    said = "--model quick is 12 times as fast as exact, and gains 1.6 dB in place of 6.3 (GOPRO)."
    assert faster_preset("exact") == said
    assert faster_preset("middling").startswith("--model quick is 4 times as fast as middling")
    for other in ("quick", "silent", "nowhere", None):
        assert faster_preset(other) == ""


def test_of_several_the_one_that_gains_most_is_named(tmp_path, monkeypatch):
    made(tmp_path, monkeypatch, exact=(6.0, 6.3), fastest=(0.1, 1.0), quick=(0.5, 1.6))
    assert faster_preset("exact").startswith("--model quick is 12 times as fast as exact, and")
    assert faster_preset("quick").startswith("--model fastest is 5 times as fast as quick, and")


def test_what_is_not_of_the_same_processor_or_is_damaged_is_not_compared(presets):
    card = presets / "quick" / "card.json"
    told = json.loads(card.read_text())
    card.write_text(json.dumps({**told, "seconds_per_megapixel": {"a GPU": 0.01}}))
    assert faster_preset("exact") == ""
    card.write_text("{")
    assert faster_preset("exact") == ""


def test_it_is_said_of_many_files(presets, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").mkdir()
    for number in range(20):
        Image.fromarray(levels(8, 8).astype(np.uint8)).save(f"p/{number}.png")
    assert main(["deblur", "p/1.png", "--out", "one", "--model", "exact"]) == 0
    assert "as fast" not in capsys.readouterr().err
    assert main(["deblur", "p", "--out", "out", "--model", "exact"]) == 0
    assert "--model quick is 12 times as fast as exact" in capsys.readouterr().err
    assert main(["deblur", "p", "--out", "out", "--model", "exact"]) == 0  # nothing is left
    assert "as fast" not in capsys.readouterr().err
