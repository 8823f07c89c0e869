"""What a run must know of what it trains: a task, and what tasks share."""

from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from tfdeblur.config import TrainConfig
from tfdeblur.data import Augment
from tfdeblur.training import callbacks as own
from tfdeblur.training.sources import Data

PANEL_IMAGES = 4
_PANEL_SIDE = 256


class Task(Protocol):
    """The trainer itself comes from `build.build_trainer`, its data from `sources.open_data`.

    Attributes:
        file: name of the kept network in the run folder.
        measures: what `frame_metrics` of the trainer gives.
    """

    file: str
    measures: tuple[str, ...]

    def best(self, config: TrainConfig) -> tuple[str, bool]:
        """The measure by which the best network is told, and whether it is the lowest one."""

    def title(self, config: TrainConfig) -> str:
        """A name for logs. Raises InvalidInput if the settings do not go together."""

    def settle(self, config: TrainConfig, folder: Path, begun: bool) -> TrainConfig:
        """Puts into the run folder what must lie there; returns the settings that point to it.

        Args:
            config: the settings of the run.
            folder: run folder, which exists.
            begun: whether it holds the run already.

        Raises:
            DataError: if something cannot be had.
            InvalidInput: if it is not what the run began with.
        """

    def attach(self, config: TrainConfig, source: Any, trainer: Any) -> None:
        """Gives the trainer what else it needs of the training data."""

    def batches(self, config: TrainConfig, source: Any, start: int, late: int) -> tf.data.Dataset:
        """What `train_step` takes, endlessly, from sample `start` on.

        Args:
            config: the settings of the run.
            source: the training data.
            start: number of the first sample.
            late: number of the sample from which crops are of `data.crop_late`, where they are.
        """

    def images(self, config: TrainConfig, source: Any) -> tf.data.Dataset:
        """What `frame_metrics` takes, once through, one image at a time."""

    def facts(self, config: TrainConfig, data: Data) -> dict[str, Any]:
        """What else the record of a new run holds of its data, as plain values."""

    def panels(self, config: TrainConfig, source: Any) -> tuple[str, own.Draw] | None:
        """Name and drawing function of the pictures, see `callbacks.Panels`."""

    def callbacks(self, log_dir: Any) -> list[keras.callbacks.Callback]:
        """What must happen at an epoch's end, after validation and before the backup.

        Args:
            log_dir: where TensorBoard's event files go; None writes none.
        """


class PlainTask:
    """A task whose run folder and trainer need nothing more, and that restores images."""

    def best(self, config):
        """See `Task`."""
        return "psnr", False

    def settle(self, config, folder, begun):
        """See `Task`."""
        return config

    def attach(self, config, source, trainer):
        """See `Task`."""

    def facts(self, config, data):
        """See `Task`."""
        return {}

    def callbacks(self, log_dir):
        """See `Task`."""
        return []


def augment(config, crop=None):
    """How training crops are varied; of side `data.crop`, or another one."""
    data = config.data
    return Augment(crop or data.crop, data.flips, data.turns, data.permute_channels)


def growing(batches, config, source, start, late):
    """A stream of crops that are larger from sample `late` on, if they are to grow.

    Both parts have one type, of any side, wherever the stream starts: what trains on it is
    compiled alike in a run that went through and in one that was resumed.

    Args:
        batches: makes the parts, such as `data.training_batches`.
        config, source, start, late: see `Task.batches`; `late` a multiple of the batch.
    """
    common = {"batch": config.data.batch, "seed": config.run.seed}
    if not config.data.crop_late:
        return batches(source, augment=augment(config), start=start, **common)
    change = max(start, late)
    early = batches(source, augment=augment(config), start=start, stop=change, **common)
    larger = augment(config, config.data.crop_late)
    return early.concatenate(batches(source, augment=larger, start=change, **common))


def panel_side(source, multiple):
    """Side of the crops in pictures: a multiple, 0 where the images are too small."""
    return min(_PANEL_SIDE, int(np.min(source.sizes))) // multiple * multiple
