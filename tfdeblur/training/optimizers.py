"""Optimizers and schedules from a configuration (keras only).

Schedules follow what the optimizer has counted, which is saved: they resume by themselves, and with
two optimizers each follows its own.
"""

import keras
from keras import ops

from tfdeblur.training.muon import Muon

# Layers whose outputs are images, flows or scores, in all networks: Muon leaves them to AdamW.
HEADS = (
    *("head", "restored_c", "restored_shortcut", "stage*_output*"),
    *("flow_c", "flow_shortcut", "patch_scores", "*depthwise*"),
)


@keras.saving.register_keras_serializable("tfdeblur")
class WarmupThenDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear rise from 0, a constant part, then a linear or half-cosine fall.

    Args:
        peak: float > 0, highest rate.
        total_steps: int >= 1, steps of the whole run; the rate stays at its end value after them.
        shape: "linear", "cosine" or "constant".
        constant_part: float in [0, 1], share of the steps that pass before a linear fall starts.
        warmup_steps: int >= 0, steps of the rise.
        final_factor: float >= 0, last rate as a share of `peak`.
        decay_steps: int >= 0, of "constant": the last so many steps fall linearly. What comes
            before does not depend on `total_steps`, so a run may end later than was planned.

    Raises:
        ValueError: if `shape` is none of the three, `total_steps` is below 1 or `decay_steps`
            below 0.

    Source: Bi-Skip, section 5: constant 1e-4, then "linearly decays to zero after half of the
        epoch"; the cosine is Loshchilov and Hutter's, arXiv:1608.03983, without restarts.
    """

    def __init__(
        self,
        peak,
        total_steps,
        shape="linear",
        constant_part=0.5,
        warmup_steps=0,
        final_factor=0.0,
        decay_steps=0,
    ):
        if shape not in ("linear", "cosine", "constant"):
            raise ValueError(
                f"`shape` must be 'linear', 'cosine' or 'constant'. Received: shape={shape!r}"
            )
        if total_steps < 1:
            raise ValueError(f"`total_steps` must be at least 1. Received: {total_steps}")
        if decay_steps < 0:
            raise ValueError(f"`decay_steps` must be at least 0. Received: {decay_steps}")
        self.peak = peak
        self.total_steps = total_steps
        self.shape = shape
        self.constant_part = constant_part
        self.warmup_steps = warmup_steps
        self.final_factor = final_factor
        self.decay_steps = decay_steps

    def __call__(self, step):
        """Rate at `step`, float32 scalar."""
        step = ops.cast(step, "float32")
        # step + 1: the first update of a warm-up should move something.
        rise = ops.minimum(1.0, (step + 1.0) / max(self.warmup_steps, 1))
        if self.shape == "constant" and not self.decay_steps:
            return self.peak * rise
        start = max(self._start(), self.warmup_steps)
        done = ops.clip((step - start) / max(self.total_steps - start, 1), 0.0, 1.0)
        left = 0.5 * (1.0 + ops.cos(3.14159265 * done)) if self.shape == "cosine" else 1.0 - done
        return self.peak * rise * (self.final_factor + (1.0 - self.final_factor) * left)

    def _start(self):
        """Step at which the fall begins."""
        if self.shape == "constant":
            return self.total_steps - self.decay_steps
        return self.constant_part * self.total_steps if self.shape == "linear" else 0

    def get_config(self):
        """Constructor arguments."""
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "shape": self.shape,
            "constant_part": self.constant_part,
            "warmup_steps": self.warmup_steps,
            "final_factor": self.final_factor,
            "decay_steps": self.decay_steps,
        }


def build_optimizer(config, total_steps, critic=False, updates_per_step=1):
    """The optimizer of one player.

    Args:
        config: `OptimizerConfig`.
        total_steps: int, training steps of the whole run.
        critic: whether it is the critic's: its own rate, no EMA, and Adam(0, 0.9) as WGAN-GP
            was published with (Gulrajani et al., 2017, algorithm 1), never Muon; momentum follows
            a moving target badly.
        updates_per_step: int, updates this player makes per training step.

    Returns:
        `keras.optimizers.Optimizer`, not yet built.
    """

    arguments = {
        "learning_rate": schedule_of(config, total_steps, critic, updates_per_step),
        "beta_1": 0.0 if critic else config.beta_1,
        "beta_2": 0.9 if critic else config.beta_2,
        "epsilon": config.epsilon,
        "global_clipnorm": config.clip_norm or None,
    }
    if config.accumulate > 1:
        arguments["gradient_accumulation_steps"] = config.accumulate
    if config.ema and not critic:
        # Keras moves the average at every step, also those that only gather gradients
        # (findings/keras_accumulation_averages_at_every_step.sh): so many make one update's share.
        arguments.update(use_ema=True, ema_momentum=config.ema ** (1 / config.accumulate))
    if config.name == "adam":
        return keras.optimizers.Adam(**arguments)
    arguments["weight_decay"] = config.weight_decay
    if config.name == "muon" and not critic:
        return Muon(adamw_layers=HEADS, **arguments)
    return keras.optimizers.AdamW(**arguments)


def schedule_of(config, total_steps, critic=False, updates_per_step=1):
    """The `WarmupThenDecay` of one player; arguments as of `build_optimizer`.

    It counts the optimizer's calls, also those that only gather gradients: what Keras shows to
    schedules is not `iterations` (findings/keras_accumulation_schedules_count_calls.sh).
    """
    return WarmupThenDecay(
        config.learning_rate * (config.opponent_rate if critic else 1.0),
        max(1, total_steps * updates_per_step),
        config.schedule,
        config.constant_part,
        config.warmup_steps * updates_per_step * config.accumulate,
        config.final_factor,
        config.decay_steps * updates_per_step,
    )


def calls_of(optimizer):
    """The variable that counts the calls of an optimizer, also those that only gather gradients.

    `iterations` counts updates where gradients are accumulated, and is no variable there.
    """
    return optimizer.variables[0]
