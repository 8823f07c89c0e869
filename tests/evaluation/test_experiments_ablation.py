"""Runs side by side: their numbers, and the paired difference to the first."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from tests.evaluation.makers import write_pairs
from tfdeblur.data.opening import open_source
from tfdeblur.errors import InvalidInput
from tfdeblur.evaluation.experiments.ablation import Ablation, TrainedRun
from tfdeblur.evaluation.experiments.base import run_experiment
from tfdeblur.evaluation.experiments.cases import find_cases, source_cases
from tfdeblur.evaluation.experiments.report import ExperimentReport, ImageResult, Reference
from tfdeblur.image.codec import read_image


class Scaling:
    """A restorer that scales its input; counts its calls."""

    def __init__(self, factor, degenerate=False):
        self.factor, self.degenerate, self.calls = np.float32(factor), degenerate, 0

    def __call__(self, image):
        self.calls += 1
        return SimpleNamespace(
            image=self.factor * image, seconds=0.5, degenerate=self.degenerate, remark=""
        )


@pytest.fixture
def pairs(tmp_path):
    return write_pairs(tmp_path / "pairs", count=3)


def test_numbers_and_paired_differences(pairs, tmp_path):
    factors = {"one": 1.0, "nine tenths": 0.9, "four fifths": 0.8}
    restorers = {name: Scaling(factor) for name, factor in factors.items()}
    runs = {
        name: TrainedRun(restorer, {"epochs": 2}, [(1, 20.0), (2, 21.0)])
        for name, restorer in restorers.items()
    }
    published = Reference("a table", {"one": {"psnr_rgb_u8": 28.92}})
    experiment = Ablation(runs, [published], ["say this"], seed=0)
    report = run_experiment(experiment, find_cases(str(pairs)), tmp_path / "out")

    assert report.variants == ["blurred", *factors]
    for image in report.images:
        assert image.rows["one"]["gain_db"] == 0.0
        for name in factors:
            row = image.rows[name]
            gained = row["psnr_rgb_u8"] - image.rows["blurred"]["psnr_rgb_u8"]
            assert row["gain_db"] == pytest.approx(gained) and row["seconds"] == 0.5
    differences = np.subtract(
        report.values("four fifths", "psnr_rgb_u8"), report.values("one", "psnr_rgb_u8")
    )
    found = report.summary["four fifths against one"]
    assert found["dB"] == pytest.approx(differences.mean())
    assert found["standard error"] == pytest.approx(differences.std(ddof=1) / math.sqrt(3))
    assert found["better on"] == "0 of 3" and report.summary["one"] == {"epochs": 2}
    assert [restorer.calls for restorer in restorers.values()] == [4, 4, 4]  # one size: one more

    written = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert written["settings"]["seed"] == 0 and written["notes"] == ["say this"]
    assert written["references"][0]["rows"]["one"]["psnr_rgb_u8"] == 28.92
    assert (tmp_path / "out" / "ablation-curves.png").is_file()


def test_many_runs_take_several_rows_of_a_panel(pairs, tmp_path):
    runs = {f"run {i}": TrainedRun(Scaling(1 - i / 10)) for i in range(6)}
    run_experiment(Ablation(runs), find_cases(str(pairs), limit=1), tmp_path / "six")
    run_experiment(
        Ablation(dict(list(runs.items())[:4])), find_cases(str(pairs), limit=1), tmp_path / "four"
    )
    six, four = (
        read_image(tmp_path / name / "panels" / "photo-0.png").rgb.shape for name in ("six", "four")
    )
    assert six[1] == four[1] and six[0] > 1.9 * four[0]


def test_one_image_has_no_standard_error_and_a_kept_input_is_told(pairs, tmp_path):
    runs = {"a": TrainedRun(Scaling(1.0)), "b": TrainedRun(Scaling(1.0, degenerate=True))}
    report = run_experiment(Ablation(runs), find_cases(str(pairs), limit=1), tmp_path / "out")
    assert report.summary["b against a"] == {"dB": 0.0, "better on": "0 of 1"}
    assert report.images[0].degenerate
    assert not (tmp_path / "out" / "ablation-curves.png").exists()
    with pytest.raises(InvalidInput, match="at least one run"):
        Ablation({})


def test_differences_of_images_that_are_perfect_have_a_mean():
    """What the blurred image held already is restored without any error."""
    report = ExperimentReport("ablation", "", "", "")
    for a, b in ((math.inf, 30.0), (30.0, math.inf)):
        rows = {name: {"psnr_rgb_u8": psnr} for name, psnr in (("a", a), ("b", b))}
        report.images.append(ImageResult("photo", 9, 9, rows, 1.0))
    experiment = Ablation({name: TrainedRun(Scaling(1.0)) for name in "ab"})
    report.summary = experiment.summary(report)
    assert report.to_dict()["summary"] == {"b against a": {"dB": "nan", "better on": "1 of 2"}}


def test_cases_of_an_open_source_are_those_of_its_folder(pairs):
    ours = source_cases(open_source(pairs), limit=2, size=16)
    theirs = find_cases(str(pairs), limit=2, size=16)
    assert ours.names == theirs.names == ["photo-0", "photo-1"]
    for (_, mine), (_, other) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine().blurred, other().blurred)
        np.testing.assert_array_equal(mine().sharp, other().sharp)
    with pytest.raises(InvalidInput, match="`size` must be 0"):
        source_cases(open_source(pairs), size=5)
    for open_them in (
        lambda: source_cases(open_source(pairs), limit=0),
        lambda: find_cases(str(pairs), limit=-1, flows=True),
    ):
        with pytest.raises(InvalidInput, match="`limit` must be at least 1"):
            open_them()
