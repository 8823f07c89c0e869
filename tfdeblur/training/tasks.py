"""What a run must know of what it trains: one task for each value of `config.model`."""

import logging
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from tfdeblur.config import TrainConfig
from tfdeblur.data import Augment, evaluation_images, panel_pairs, training_batches
from tfdeblur.data.flow_pairs import best_constant_flow, flow_batches, flow_images, flow_panel
from tfdeblur.losses import parse_scheme
from tfdeblur.operators import flow_to_color
from tfdeblur.training import callbacks as own
from tfdeblur.training.sources import Data

logger = logging.getLogger(__name__)

_PANEL_IMAGES = 4
_PANEL_SIDE = 256


class Task(Protocol):
    """The trainer itself comes from `build.build_trainer`, its data from `sources.open_data`.

    Attributes:
        file: name of the kept network in the run folder.
        measures: what `frame_metrics` of the trainer gives.
        best: the measure by which the best network is told.
        lower_is_better: whether it is the lowest one.
    """

    file: str
    measures: tuple[str, ...]
    best: str
    lower_is_better: bool

    def title(self, config: TrainConfig) -> str:
        """A name for logs. Raises InvalidInput if the settings do not go together."""

    def batches(self, config: TrainConfig, source: Any, start: int) -> tf.data.Dataset:
        """What `train_step` takes, endlessly, from sample `start` on."""

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


class BiSkipTask:
    """Bi-Skip on pairs of blurred and sharp images."""

    file = "generator.keras"
    measures = ("psnr", "ssim")
    best = "psnr"
    lower_is_better = False

    def title(self, config):
        """See `Task`."""
        return parse_scheme(config.loss.scheme).name

    def batches(self, config, source, start):
        """See `Task`."""
        return training_batches(
            source,
            augment=augment(config),
            batch=config.data.batch,
            seed=config.run.seed,
            start=start,
        )

    def images(self, config, source):
        """See `Task`."""
        return evaluation_images(source, config.data.validation_limit or None)

    def facts(self, config, data):
        """See `Task`."""
        return {}

    def panels(self, config, source):
        """See `Task`."""
        side = panel_side(source, 16)
        if not side:
            return None
        blurred, sharp = panel_pairs(source, _PANEL_IMAGES, side)

        def draw(trainer):
            restored = np.clip(trainer.network(blurred, training=False), 0.0, 1.0)
            return np.concatenate([blurred, restored, sharp], axis=2)

        return "blurred_restored_sharp", draw

    def callbacks(self, log_dir):
        """See `Task`."""
        return [own.SelfPacedProgress(log_dir)]


class SENTask:
    """SEN on blurred images with flows."""

    file = "sen.keras"
    measures = ("flow_mse", "end_point_error")
    best = "flow_mse"
    lower_is_better = True

    def title(self, config):
        """See `Task`."""
        return f"SEN, epochs by stack {config.sen.epochs(config.run.epochs)}"

    def batches(self, config, source, start):
        """See `Task`."""
        return flow_batches(
            source,
            augment=augment(config),
            batch=config.data.batch,
            seed=config.run.seed,
            start=start,
        )

    def images(self, config, source):
        """See `Task`."""
        limit = config.data.validation_limit or None
        return flow_images(source, limit, config.data.cache_mb * 2**20)

    def facts(self, config, data):
        """The best constant flow on the validation images, which an estimate must beat."""
        if data.validation is None:
            return {}
        flow, mse = best_constant_flow(self.images(config, data.validation))
        logger.info(
            "The best constant flow, (%.2f, %.2f), has a flow MSE of %.3f pixels^2 on the "
            "validation images.",
            *(*flow, mse),
        )
        return {"constant_flow": flow.tolist(), "constant_flow_mse": mse}

    def panels(self, config, source):
        """See `Task`."""
        side = panel_side(source, 64)
        if not side:
            return None
        blurred, true = flow_panel(source, _PANEL_IMAGES, side)
        longest = max(1.0, float(np.hypot(true[..., 0], true[..., 1]).max()))

        def draw(trainer):
            estimated = np.asarray(trainer(blurred))
            flows = np.concatenate([estimated, true], axis=2)
            colors = np.stack([flow_to_color(flow, longest) for flow in flows])
            return np.concatenate([blurred, colors / np.float32(255)], axis=2)

        return "blurred_estimated_true", draw

    def callbacks(self, log_dir):
        """See `Task`."""
        return []


def augment(config):
    """How training crops are varied."""
    data = config.data
    return Augment(data.crop, data.flips, data.turns, data.permute_channels)


def panel_side(source, multiple):
    """Side of the crops in pictures: a multiple, 0 where the images are too small."""
    return min(_PANEL_SIDE, int(np.min(source.sizes))) // multiple * multiple


_TASKS: dict[str, Task] = {"biskip": BiSkipTask(), "sen": SENTask()}


def task_of(config: TrainConfig) -> Task:
    """The task of a run."""
    return _TASKS[config.model]
