"""What `run.json` tells of a run: how it began, and what changed when it went on."""

import logging
import platform
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import tfdeblur
from tfdeblur.config import TrainConfig, flatten, from_json, to_json
from tfdeblur.errors import DataError
from tfdeblur.training.backup import Position
from tfdeblur.training.build import rate_at
from tfdeblur.training.plan import Plan
from tfdeblur.training.resume import changes, in_words
from tfdeblur.training.sources import Data
from tfdeblur.training.tasks import task_of

logger = logging.getLogger(__name__)


def check_same_data(record: dict[str, Any], data: Data, new_data: bool) -> None:
    """Raises DataError where other pairs than before would be trained on, unless that is meant."""
    earlier = record.get("data", {}).get("train_fingerprint")
    if earlier and earlier != data.train.fingerprint and not new_data:
        raise DataError(
            "`--data` must hold the pairs that the run was started with: their contents have "
            f"changed. Received: {data.train.describe()}, fingerprint {data.train.fingerprint}, "
            f"{earlier} then. Go on with these all the same by --new-data, or start a new run "
            "folder for new data."
        )
    _check_validation(record, data, new_data)


def _check_validation(record: dict[str, Any], data: Data, new_data: bool) -> None:
    """Raises DataError where a run that validated would do so no more, unless that is meant.

    As with `--data pairs/train` in the place of `--data pairs/`, which has a test split beside.
    """
    earlier = record.get("data", {}).get("validation_names")
    if not earlier or data.validation is not None:
        return
    if not new_data:
        begun = from_json(record["config"]).data
        raise DataError(
            f"`--data` must leave pairs to validate on: the run was started with {len(earlier)}, "
            f"and now there are none. Received: {data.train.describe()}. Leave --data out (it was "
            f"{begun.train}), or give --val; to go on without validation, which keeps the newest "
            "network and not the best, give --new-data."
        )
    logger.warning(
        "No validation any more: the %d pairs that the run validated on are not part of --data. "
        "From now on the newest network is kept, and not the best. --val names other pairs.",
        len(earlier),
    )


def new_record(config, data, trainer, strategy, plan) -> dict[str, Any]:
    """The record of a run that begins."""
    return {
        "tfdeblur": tfdeblur.__version__,
        "started": now(),
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
        "machine": {
            "system": platform.platform(),
            "replicas": strategy.num_replicas_in_sync,
            "gpus": len(tf.config.list_physical_devices("GPU")),
        },
        "data": _of_data(config, data),
        "parameters": int(trainer.network.count_params()),
        **_of_length(config, plan),
        "seed": config.run.seed,
        "config": to_json(config),
    }


def continued_record(
    record: dict[str, Any], config: TrainConfig, data: Data, plan: Plan, position: Position
) -> dict[str, Any]:
    """The record of a run that goes on, with what changes from here on added to its history.

    Args:
        record: as it was read.
        config, data, plan: of now.
        position: where it goes on.
    """
    before, earlier = from_json(record["config"]), Plan.of_record(record)
    of_data = changes(
        {f"data.{name}": record["data"].get(name) for name in _fingerprints(data)},
        {f"data.{name}": value for name, value in _fingerprints(data).items()},
    )
    changed = {
        **changes(flatten(before), flatten(config)),
        **changes(_pace(earlier, position), _pace(plan, position)),
        **of_data,
    }
    record = {**record, "config": to_json(config), **_of_length(config, plan)}
    if of_data:
        record["data"] = _of_data(config, data)
    if not changed:
        return record
    entry = {
        "when": now(),
        "epoch": position.epoch,
        "step": plan.done(position),
        "changed": changed,
        "learning_rate": {
            "from": rate_at(before, earlier, position),
            "to": rate_at(config, plan, position),
        },
    }
    logger.info("%s", in_words(entry))
    return {**record, "history": [*record.get("history", []), entry]}


def now() -> str:
    """The time of the clock on the wall, as the record has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _pace(plan: Plan, position: Position) -> dict[str, int]:
    return {"steps_per_epoch": plan.between(position.epoch, position.epoch + 1)}


def _fingerprints(data: Data) -> dict[str, str | None]:
    validation = data.validation
    return {
        "train_fingerprint": data.train.fingerprint,
        "validation_fingerprint": validation.fingerprint if validation else None,
    }


def _of_length(config: TrainConfig, plan: Plan) -> dict[str, Any]:
    paces = [list(pace) for pace in plan.paces]
    return {
        "steps_per_epoch": plan.paces[-1][1],
        "paces": paces,
        "crop_late_step": plan.late(config),
    }


def _of_data(config: TrainConfig, data: Data) -> dict[str, Any]:
    validation = data.validation
    return {
        "train": data.train.describe(),
        **_fingerprints(data),
        "train_names": list(data.train.names),
        "validation": validation.describe() if validation else None,
        "validation_names": list(validation.names) if validation else [],
        **task_of(config).facts(config, data),
    }
