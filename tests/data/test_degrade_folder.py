"""Copies of pairs with damaged blurred halves: what is written, that it resumes, and refusals."""

import json

import cv2
import numpy as np
import pytest

from tests.data.makers import write, write_pairs
from tests.helpers import picture
from tfdeblur.cli.main import main
from tfdeblur.data import find_pairs
from tfdeblur.data.degrade_folder import Degrading, degrade_folder
from tfdeblur.errors import InvalidInput


@pytest.fixture
def pairs(tmp_path):
    for i in range(3):
        for role in ("blur", "sharp"):
            pixels = np.uint8(255 * picture(41, 50, seed=2 * i + (role == "sharp")))
            write(tmp_path / "pairs" / role / f"p{i}.png", pixels)
    return tmp_path / "pairs"


def load(path):
    return cv2.imread(str(path))[..., ::-1]


def degrade(pairs, out, *options):
    return main(["data", "degrade", str(pairs), "--out", str(out), *options])


def test_noise_on_the_blurred_half_alone(pairs, tmp_path, capsys):
    assert degrade(pairs, tmp_path / "out", "--noise", "0.05") == 0
    assert capsys.readouterr().err.splitlines()[-1] == "3 pairs: 3 made."
    patterns = []
    for i in range(3):
        np.testing.assert_array_equal(
            load(tmp_path / "out" / "sharp" / f"p{i}.png"), load(pairs / "sharp" / f"p{i}.png")
        )
        before = load(pairs / "blur" / f"p{i}.png").astype(float)
        change = load(tmp_path / "out" / "blur" / f"p{i}.png") - before
        inner = change[(before > 60) & (before < 195)]  # not clipped
        assert np.std(inner / 255) == pytest.approx(0.05, rel=0.1)
        patterns.append(change)
    assert np.abs(patterns[0] - patterns[1]).mean() > 5  # each pair has its own


def test_half_then_jpeg(pairs, tmp_path):
    assert degrade(pairs, tmp_path / "half", "--half") == 0
    assert degrade(pairs, tmp_path / "jpeg", "--half", "--jpeg", "30") == 0
    for role in ("blur", "sharp"):
        whole = load(pairs / role / "p1.png")[:40].astype(float)
        mean = whole.reshape(20, 2, 25, 2, 3).mean(axis=(1, 3))
        assert np.abs(load(tmp_path / "half" / role / "p1.png") - mean).max() <= 0.5
    half = load(tmp_path / "half" / "blur" / "p1.png")
    encoded = cv2.imencode(".jpg", half[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    wanted = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(load(tmp_path / "jpeg" / "blur" / "p1.png"), wanted)
    assert (wanted != half).any()


def test_stopped_it_goes_on_and_ends_the_same(pairs, tmp_path, capsys):
    found, degrading = find_pairs(pairs), Degrading(noise=0.02, jpeg=75)
    assert next(degrade_folder(found, tmp_path / "parts", degrading)).status == "done"
    options = ["--noise", "0.02", "--jpeg", "75"]
    assert degrade(pairs, tmp_path / "parts", *options) == 0
    assert "3 pairs: 2 made, 1 done before." in capsys.readouterr().err
    assert degrade(pairs, tmp_path / "whole", *options) == 0
    for one in sorted((tmp_path / "whole").rglob("*.png")):
        other = tmp_path / "parts" / one.relative_to(tmp_path / "whole")
        assert one.read_bytes() == other.read_bytes()
    settings = json.loads((tmp_path / "whole" / "degrading.json").read_text())["settings"]
    assert settings["noise"] == 0.02 and settings["jpeg"] == 75 and settings["half"] is False


def test_other_settings_and_foreign_folders_are_refused(pairs, tmp_path):
    assert degrade(pairs, tmp_path / "out", "--noise", "0.02") == 0
    assert degrade(pairs, tmp_path / "out", "--noise", "0.03") == 3
    with pytest.raises(InvalidInput, match="noise was 0.02 and is 0.03 now"):
        list(degrade_folder(find_pairs(pairs), tmp_path / "out", Degrading(noise=0.03)))
    write_pairs(pairs, ["p0"])
    with pytest.raises(InvalidInput, match="are new, gone or changed: p0"):
        list(
            degrade_folder(find_pairs(pairs, check=False), tmp_path / "out", Degrading(noise=0.02))
        )
    before = (pairs / "blur" / "p1.png").read_bytes()
    assert degrade(pairs, pairs, "--noise", "0.02", "--only", "p1") == 3
    assert (pairs / "blur" / "p1.png").read_bytes() == before
    assert not (pairs / "degrading.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "There is nothing to do to the pairs"),
        (["--jpeg", "0"], "`jpeg_quality` must be a whole number 1 to 100"),
        (["--noise", "-1"], "`noise` must be at least 0"),
        (["--noise", "20"], "units of the range [0, 1], not in levels of 255"),
        (["--noise", "1"], "at most 0.5"),
        (["--noise", "nan"], "Received: noise=nan"),
        (["--half", "--seed", "-1"], "`seed` must be at least 0. Received: seed=-1"),
    ],
)
def test_bad_options_are_named(pairs, tmp_path, options, message, capsys):
    assert degrade(pairs, tmp_path / "out", *options) == 3
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_pair_too_small_is_named_and_the_rest_is_done(pairs, tmp_path, capsys):
    for role in ("blur", "sharp"):
        write(pairs / role / "p9.png", np.zeros((1, 5, 3), np.uint8))
    assert degrade(pairs, tmp_path / "out", "--half") == 3
    err = capsys.readouterr().err
    assert "p9 must have at least 2 x 2 pixels" in err and "3 made, 1 failed" in err


def test_pairs_by_patterns(pairs, tmp_path):
    (pairs / "blur").rename(pairs / "moving")
    patterns = ["--pairs", "moving/*.png", "sharp/*.png"]
    assert degrade(pairs, tmp_path / "out", "--jpeg", "50", *patterns) == 0
    assert len(find_pairs(tmp_path / "out")) == 3
