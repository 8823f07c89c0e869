"""Several seeds: spread, paired tests against SciPy, and the paper's order in words."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from tfdeblur.evaluation.experiments.ablation import Ablation, TrainedRun
from tfdeblur.evaluation.experiments.report import ExperimentReport, ImageResult, Reference
from tfdeblur.evaluation.experiments.seeds import order_in_words, paired, spread, t_test


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 9, 30])
def test_t_test_equals_scipy(count):
    rng = np.random.default_rng(count)
    for shift in (0.0, 0.3, -1.0, 5.0):
        differences = (rng.normal(size=count) + shift).tolist()
        expected = stats.ttest_1samp(differences, 0).pvalue
        assert t_test(differences) == pytest.approx(expected, abs=1e-12, rel=1e-6)


def test_t_test_without_scatter():
    assert t_test([0.0, 0.0]) == 1.0 and t_test([0.5, 0.5, 0.5]) == 0.0


def test_spread_by_hand():
    assert spread([28.0]) == {"mean": 28.0}
    found = spread([28.0, 29.0, 30.0])
    assert found == {"mean": 29.0, "standard deviation": 1.0, "lowest": 28.0, "highest": 30.0}


def test_pairs_are_of_the_same_seed():
    found = paired({0: 28.0, 1: 29.0, 2: 27.0}, {1: 29.5, 0: 28.1, 7: 99.0})
    assert found["dB"] == pytest.approx(0.3) and found["better with"] == "2 of 2 seeds"
    assert found["standard error"] == pytest.approx(0.2)
    assert found["p"] == pytest.approx(stats.ttest_1samp([0.1, 0.5], 0).pvalue)
    assert paired({0: 1.0}, {1: 1.0}) == {} and "p" not in paired({0: 1.0}, {0: 2.0})


PAPER = {"A": 29.0, "B": 28.0, "C": 27.0}


def test_order_that_is_found_again():
    means = {
        "C": {0: 20.0, 1: 20.2, 2: 20.1},
        "A": {0: 22.0, 1: 22.1, 2: 22.3},
        "B": {0: 22.1, 1: 21.9, 2: 22.0},
        "unknown": {0: 5.0},
    }
    text = order_in_words(means, PAPER)
    assert "the paper's order (A > B > C) was reproduced: the means have 3 of 3 pairs" in text
    assert "of 3 pairs with two seeds or more, 2 differ by more than seeds do" in text
    assert text.endswith("2 of them in its order")


def test_order_that_is_not():
    means = {"A": {0: 20.0}, "B": {0: 21.0}, "C": {0: 19.0}}
    text = order_in_words(means, PAPER)
    assert "was not reproduced: the means have 2 of 3 pairs in its order (not: B above A)" in text
    assert "with one training of each, no difference can be told" in text
    assert order_in_words({"A": {0: 20.0}}, PAPER) == ""


def test_a_reversed_difference_is_no_reproduction():
    means = {"A": {0: 20.0, 1: 20.1, 2: 19.9}, "B": {0: 22.0, 1: 22.2, 2: 21.9}}
    text = order_in_words(means, PAPER)
    assert "1 differ by more than seeds do" in text and text.endswith("0 of them in its order")


def test_the_summary_of_an_ablation():
    values = {"A, seed=0": 20.0, "A, seed=1": 21.0, "B, seed=0": 22.0, "B, seed=1": 22.0}
    runs = {name: TrainedRun(SimpleNamespace, kind=name[0], seed=int(name[-1])) for name in values}
    published = Reference("a table", {kind: {"psnr_rgb_u8": PAPER[kind]} for kind in "AB"})
    rows = {name: {"psnr_rgb_u8": v, "ssim_matlab3d": v / 100} for name, v in values.items()}
    report = ExperimentReport("ablation", "", "", "")
    experiment = Ablation(runs, [published])
    report.images.append(ImageResult("a", 8, 8, rows, 0.0))
    found = experiment.summary(report)
    assert found["A, 2 seeds"]["psnr_rgb_u8"]["standard deviation"] == pytest.approx(0.5**0.5)
    assert found["A, 2 seeds"]["ssim_matlab3d"]["mean"] == pytest.approx(0.205)
    against = found["B against A, over seeds"]
    assert against["dB"] == 1.5 and against["better with"] == "2 of 2 seeds"
    assert "(not: B above A)" in found["order"]
