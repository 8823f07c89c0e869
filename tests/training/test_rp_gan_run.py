"""RP-GAN's runs: the buffer and who fills it, the run folder, resuming in both stages."""

import json
import logging
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import EAGERLY
from tests.training.helpers import tiny, with_sgd, write_sen
from tests.training.makers import write_pairs
from tests.training.test_run import StopAfter, keep_trainers
from tfdeblur.config import override
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.networks import SEN
from tfdeblur.training import run as runs
from tfdeblur.training.build import build_trainer
from tfdeblur.training.optimizers import calls_of
from tfdeblur.training.tasks import task_of

pytestmark = EAGERLY


@pytest.fixture(scope="module")
def sen(tmp_path_factory):
    return write_sen(tmp_path_factory.mktemp("sen"))


@pytest.fixture
def compiled():
    tf.config.run_functions_eagerly(False)
    yield
    tf.config.run_functions_eagerly(True)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"), 4, 72, 80)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_samples_come_from_the_frozen_copy(sen, pairs, accumulate):
    """Steps make stages and fillings, however many of them are one update."""
    options = {"network__head_initializer": "glorot_uniform", "optimizer__accumulate": accumulate}
    config = tiny(sen, pairs, **options)
    trainer = build_trainer(config, 6)
    task_of(config).attach(config, runs.open_data(config).train, trainer)
    trainer.stage = 1
    calls_of(trainer.optimizer).assign(3)
    iterator = trainer.batches(None)
    assert int(trainer.cycle) == 0 and trainer.replay.cycle == 0
    np.testing.assert_array_equal(
        trainer.frozen.get_weights()[0], trainer.generator.get_weights()[0]
    )
    before = trainer.replay._samples.deconvolved.copy()
    next(iterator)

    trainer.generator.set_weights([2 * w for w in trainer.generator.get_weights()])
    calls_of(trainer.optimizer).assign(4)  # the same filling
    assert trainer.batches(None) is iterator
    trainer.replay.cycle = None  # as after a restart: made again, by the same copy
    trainer.batches(None)
    np.testing.assert_array_equal(trainer.replay._samples.deconvolved, before)

    calls_of(trainer.optimizer).assign(5)  # the next filling, by the generator of now
    trainer.batches(None)
    assert int(trainer.cycle) == 1
    second = trainer.replay._samples.deconvolved.copy()
    levels = trainer.replay.levels
    trainer.cycle.assign(1)
    trainer.replay.cycle = None
    trainer.frozen.set_weights([0 * w for w in trainer.frozen.get_weights()])
    trainer.batches(None)
    again = trainer.replay._samples.deconvolved
    np.testing.assert_array_equal(again[levels == 1], second[levels == 1])
    assert np.abs(again[levels == 2] - second[levels == 2]).max() > 1e-2


def test_an_interrupt_ends_the_filling(sen, pairs):
    config = tiny(sen, pairs)
    trainer = build_trainer(config, 6)
    task_of(config).attach(config, runs.open_data(config).train, trainer)
    trainer.stage, trainer.interrupt = 1, threading.Event()
    calls_of(trainer.optimizer).assign(3)
    assert trainer.wants_backup  # so nothing is lost
    trainer.interrupt.set()
    with pytest.raises(KeyboardInterrupt):
        trainer.batches(None)
    assert trainer.replay.cycle is None


@pytest.fixture(scope="module")
def whole(sen, pairs, tmp_path_factory):
    """An uninterrupted run: 3 steps on level 1, 3 on two fillings of the buffer."""
    folder = tmp_path_factory.mktemp("whole")
    config = tiny(
        sen, pairs, data__validation_only=("003",), data__train_exclude=("003",),
        run__panel_every=2, run__validate_every=2,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        built = keep_trainers(patch)
        runs.train(config, folder, verbose=0)
    return config, built[0], folder


# Killed on level 1; at the change; inside a filling, before the next one.
@pytest.mark.parametrize("stop", [pytest.param(2, marks=pytest.mark.slow), 3, 4])
def test_resumed_equals_uninterrupted(whole, tmp_path, monkeypatch, stop):
    resume(whole, tmp_path, monkeypatch, stop)


@pytest.mark.slow
def test_compiled_steps_are_the_same(sen, pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "build_trainer", with_sgd(runs.build_trainer))
    built = keep_trainers(monkeypatch)
    config = tiny(
        sen, pairs, data__validation_only=("003",), data__train_exclude=("003",),
        loss__pixel_weight=1.0, loss__adversarial_weight=1.0, loss__artifact_weight=1.0,
    )  # fmt: skip
    at_first = build_trainer(config, 6)
    for eagerly in (True, False):
        tf.config.run_functions_eagerly(eagerly)
        runs.train(config, tmp_path / str(eagerly), verbose=0)
    tf.config.run_functions_eagerly(True)
    eager, compiled = built
    for part in ("generator", "discriminator", "artifact_critic"):
        start, one, two = (getattr(t, part).get_weights() for t in (at_first, eager, compiled))
        moved = furthest(one, start)
        assert moved > 1e-4, part
        assert furthest(two, one) < 0.01 * moved, part


def furthest(ours, theirs):
    return max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True))


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
def test_a_compiled_run_resumes_exactly(sen, pairs, tmp_path, monkeypatch):
    config = tiny(sen, pairs, data__validation_only=("003",), data__train_exclude=("003",))
    built = keep_trainers(monkeypatch)
    runs.train(config, tmp_path / "whole", verbose=0)
    resume((config, built[0], None), tmp_path / "resumed", monkeypatch, stop=4)


