"""Settings of presets that are meant for hours, where a run of minutes is asked for."""

import sys
from collections.abc import Collection

from tfdeblur.config import TrainConfig, override

_WARM = 5  # a fifth of a run at most, in which the rate only rises
_POINTS = 4  # validations, at the least, so that there is a curve


def suited(config: TrainConfig, given: Collection[str]) -> TrainConfig:
    """The settings, with what does not fit a run this short made to fit, and told.

    Args:
        config: of a run that is to begin.
        given: settings that were asked for, by dotted name: they stay.
    """
    epochs, steps = config.run.epochs, config.run.epochs * config.run.steps_per_epoch
    wanted = {
        "optimizer.warmup_steps": min(config.optimizer.warmup_steps, steps // _WARM),
        "run.validate_every": min(config.run.validate_every, max(1, epochs // _POINTS)),
    }
    if not steps:  # an epoch is as long as the data
        del wanted["optimizer.warmup_steps"]
    here = {name: value for name, value in wanted.items() if name not in given}
    fitted = override(config, here)
    for name, why in (
        ("optimizer.warmup_steps", "the rate would rise to the run's end"),
        ("run.validate_every", "validation would say too little of the way there"),
    ):
        section, _, key = name.partition(".")
        before, now = (getattr(getattr(one, section), key) for one in (config, fitted))
        if before != now:
            print(
                f"A short run: --set {name}={now} in place of {before}, as {why}", file=sys.stderr
            )
    return fitted
