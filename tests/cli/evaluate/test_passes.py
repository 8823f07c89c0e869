"""`tfdeblur evaluate --passes --levels`: what is measured is what `tfdeblur deblur` gives."""

import json

import keras
import numpy as np
import pytest

from tests.evaluation.makers import FLOW, constant_sen, mixing_generator, write_model, write_pairs
from tfdeblur.cli.main import main
from tfdeblur.evaluation.experiments.base import quality
from tfdeblur.evaluation.experiments.cases import find_cases
from tfdeblur.restorers.blind.one_pass import BlindSettings
from tfdeblur.restorers.blind.restorer import BlindRestorer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("passes")
    write_model(place / "model", part=0.3)
    write_pairs(place / "pairs", count=1)
    image = keras.Input((None, None, 3))
    keras.Model(image, keras.layers.Rescaling(0.9)(image)).save(place / "darker.keras")
    return place


def evaluate(folder, model, *options):
    scores = folder / "scores.json"
    scores.unlink(missing_ok=True)
    arguments = ["--model", str(folder / model), "--data", str(folder / "pairs")]
    code = main(["evaluate", *arguments, "--json", str(scores), *map(str, options)])
    return code, json.loads(scores.read_text()) if scores.is_file() else None


def expected(folder, **options):
    settings = BlindSettings((0.05, 0.1))
    restorer = BlindRestorer(constant_sen(FLOW), mixing_generator(0.3), settings, **options)
    case = next(iter(find_cases(str(folder / "pairs"))))[1]()
    restored = restorer(case.blurred)
    return quality(case.sharp, restored.image)["psnr_rgb_u8"], restored


def test_passes_and_levels_are_those_of_the_restorer(folder, capsys):
    for options, arguments in (
        ({"passes": 2, "early_stop": False}, ["--passes", 2, "--no-early-stop"]),
        ({"levels": 1}, ["--levels", 1]),
    ):
        psnr, restored = expected(folder, **options)
        code, found = evaluate(folder, "model", *arguments)
        (image,) = found["images"]
        assert code == 0 and image["psnr_rgb_u8"]["restored"] == pytest.approx(psnr, abs=1e-3)
        assert image["passes"] == restored.passes == options.get("passes", 1)
        assert image["confidence"] == pytest.approx(restored.score, abs=1e-4)
        for name in ("passes", "levels"):
            assert found["settings"][name] == options.get(name)
    printed = capsys.readouterr().out
    assert "passes 2" in printed and "levels 1" in printed and "of several passes, the" in printed


def test_confidence_is_that_of_the_first_pass(folder):
    once, twice = (
        evaluate(folder, "model", "--passes", passes, "--no-early-stop")[1] for passes in (1, 2)
    )
    assert twice["mean"]["confidence"] == pytest.approx(once["mean"]["confidence"], abs=1e-5)
    assert twice["mean"]["psnr_rgb_u8"] != once["mean"]["psnr_rgb_u8"]


def test_networks_that_restore_in_one_step_take_passes(folder):
    code, found = evaluate(folder, "darker.keras", "--passes", 3)
    case = next(iter(find_cases(str(folder / "pairs"))))[1]()
    by_hand = quality(case.sharp, np.float32(0.9**3) * case.blurred)["psnr_rgb_u8"]
    (image,) = found["images"]
    assert code == 0 and image["psnr_rgb_u8"]["restored"] == pytest.approx(by_hand, abs=1e-2)
    assert image["passes"] == 3


@pytest.mark.parametrize(
    ("model", "options", "says"),
    [
        ("darker.keras", ["--levels", 2], "`--levels` works with RP-GAN models only"),
        ("darker.keras", ["--no-early-stop"], "`--no-early-stop` works with RP-GAN models only"),
        ("nothing", ["--levels", 2], "No model"),
        ("model", ["--levels", 3], "`levels` must be 1 to 2"),
        ("model", ["--protocol", "flow", "--passes", 2], "`--passes` is for restoring images"),
        ("model", ["--protocol", "flow", "--levels", 2], "`--levels` is for restoring images"),
        ("model", ["--self-ensemble"], "`--self-ensemble` works with --model only, and not"),
    ],
)
def test_options_that_mean_nothing_for_the_model(model, options, says, folder, capsys):
    code, found = evaluate(folder, model, *options)
    assert code in (3, 4) and found is None and says in capsys.readouterr().err
