"""A further kind of restorers: one file, one registration, and the commands restore with it."""

import json

import numpy as np
import pytest
from PIL import Image

from export.graph.served import served_model
from tests.restorers.kinds.makers import Amplifier, Gain, write_gain
from tfdeblur import Restorer
from tfdeblur.cli.main import main
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.restorers import registry
from tfdeblur.restorers.open import kind_of


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_registered", [])
    registry.register(Gain())
    return write_gain(tmp_path / "model", 1.5)


@pytest.fixture
def pairs(tmp_path):
    """Blurred images that are the sharp ones, darker."""
    random = np.random.default_rng(0)
    for index in range(2):
        sharp = random.integers(0, 170, (24, 32, 3), np.uint8) // 3 * 3
        for role, image in (("blur", sharp // 3 * 2), ("sharp", sharp)):
            path = tmp_path / "pairs" / role / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    return tmp_path / "pairs"


def test_the_door_opens_it(model):
    assert kind_of(model).name == "gain"
    restorer = Restorer.from_preset(model, passes=2, slope=2.0)
    assert isinstance(restorer, Amplifier) and (restorer.gain, restorer.passes) == (3.0, 2)
    with pytest.raises(InvalidInput, match="`tile`: a Amplifier restores with it, which takes "):
        Restorer.from_preset(model, tile=256)
    (model / "gain.json").write_text("{}")
    with pytest.raises(DataError, match="gain.json is damaged"):
        Restorer.from_preset(model)


def test_deblur(model, pairs, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["deblur", str(pairs / "blur"), "--out", str(out), "--model", str(model)]
    assert main([*command, "--compare", "--confidence", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [file["confidence"] for file in report["files"]] == [0.25, 0.25]
    assert "steps" not in report["files"][0] and "passes" not in report["files"][0]
    for name in ("0.png", "1.png"):
        np.testing.assert_array_equal(
            *(np.asarray(Image.open(place / name)) for place in (out, pairs / "sharp"))
        )
    assert (out / "1.confidence.png").is_file() and (out / "1.compare.png").is_file()


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (["--tile", "256"], "--tile: works with --model only"),
        (["--flow"], "--flow: works with RP-GAN models"),
        (["--levels", "2"], "--levels: works with RP-GAN models only"),
    ],
)
def test_deblur_refuses_what_it_does_not_take(option, says, model, pairs, tmp_path, capsys):
    command = ["deblur", str(pairs / "blur"), "--out", str(tmp_path / "out"), *option]
    with pytest.raises(SystemExit) as end:
        main([*command, "--model", str(model)])
    assert end.value.code == 2 and says in capsys.readouterr().err


def test_evaluate(model, pairs, tmp_path, capsys):
    report = tmp_path / "scores.json"
    command = ["evaluate", "--data", str(pairs), "--model", str(model), "--json", str(report)]
    assert main(command) == 0
    found = json.loads(report.read_text())
    assert [image["psnr_rgb_u8"]["restored"] for image in found["images"]] == ["inf", "inf"]
    assert [image["confidence"] for image in found["images"]] == [0.25, 0.25]
    report.unlink()
    assert main([*command, "--self-ensemble"]) == 3
    assert "`--self-ensemble` works with" in capsys.readouterr().err and not report.exists()


def test_it_is_not_exported_as_something_else(model):
    with pytest.raises(InvalidInput, match="`model` must be a Restorer.*Received: Amplifier"):
        served_model(model)
