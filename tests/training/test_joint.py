"""SEN learns with the generator, through the deconvolution."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise, picture
from tests.training.makers import write_pairs
from tests.training.test_run import StopAfter, keep_trainers
from tfdeblur.config import override
from tfdeblur.errors import InvalidInput
from tfdeblur.losses import BiLevelContent, FlowLoss
from tfdeblur.networks import SEN, Discriminator, RPGANGenerator
from tfdeblur.operators import MotionBlur, SampledBlur
from tfdeblur.presets import preset
from tfdeblur.training import run as runs
from tfdeblur.training.build import build_trainer
from tfdeblur.training.joint import JointTrainer
from tfdeblur.training.keep import KeepNetwork
from tfdeblur.training.levels import Levels
from tfdeblur.training.replay import ReplayBuffer
from tfdeblur.training.rp_gan import RPGANTrainer

TRUE = (5.0, 2.0)


def seeing_network(flow=(4.0, 0.0)):
    """A SEN that says about `flow` everywhere, whatever it sees."""
    keras.utils.set_random_seed(1)
    sen = SEN(stacks=1, width=0.03)
    biases = [w for w in sen.trainable_variables if w.shape == (2,) and "bias" in w.path]
    for bias in biases:
        bias.assign(np.divide(flow, len(biases)))
    return sen


@functools.cache
def batch(known=(True, True)):
    """Observed, sharp, and the flow where it is known."""
    sharp = np.stack([picture(64, 64, seed=s) for s in (0, 1)])
    sharp = np.clip(sharp + 0.1 * noise(2, 64, 64, 3), 0, 1)
    flow = np.zeros((2, 64, 64, 2), np.float32) + TRUE
    observed = MotionBlur(flow).apply(sharp)
    given = np.where(np.reshape(known, (2, 1, 1, 1)), flow, np.nan)
    return tuple(tf.constant(part, tf.float32) for part in (observed, sharp, given))


class SampledLevels(Levels):
    """Deconvolves as joint training does."""

    def first(self, observed, flow, known=None, blur=None):
        return super().first(observed, flow, known, SampledBlur(flow))


def trainer_of(kind=JointTrainer, sen_rate=0.0, rate=0.0, flow_weight=0.0, sgd=True):
    """A trainer whose generator begins by adding nothing; no opponent is heard."""
    optimizer = keras.optimizers.SGD if sgd else keras.optimizers.Adam
    ours, more, losses = Levels, {"flow_weight": flow_weight}, {"flow_loss": FlowLoss()}
    if kind is RPGANTrainer:
        ours, more, losses = SampledLevels, {}, {}
    levels = ours(seeing_network(), (0.1,), max_steps=10)
    keras.utils.set_random_seed(2)
    trainer = kind(
        RPGANGenerator(0.06, "none", "residual"),
        Discriminator(0.03),
        None,
        levels,
        ReplayBuffer(2, (1.0,), 2, 1, 0),
        first_steps=100,
        adversarial_weight=0.0,
        **more,
    )
    if losses:
        losses["sen_optimizer"] = optimizer(sen_rate)
    trainer.compile(optimizer(rate), optimizer(0.0), BiLevelContent("l1"), **losses)
    return trainer


def logs(trainer, steps=1, data=None):
    """What steps on the same batch log; not compiled, which here takes longer than it saves."""
    data, found = data or batch(), []
    for _ in range(steps):
        for metric in trainer.metrics:
            metric.reset_state()
        found.append({name: float(value) for name, value in trainer.train_step(data).items()})
    return found


def assert_same(first, second, **tolerances):
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **tolerances)


def test_a_step_of_sen_alone_lowers_the_loss():
    trainer = trainer_of(sen_rate=0.03)
    before = trainer.sen.get_weights()
    first, second = logs(trainer, 2)
    assert second["loss"] < first["loss"] * (1 - 1e-4)
    moved = {True: [], False: []}  # what learns, and the statistics of batch norm
    for weight, old in zip(trainer.sen.weights, before, strict=True):
        moved[weight.trainable].append(not np.array_equal(weight, old))
    assert np.mean(moved[True]) > 0.5 and moved[False] and not any(moved[False])
    # On the buffer it stands still.
    trainer.stage, now = 1, trainer.sen.get_weights()
    observed, sharp, _ = batch()
    assert set(first) - set(trainer.train_step((observed, observed, sharp))) == {"flow"}
    assert all(np.array_equal(a, b) for a, b in zip(now, trainer.sen.get_weights(), strict=True))


def test_without_a_rate_it_is_training_with_a_frozen_sen():
    # RPGANTrainer, given the same blur; what the true flow is makes no difference to either.
    joint = trainer_of(rate=1e-3)
    frozen = trainer_of(RPGANTrainer, rate=1e-3)
    (ours,), (theirs,) = logs(joint), logs(frozen, 1, batch(known=(False, False)))
    assert_same(joint.sen, seeing_network(), rtol=0)
    assert_same(joint.generator, frozen.generator, rtol=1e-4, atol=1e-7)
    assert ours["content"] == pytest.approx(theirs["content"], rel=1e-4)


def test_known_flows_are_learned_where_they_are_known():
    data = batch(known=(True, False))
    trainer = trainer_of(sen_rate=0.03, flow_weight=10.0)
    found = logs(trainer, 2, data)
    flow = trainer._estimate(data[0])
    squares = float(tf.reduce_mean((flow[0] - TRUE) ** 2))
    assert found[0]["flow"] > found[1]["flow"] > squares  # of the first image alone
    by_hand = found[0]["content"] + 10.0 * found[0]["flow"] / 2  # the other adds none
    assert found[0]["loss"] == pytest.approx(by_hand, rel=1e-4)
    (unknown,) = logs(trainer, data=batch(known=(False, False)))
    assert unknown["flow"] == 0 and unknown["loss"] == unknown["content"]
    assert all(np.all(np.isfinite(w)) for w in trainer.sen.get_weights())


def test_a_backup_holds_sen_and_its_moments(tmp_path):
    options = {"sen_rate": 1e-4, "rate": 1e-4, "sgd": False}
    whole = trainer_of(**options)
    (first,) = logs(whole)
    whole.save_weights(tmp_path / "trainer.weights.h5")
    (second,) = logs(whole)
    assert second["loss"] < first["loss"]
    resumed = trainer_of(**options)
    resumed.load_weights(tmp_path / "trainer.weights.h5")
    logs(resumed)
    assert int(resumed.sen_optimizer.iterations) == 2
    for network in ("sen", "generator"):
        assert_same(getattr(resumed, network), getattr(whole, network), rtol=1e-4, atol=1e-6)


def tiny(data, sen, **settings):
    base = {
        "data.train": str(data),
        "data.crop": 64,
        "data.batch": 2,
        "loss.vgg": "none",
        "network.width": 0.06,
        "network.critic_width": 0.06,
        "optimizer.ema": 0.0,
        "optimizer.warmup_steps": 0,
        "rpgan.sen": str(sen),
        "rpgan.joint": True,
        "rpgan.betas": (0.1, 0.1),
        "rpgan.known_betas": (),
        "rpgan.level_shares": (0.5, 0.5),
        "rpgan.max_steps": 5,
        "rpgan.buffer": 2,
        "rpgan.known_flows": 0.0,
        "run.precision": "float32",
        "run.epochs": 2,
        "run.steps_per_epoch": 2,
        "run.panel_every": 0,
    }
    given = {name.replace("__", "."): value for name, value in settings.items()}
    return override(preset("rpgan-small"), {**base, **given})


def test_built_by_the_settings_and_kept_as_two_networks(tmp_path):
    seeing_network().save(tmp_path / "sen.keras")
    settings = {"rpgan__sen_rate": 0.1, "rpgan__flow_weight": 0.5, "loss__flow": "double_angle"}
    trainer = build_trainer(tiny("x", tmp_path / "sen.keras", **settings), 4)
    assert isinstance(trainer, JointTrainer)
    ratio = float(trainer.sen_optimizer.learning_rate) / float(trainer.optimizer.learning_rate)
    assert ratio == pytest.approx(0.1)
    assert (trainer.flow_weight, trainer.flow_loss.kind) == (0.5, "double_angle")
    with pytest.raises(InvalidInput, match=r"`optimizer.ema` must be 0 with rpgan.joint"):
        tiny("x", tmp_path / "sen.keras", optimizer__ema=0.9)
    with pytest.raises(InvalidInput, match=r"`rpgan.flow_weight` must be at least 0"):
        tiny("x", tmp_path / "sen.keras", rpgan__flow_weight=-1)

    trainer.sen.trainable_variables[0].assign_add(tf.ones_like(trainer.sen.trainable_variables[0]))
    before = (tmp_path / "sen.keras").read_bytes()
    for file, beside in (("last.keras", False), ("generator.keras", True)):
        keep = KeepNetwork(tmp_path / file, always=True, beside=beside)
        keep.set_model(trainer)
        keep.on_epoch_end(0, {})
        assert ((tmp_path / "sen.keras").read_bytes() != before) == beside
    assert_same(keras.saving.load_model(tmp_path / "sen.keras"), trainer.sen, rtol=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "generator.json", "generator.keras", "last.json", "last.keras", "sen.keras",
    ]  # fmt: skip


# 2 epochs of 2 steps, the first on level 1: killed while SEN learns, and on the buffer.
@pytest.mark.slow
@pytest.mark.usefixtures("eagerly")
# TensorFlow's remark that datasets are compiled all the same.
@pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning")
def test_resumed_equals_uninterrupted(tmp_path, monkeypatch):
    data = write_pairs(tmp_path / "pairs", height=64)
    seeing_network().save(tmp_path / "sen.keras")
    config = tiny(data, tmp_path / "sen.keras", rpgan__sen_rate=1.0, run__backup_minutes=0.0)
    built = keep_trainers(monkeypatch)
    runs.train(config, tmp_path / "whole", verbose=0)
    (whole,) = built
    assert whole.stage == 1 and int(whole.sen_optimizer.iterations) == 2
    kept = keras.saving.load_model(tmp_path / "whole" / "sen.keras")
    assert_same(kept, whole.sen, rtol=0)
    assert not np.array_equal(kept.get_weights()[0], seeing_network().get_weights()[0])
    callbacks = runs._callbacks
    for stop in (1, 3):
        folder = tmp_path / f"stopped-{stop}"
        with monkeypatch.context() as patch:
            patch.setattr(
                runs,
                "_callbacks",
                lambda *a, **k: [*callbacks(*a, **k), StopAfter(stop)],  # noqa: B023
            )
            with pytest.raises(KeyboardInterrupt):
                runs.train(config, folder, verbose=0)
        runs.train(config, folder, resume=True, verbose=0)
        for network in ("sen", "generator"):
            ours, theirs = getattr(built[-1], network), getattr(whole, network)
            assert_same(ours, theirs, rtol=1e-3, atol=2e-5)
