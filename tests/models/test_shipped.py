"""The presets that are in the package: complete, told about in full, and able to restore."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from tfdeblur.image.codec import read_image
from tfdeblur.models import preset_card, shipped
from tfdeblur.models.preset_card import FACTS, read_card
from tfdeblur.models.shipped import shipped_folder, shipped_presets
from tfdeblur.restorers.network import Restorer

(PHOTOGRAPH,) = (Path(__file__).parents[2] / "demo/pairs/test/blur").glob("*.png")
every_preset = pytest.mark.parametrize("name", shipped_presets())


def test_what_is_a_preset(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", tmp_path)
    assert shipped_presets() == []
    for file in ("b/weights.npz", "a/generator.keras", ".c/network.json", "d/README.md", "e"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(b"")
    assert shipped_presets() == ["a", "b"]
    assert shipped_folder("b") == tmp_path / "b" and shipped_folder("d") is None
    assert preset_card.default_text() == "maxim, which this installation lacks"


@every_preset
def test_its_card_tells_everything(name):
    folder = shipped_folder(name)
    card = read_card(folder)
    assert card["name"] == name
    silent = {"bfloat16_costs_db"}  # where it was not measured, float32 is taken
    assert [fact for fact in FACTS if fact not in silent and not card[fact]] == []
    for file, wanted in card["sha256"].items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == wanted
    assert (folder / "README.md").read_text("utf-8").strip() and (folder / "LICENSE").is_file()
    assert "registered_name" in json.loads((folder / "network.json").read_text())


@every_preset
def test_it_restores(name):
    image = read_image(PHOTOGRAPH).rgb[100:164, 200:264]
    restored = Restorer.from_preset(name)(image)
    assert not restored.degenerate and restored.image.dtype == np.uint8
    assert 0 < np.abs(restored.image.astype(float) - image).mean() < 25
