"""Training MAXIM: its loss by hand, a run that resumes, settings that do not go together."""

import csv

import keras
import numpy as np
import pytest

from tests.helpers import EAGERLY
from tests.training.makers import write_pairs
from tests.training.test_run import stop_after
from tfdeblur.config import override
from tfdeblur.errors import InvalidInput
from tfdeblur.losses import MultiScaleLoss
from tfdeblur.networks import Maxim
from tfdeblur.presets import preset
from tfdeblur.training import run as runs

pytestmark = EAGERLY  # its graph of gradients takes minutes to compile


def test_loss_by_hand():
    rng = np.random.default_rng(0)
    sharp, restored = rng.random((2, 2, 4, 6, 3), "float32")
    difference = sharp - restored
    charbonnier = np.sqrt(difference**2 + 1e-6).mean((1, 2, 3))
    coefficients = np.fft.fft2(difference, axes=(1, 2)) / np.sqrt(4 * 6)
    both = np.abs(coefficients.real).mean((1, 2, 3)) + np.abs(coefficients.imag).mean((1, 2, 3))
    loss = MultiScaleLoss(frequency_weight=0.5)
    np.testing.assert_allclose(loss.call(sharp, restored), charbonnier + 0.25 * both, rtol=1e-4)
    assert loss.call(sharp, sharp).numpy() == pytest.approx([1e-3, 1e-3], rel=1e-4)


def test_stages_and_scales_add_up():
    rng = np.random.default_rng(0)
    sharp = [rng.random((2, side, side, 3), "float32") for side in (8, 4)]
    restored = [[rng.random(one.shape, "float32") for one in sharp] for _ in range(2)]
    loss = MultiScaleLoss()
    wanted = sum(
        loss.call(one, given).numpy()
        for stage in restored
        for one, given in zip(sharp, stage, strict=True)
    )
    np.testing.assert_allclose(loss.over_scales(sharp, restored), wanted, rtol=1e-5)


def test_a_weight_below_nothing_is_named():
    with pytest.raises(InvalidInput, match="`frequency_weight` must be at least 0.*-0.1"):
        MultiScaleLoss(-0.1)


def tiny_maxim(pairs, **settings):
    base = {
        "data.train": str(pairs),
        "data.crop": 64,
        "data.batch": 1,
        "network.features": 4,
        "optimizer.warmup_steps": 0,
        "optimizer.learning_rate": 1e-3,
        "run.epochs": 2,
        "run.steps_per_epoch": 2,
        "run.backup_minutes": 0.0,
        "run.panel_every": 0,
    }
    given = {name.replace("__", "."): value for name, value in settings.items()}
    return override(preset("maxim-small"), {**base, **given})


def test_a_run_keeps_the_network(tmp_path):
    pairs = write_pairs(tmp_path / "pairs", count=1, height=64, width=64)
    config = tiny_maxim(pairs, run__epochs=1, run__steps_per_epoch=1, optimizer__accumulate=2)
    runs.train(config, tmp_path / "run", verbose=0)
    kept = keras.saving.load_model(tmp_path / "run" / "generator.keras")
    assert isinstance(kept, Maxim) and kept.features == 4
    (row,) = csv.DictReader((tmp_path / "run" / "history.csv").read_text().splitlines())
    assert float(row["loss"]) > float(row["finest"]) > 0


@pytest.mark.slow
def test_a_stopped_run_goes_on_as_if_undisturbed(tmp_path, monkeypatch):
    pairs = write_pairs(tmp_path / "pairs", count=2, height=64, width=80)
    config = tiny_maxim(pairs)
    runs.train(config, tmp_path / "whole", verbose=0)
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(KeyboardInterrupt):
            runs.train(config, tmp_path / "stopped", verbose=0)
    runs.train(config, tmp_path / "stopped", resume=True, verbose=0)
    kept = [
        keras.saving.load_model(tmp_path / run / "generator.keras") for run in ("whole", "stopped")
    ]
    for whole, resumed in zip(*(network.get_weights() for network in kept), strict=True):
        np.testing.assert_allclose(resumed, whole, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize(
    ("name", "value"), [("data.crop", 80), ("network.stages", 4), ("network.features", 6)]
)
def test_settings_that_do_not_go_with_it(name, value):
    with pytest.raises(InvalidInput, match=f"`{name}` must be .* for MAXIM.*{name}={value}"):
        override(preset("maxim-small"), {name: value})
