"""A small RP-GAN: its SEN, settings that train in seconds, and a batch of its buffer."""

import keras
import numpy as np

from tests.helpers import noise
from tfdeblur.config import override
from tfdeblur.networks import SEN
from tfdeblur.presets import preset


def write_sen(folder):
    """A SEN that knows nothing but sees motions of some pixels; its file."""
    keras.utils.set_random_seed(1)
    network = SEN(stacks=1, width=0.02, norm="none")
    head = network.estimators[0].get_layer("flow_shortcut")
    head.bias.assign([3.0, -2.0])
    network.save(folder / "sen.keras")
    return folder / "sen.keras"


def tiny(sen, data="x", **settings):
    base = {
        "data.train": str(data),
        "data.crop": 64,
        "data.batch": 2,
        "network.width": 0.03,
        "network.critic_width": 0.03,
        "loss.feature_weight": 0.0,
        "optimizer.learning_rate": 1e-3,
        "optimizer.warmup_steps": 0,
        "optimizer.ema": 0.0,
        "rpgan.sen": str(sen),
        "rpgan.betas": "0.1,0.2",
        "rpgan.known_betas": "0.05,0.1",
        "rpgan.level_shares": "0.5,0.5",
        "rpgan.buffer": 4,
        "rpgan.buffer_passes": 1,
        "rpgan.max_steps": 5,
        "run.precision": "float32",
        "run.epochs": 2,
        "run.steps_per_epoch": 3,
        "run.panel_every": 0,
    }
    given = {name.replace("__", "."): value for name, value in settings.items()}
    return override(preset("rpgan-small"), {**base, **given})


def batch(seed=0):
    """Level 1 of a replay buffer."""
    sharp = np.clip(0.5 + 0.2 * noise(2, 64, 64, 3, seed=seed), 0, 1)
    return sharp + 0.05 * noise(2, 64, 64, 3, seed=seed + 1), np.roll(sharp, 1, 2), sharp


def with_sgd(build):
    """`build_trainer`, but every player takes plain steps along its gradient.

    Adam makes whole steps of gradients that are zero but for rounding, in either direction, so
    that two ways of computing the same part within a few steps.
    """

    def build_with_sgd(config, steps, strategy):
        trainer = build(config, steps, strategy)
        options = {}
        if config.rpgan.joint:
            options = {"sen_optimizer": _sgd(), "flow_loss": trainer.flow_loss}
        with strategy.scope():
            trainer.compile(_sgd(), _sgd(), trainer.content_loss, _sgd(), **options)
        return trainer

    return build_with_sgd


def _sgd():
    return keras.optimizers.SGD(1e-2)
