"""With which settings a run may go on, and what `run.json` tells of those that change."""

import dataclasses
import math
from pathlib import Path
from typing import Any

from tfdeblur.config import TrainConfig, flatten, from_json
from tfdeblur.errors import InvalidInput
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
# May differ on purpose: steps from then on are of another length or number, whose state is kept.
_TOLD = {
    "run.epochs",
    "run.steps_per_epoch",
    "data.crop_late",
    "data.crop_late_from",
    "optimizer.learning_rate",
    "optimizer.schedule",
    "optimizer.constant_part",
    "optimizer.warmup_steps",
    "optimizer.final_factor",
    "optimizer.decay_steps",
    "optimizer.opponent_rate",
    "optimizer.clip_norm",
    "optimizer.weight_decay",
    "sen.further_part",
    "sen.further_rate",
    "sen.further_final_factor",
    "rpgan.first_part",
    "rpgan.sen_rate",
}
_OF_THE_NETWORK = ("model", "network.", "sen.", "rpgan.prior")


def settle_settings(config: TrainConfig, folder: Path, record: dict[str, Any]) -> TrainConfig:
    """The settings that the run in `folder` goes on with.

    What is over stays as it was: epochs of SEN's stacks that have learnt, and of RP-GAN's level 1.

    Args:
        config: the settings given now.
        folder: run folder.
        record: what its `run.json` holds.

    Raises:
        InvalidInput: where it cannot go on so.
    """
    before = from_json(record["config"])
    config = _with_ended(config, before.sen.ended, before.rpgan.first_ended)
    _refuse_other_settings(before, config, folder)
    position = newest_position(folder / "backup")
    begun = position.epoch + bool(position.step)
    if config.run.epochs < begun:
        raise InvalidInput(
            "`run.epochs` counts the epochs of the whole run, with those that are done. Received: "
            f"run.epochs={config.run.epochs}, and {folder} is in epoch {begun}. Give {begun} or "
            "more."
        )
    ended = _ended_stacks(before, config, position) if config.model == "sen" else ()
    first = _ended_first(before, config, position) if config.model == "rpgan" else 0
    return _with_ended(config, ended, first)


def _refuse_other_settings(before: TrainConfig, config: TrainConfig, folder: Path) -> None:
    earlier, now = flatten(before), flatten(config)
    differing = [name for name in now if now[name] != earlier[name]]
    refused = [name for name in differing if name not in _FREE | _TOLD]
    if earlier["optimizer.ema"] and now["optimizer.ema"] and "optimizer.ema" in refused:
        refused.remove("optimizer.ema")  # an average more: no step looks at it
    if not refused:
        return
    listed = ", ".join(f"{name}: {earlier[name]!r} then, {now[name]!r} now" for name in refused)
    other = "or start a new run folder"
    if not any(name.startswith(_OF_THE_NETWORK) for name in refused):
        other += f", which may begin with what this one has learnt: --run NEW --init {folder}"
    raise InvalidInput(
        f"`--resume` must continue with the settings of the run. Differing: {listed}. Leave them "
        f"out (they are read from run.json), {other}. Length and rates may change: --epochs, "
        "--steps-per-epoch, and of --set optimizer.learning_rate, schedule, decay_steps."
    )


def _with_ended(config: TrainConfig, stacks: tuple[int, ...], first: int) -> TrainConfig:
    sen = dataclasses.replace(config.sen, ended=stacks)
    rpgan = dataclasses.replace(config.rpgan, first_ended=first)
    return dataclasses.replace(config, sen=sen, rpgan=rpgan)


def _ended_stacks(before: TrainConfig, config: TrainConfig, position: Position) -> tuple[int, ...]:
    """Epochs of the stacks that have ended, also of one that a shorter run has no more time for."""
    if config.sen.epochs(config.run.epochs) == before.sen.epochs(before.run.epochs):
        return before.sen.ended
    planned = before.sen.epochs(before.run.epochs)
    ended: tuple[int, ...] = ()
    # The last stack never ends: it has the epochs that come.
    while len(ended) < len(planned) - 1 and sum(planned[: len(ended) + 1]) <= position.epoch:
        ended = planned[: len(ended) + 1]
    now = dataclasses.replace(config.sen, ended=ended).epochs(config.run.epochs)
    begun = position.epoch + bool(position.step)
    if len(ended) < len(planned) - 1 and sum(now[: len(ended) + 1]) < begun:
        ended = (*ended, begun - sum(ended))
        dataclasses.replace(config.sen, ended=ended).epochs(config.run.epochs)  # refuses too few
    return ended


def _ended_first(before: TrainConfig, config: TrainConfig, position: Position) -> int:
    """Epochs on level 1 if these are over, or would be by a plan that comes too late; else 0."""
    earlier = before.rpgan.first_epochs(before.run.epochs)
    now = config.rpgan.first_epochs(config.run.epochs)
    if now == earlier:
        return before.rpgan.first_ended
    begun = position.epoch + bool(position.step)
    if earlier <= position.epoch and begun:
        return earlier
    return begun if now < begun else 0


def check_step(position: Position, steps: int) -> None:
    """Raises InvalidInput where the epoch that was stopped has more steps behind it than it has."""
    if position.step > steps:
        raise InvalidInput(
            f"`run.steps_per_epoch` must be at least the {position.step} steps that are done of "
            f"the epoch in which the run was stopped. Received: {steps} steps an epoch."
        )


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What differs between two dicts by name, as `{name: {"from": ..., "to": ...}}`."""
    names = [*after, *(name for name in before if name not in after)]
    return {
        name: {"from": before.get(name), "to": after.get(name)}
        for name in names
        if before.get(name) != after.get(name)
    }


def in_words(entry: dict[str, Any]) -> str:
    """An entry of the history of `run.json` as a line for the log."""
    listed = ", ".join(
        f"{name} {of['from']} -> {of['to']}" for name, of in entry["changed"].items()
    )
    rate = entry["learning_rate"]
    text = f"From step {entry['step']:,} on: {listed}."
    if not math.isclose(rate["from"], rate["to"], rel_tol=1e-6):
        text += f" The learning rate there: {rate['from']:.3g} -> {rate['to']:.3g}."
    return text
