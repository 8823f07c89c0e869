"""Whether a run may go on with the settings that are given now."""

from pathlib import Path

from tfdeblur.config import TrainConfig, flatten, from_json
from tfdeblur.errors import InvalidInput
from tfdeblur.losses import parse_scheme
from tfdeblur.training.backup import Position, newest_position

# May differ between a run and its continuation: they do not change what a step computes.
_FREE = {
    "run.validate_every",
    "run.panel_every",
    "run.backup_minutes",
    "data.cache_mb",
    "data.validation_limit",
    "data.train",
    "data.validation",
    "data.blur_photos",
    "loss.vgg",
    "rpgan.fill_beside",
    "rpgan.sen",
    "run.init",
}
# May differ as long as no step that is done would have been another one.
_OF_THE_END = {"run.epochs", "optimizer.decay_steps"}


def check_settings(config: TrainConfig, folder: Path, record: dict) -> None:
    """Raises InvalidInput where the run in `folder` cannot go on with `config`.

    Args:
        config: the settings given now.
        folder: run folder.
        record: what its `run.json` holds.
    """
    before = from_json(record["config"])
    earlier, now = flatten(before), flatten(config)
    differing = {name for name in now if now[name] != earlier[name]} - _FREE
    if earlier["optimizer.ema"] and now["optimizer.ema"]:
        differing.discard("optimizer.ema")  # an average more: no step looks at it
    if differing and differing <= _OF_THE_END and _may_end_elsewhere(config):
        done = _steps(newest_position(folder / "backup"), record)
        for settings in (before, config):
            _check_end(settings, done, record)
        return
    if differing:
        listed = ", ".join(
            f"{name}: {earlier[name]!r} then, {now[name]!r} now"
            for name in now
            if name in differing
        )
        raise InvalidInput(
            f"`--resume` must continue with the settings of the run. Differing: {listed}. "
            "Leave them out (they are read from run.json), or start a new run folder."
        )


def _may_end_elsewhere(config: TrainConfig) -> bool:
    """Whether steps before the fall of the rate know nothing of when the run ends."""
    if config.optimizer.schedule != "constant":
        return False
    if config.model == "biskip":
        return not parse_scheme(config.loss.scheme).self_paced
    return config.model == "maxim"


def _check_end(config: TrainConfig, done: int, record: dict) -> None:
    decay = config.optimizer.decay_steps
    begin = config.run.epochs * record["steps_per_epoch"] - decay
    if done > begin and (decay or config.run.epochs != record["config"]["run"]["epochs"]):
        raise InvalidInput(
            "`run.epochs` and `optimizer.decay_steps` must leave what is done as it is: with "
            f"run.epochs={config.run.epochs} and optimizer.decay_steps={decay} the rate falls "
            f"from step {begin:,} on. Received: a run of {done:,} steps."
        )


def _steps(position: Position, record: dict) -> int:
    return position.epoch * record["steps_per_epoch"] + position.step
