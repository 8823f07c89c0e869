"""`tfdeblur data check --model`: what a model says of pairs, in the table and in JSON."""

import json

import numpy as np
import pytest

from tests.data.test_check import average, frames, write
from tfdeblur.cli.main import main


def psnr(one, other):
    return 10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2))


def duller(image):
    """What `affine_model` makes of it."""
    return np.round(0.75 * image + 0.125 * 255).astype("uint8")


@pytest.fixture
def pairs(tmp_path):
    """A pair that the model restores, and one that it takes further from its sharp partner."""
    views = frames(7)
    write(tmp_path / "pairs", "gains", average(views), duller(views[3]))
    write(tmp_path / "pairs", "loses", duller(average(views)), views[3])
    return tmp_path / "pairs"


def test_what_a_model_says_stands_in_the_table_and_in_the_file(
    pairs, affine_model, tmp_path, capsys
):
    file = tmp_path / "check.json"
    command = ["data", "check", str(pairs), "--model", str(affine_model), "--json", str(file)]
    assert main(command) == 3
    head, first, second, *rest = capsys.readouterr().out.splitlines()
    assert head.split() == "pair verdict blur, px imbalance gain, dB off reason".split()
    views = frames(7)
    before, sharp = duller(average(views)), views[3]
    loss = psnr(sharp, duller(before)) - psnr(sharp, before)
    assert first.split()[:2] == ["loses", "loses"] and f" {loss:+.2f} " in first
    assert f"restored it is {-loss:.1f} dB further" in first
    assert second.split()[:2] == ["gains", "undecided"]  # a kernel does not change contrast
    assert "1 of 2 pairs are wrong, 1 undecided" in rest[-1]
    assert "how far the sharp picture lies off the restored one" in " ".join(rest)
    written = {pair["name"]: pair for pair in json.loads(file.read_text())["restored"]}
    assert written["loses"]["gain"] == pytest.approx(loss, abs=0.02)
    assert written["gains"]["gain"] > 0 and written["gains"]["verdict"] == ""


def test_without_a_model_nothing_is_said_of_gains(pairs, capsys):
    assert main(["data", "check", str(pairs), "--only", "gains"]) == 0
    assert "gain" not in capsys.readouterr().out.replace("gains", "")


def test_a_model_that_is_not_there_is_named_at_once(pairs, capsys):
    assert main(["data", "check", str(pairs), "--model", "maxin"]) == 3
    assert "maxin" in capsys.readouterr().err
