"""The tasks: one for each value of `config.model`."""

import logging

import numpy as np

from tfdeblur.config import TrainConfig, size_multiple
from tfdeblur.data import evaluation_images, panel_pairs, training_batches
from tfdeblur.data.flow_pairs import best_constant_flow, flow_batches, flow_images, flow_panel
from tfdeblur.losses import parse_scheme
from tfdeblur.operators import flow_to_color
from tfdeblur.training import callbacks as own
from tfdeblur.training.baseline import blurred_baseline
from tfdeblur.training.rp_gan_task import RPGANTask
from tfdeblur.training.sen import MEASURES
from tfdeblur.training.task import PANEL_IMAGES, PlainTask, Task, growing, panel_side

logger = logging.getLogger(__name__)


class RestorationTask(PlainTask):
    """A network that restores, on pairs of blurred and sharp images."""

    file = "generator.keras"
    measures = ("psnr", "ssim")

    def batches(self, config, source, start, late):
        """See `Task`."""
        return growing(training_batches, config, source, start, late)

    def images(self, config, source):
        """See `Task`."""
        return evaluation_images(source, config.data.validation_limit or None)

    def facts(self, config, data):
        """What the blurred validation images measure as they are."""
        return blurred_baseline(self.images(config, data.validation)) if data.validation else {}

    def panels(self, config, source):
        """See `Task`."""
        side = panel_side(source, size_multiple(config))
        if not side:
            return None
        blurred, sharp = panel_pairs(source, PANEL_IMAGES, side)

        def draw(trainer):
            restored = np.clip(trainer.network(blurred, training=False), 0.0, 1.0)
            return np.concatenate([blurred, restored, sharp], axis=2)

        return "blurred_restored_sharp", draw


class MaximTask(RestorationTask):
    """MAXIM: an image of every stage and scale is held against the sharp one."""

    def title(self, config):
        """See `Task`."""
        network = config.network
        return f"MAXIM, stages {network.stages}, features {network.features}"


class BiSkipTask(RestorationTask):
    """Bi-Skip, with its schemes of losses."""

    def title(self, config):
        """See `Task`."""
        return f"Bi-Skip, losses of scheme {parse_scheme(config.loss.scheme).name}"

    def callbacks(self, log_dir):
        """See `Task`."""
        return [own.SelfPacedProgress(log_dir)]


class SENTask(PlainTask):
    """SEN on blurred images with flows."""

    file = "sen.keras"
    measures = MEASURES

    def best(self, config):
        """By the paper's measure, or sign-free where the signs were left open."""
        return "flow_mse" if config.loss.flow == "l2" else "sign_free_end_point_error", True

    def title(self, config):
        """See `Task`."""
        return f"SEN, epochs by stack {config.sen.epochs(config.run.epochs)}"

    def batches(self, config, source, start, late):
        """See `Task`."""
        return growing(flow_batches, config, source, start, late)

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
        side = panel_side(source, size_multiple(config))
        if not side:
            return None
        blurred, true = flow_panel(source, PANEL_IMAGES, side)
        longest = max(1.0, float(np.hypot(true[..., 0], true[..., 1]).max()))

        def draw(trainer):
            estimated = np.asarray(trainer(blurred))
            flows = np.concatenate([estimated, true], axis=2)
            colors = np.stack([flow_to_color(flow, longest) for flow in flows])
            return np.concatenate([blurred, colors / np.float32(255)], axis=2)

        return "blurred_estimated_true", draw


_TASKS: dict[str, Task] = {
    "biskip": BiSkipTask(),
    "maxim": MaximTask(),
    "sen": SENTask(),
    "rpgan": RPGANTask(),
}


def task_of(config: TrainConfig) -> Task:
    """The task of a run."""
    return _TASKS[config.model]
