"""Fitting one image: it is fitted, the same seed fits alike, and Ctrl-C keeps what there is."""

import json

import numpy as np
import pytest

from tests.evaluation.makers import write_pairs
from tfdeblur.errors import InvalidInput
from tfdeblur.evaluation.experiments import deep_prior
from tfdeblur.evaluation.experiments.base import run_experiment
from tfdeblur.evaluation.experiments.cases import find_cases
from tfdeblur.evaluation.experiments.deep_prior import DeepPrior


@pytest.fixture
def pairs(tmp_path):
    return write_pairs(tmp_path / "pairs", count=1, height=23, width=18)


class OneLayer:
    """In the place of Bi-Skip, whose gradients take long to trace."""

    size_multiple = 16

    def __new__(cls, variant, width):
        import keras

        return keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 1)])


def fit(pairs, out, **options):
    experiment = DeepPrior(["S"], width=0.1, rate=0.03, every=1, **options)
    return run_experiment(experiment, find_cases(str(pairs)), out)


def check_that_it_fits(pairs, folder, **options):
    report = fit(pairs, folder / "a", steps=12, **options)
    curve = report.summary["curve of S"]
    assert [step for step, _ in curve] == list(range(1, 13))
    assert curve[-1][1] > curve[0][1] + 3
    rows = report.images[0].rows
    assert list(rows) == ["S, 12 steps"] and rows["S, 12 steps"]["psnr_rgb_u8"] == curve[-1][1]
    again = fit(pairs, folder / "b", steps=3, **options)
    np.testing.assert_allclose(again.summary["curve of S"], curve[:3], rtol=1e-4)
    for name in ("deep-prior.json", "deep-prior-curves.png", "panels/photo-0.png"):
        assert (folder / "a" / name).is_file()


def test_the_image_is_fitted_and_the_same_seed_fits_alike(pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(deep_prior, "BiSkip", OneLayer)
    check_that_it_fits(pairs, tmp_path)


@pytest.mark.slow
def test_bi_skip_fits(pairs, tmp_path):
    check_that_it_fits(pairs, tmp_path)


def test_what_the_network_sees(pairs):
    case = next(iter(find_cases(str(pairs))))[1]()
    cut = deep_prior._whole_cells(case)
    assert cut.sharp.shape == cut.blurred.shape == (16, 16, 3)
    noise = DeepPrior(["S"], "noise", seed=1)._input(cut)
    assert noise.shape == cut.sharp.shape and 0.09 < noise.max() < 0.1 and noise.min() >= 0
    np.testing.assert_array_equal(DeepPrior(["S"], "noise", seed=1)._input(cut), noise)
    assert not np.array_equal(DeepPrior(["S"], "noise", seed=2)._input(cut), noise)
    np.testing.assert_array_equal(DeepPrior(["S"], "blurred")._input(cut), cut.blurred)


def test_interruption_keeps_the_curve_so_far(pairs, tmp_path, monkeypatch):
    """Images of `SHOWN` that were reached are in the report, the curve up to the last step."""
    import tensorflow as tf

    case = next(iter(find_cases(str(pairs))))[1]()
    calls = []

    def maker(*arguments):
        def step():
            calls.append(1)
            if len(calls) == 6:
                raise KeyboardInterrupt
            return tf.constant(deep_prior._whole_cells(case).blurred)

        return step

    monkeypatch.setattr(deep_prior, "_step_of", maker)
    monkeypatch.setattr(deep_prior, "SHOWN", (4,))
    with pytest.raises(KeyboardInterrupt):
        fit(pairs, tmp_path / "out", steps=100)
    found = json.loads((tmp_path / "out" / "deep-prior.json").read_text())
    (image,) = found["images"]
    assert list(image["rows"]) == ["S, 4 steps"] and "interrupted" in image["remarks"][0]
    assert [step for step, _ in found["summary"]["curve of S"]] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "options", [{"source": "zeros"}, {"variants": []}, {"variants": ["S", "XS"]}]
)
def test_what_is_refused(options):
    with pytest.raises(InvalidInput, match="`source` must be one of noise, blurred"):
        DeepPrior(**options)


def test_images_too_small_for_the_network_are_named(tmp_path):
    pairs = write_pairs(tmp_path / "pairs", count=1, height=12, width=40)
    report = fit(pairs, tmp_path / "out", steps=1)
    assert "photo-0: images must be at least 16x16 pixels" in report.failures[0].reason