def resume(whole, tmp_path, monkeypatch, stop):
    """Kills a run and resumes it: the same weights and optimizers as without."""
    config, expected, _ = whole
    quiet = {"data.validation_only": (), "run.panel_every": 0, "run.backup_minutes": 0.0}
    quiet["rpgan.fill_beside"] = stop == 4  # changes nothing
    config = override(config, quiet)
    built = keep_trainers(monkeypatch)
    callbacks = runs._callbacks
    with monkeypatch.context() as patch:
        patch.setattr(runs, "_callbacks", lambda *a, **k: [*callbacks(*a, **k), StopAfter(stop)])
        with pytest.raises(KeyboardInterrupt):
            runs.train(config, tmp_path, verbose=0)
    runs.train(override(config, {"rpgan.sen": ""}), tmp_path, resume=True, verbose=0)
    resumed = built[-1]
    assert int(resumed.optimizer.iterations) == 6 and int(resumed.cycle) == 1

    def states(trainer):
        players = trainer.optimizer, trainer.discriminator_optimizer, trainer.critic_optimizer
        return [trainer, *players]

    for a, b in zip(states(resumed), states(expected), strict=True):
        for x, y in zip(a.variables, b.variables, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-3, atol=2e-5, err_msg=x.path)


def test_run_folder_is_whole_by_itself(whole, sen):
    config, trainer, folder = whole
    assert (folder / "sen.keras").read_bytes() == sen.read_bytes()
    settings = json.loads((folder / "pipeline.json").read_text())
    assert settings["betas"] == [0.1, 0.2] and settings["known_betas"] == [0.05, 0.1]
    assert settings["max_steps"] == 5
    kept = keras.saving.load_model(folder / "generator.keras")
    for ours, theirs in zip(kept.get_weights(), trainer.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    facts = json.loads((folder / "generator.json").read_text())
    image = next(iter(task_of(config).images(config, runs.open_data(config).validation)))
    for name, value in trainer.frame_metrics(image).items():
        assert facts[f"val_{name}"] == pytest.approx(float(value[0]), abs=1e-3)
    assert (folder / "panels" / "epoch-0002.png").is_file()
    # Backups hold no SEN, which never changes.
    (weights,) = {p.stat().st_size for p in (folder / "backup").glob("*/*.h5")}
    assert weights < 3e6


def test_another_sen_is_refused(whole, tmp_path):
    config, _, folder = whole
    SEN(stacks=1, width=0.02).save(tmp_path / "sen.keras")
    other = override(config, {"rpgan.sen": str(tmp_path)})
    with pytest.raises(InvalidInput, match="must be the SEN that the run began with"):
        runs.train(other, folder, resume=True)


def test_a_fine_tuning_begins_with_trained_weights(whole, tmp_path, caplog):
    config, trainer, folder = whole
    settings = {"run.init": str(folder), "optimizer.learning_rate": 1e-12, "run.epochs": 1}
    quiet = {"data.validation_only": (), "run.panel_every": 0, "run.steps_per_epoch": 1}
    with caplog.at_level(logging.INFO, "tfdeblur"):
        runs.train(override(config, {**settings, **quiet}), tmp_path, verbose=0)
    assert "Beginning with the weights of" in caplog.text
    begun = keras.saving.load_model(tmp_path / "generator.keras").get_weights()
    for ours, theirs in zip(begun, trainer.generator.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"rpgan.sen": ""}, InvalidInput, "`--sen` must name a trained SEN"),
        ({"rpgan.sen": "nowhere"}, DataError, "There is no nowhere"),
        (
            {"loss.vgg": "none", "loss.feature_weight": 1.0, "loss.pixel_weight": 0.0},
            InvalidInput,
            "`--vgg none` leaves nothing to compare",
        ),
        ({"run.init": "nowhere"}, DataError, "`run.init` must be a run folder"),
    ],
)
def test_what_is_missing_is_named(sen, pairs, tmp_path, settings, error, message):
    with pytest.raises(error, match=message):
        runs.train(override(tiny(sen, pairs), settings), tmp_path)
    assert list(tmp_path.iterdir()) == []  # so the corrected command is taken
