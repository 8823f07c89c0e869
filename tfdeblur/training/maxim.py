"""MAXIM's train_step: every stage and scale is held against the sharp image (Tu et al., 2022)."""

import tensorflow as tf

from tfdeblur.networks.maxim import SCALES, at_scale
from tfdeblur.training.frames import restoration_metrics
from tfdeblur.training.trainer import Trainer


class MaximTrainer(Trainer):
    """Trains a network that restores at several scales on (blurred, sharp) batches.

    Args:
        network: `networks.Maxim`, or another network with its `images`.

    Batches: `(blurred, sharp)`, float32 `(batch, height, width, 3)` in [0, 1].

    Logs: `loss` (sum over stages and scales), `finest` (its part of the image that is kept);
        `psnr` and `ssim` (means over images) from `test_step`, which takes whole frames.
    """

    def __init__(self, network, **kwargs):
        super().__init__(["loss", "finest", "psnr", "ssim"], **kwargs)
        self.network = network

    def compile(self, optimizer, multi_scale_loss, **kwargs):
        """Sets optimizer and loss.

        Args:
            optimizer: of the network.
            multi_scale_loss: `losses.MultiScaleLoss`.
        """
        super().compile(optimizer=optimizer, **kwargs)
        self.multi_scale_loss = multi_scale_loss
        self.optimizer.build(self.network.trainable_variables)

    def call(self, image, training=False):
        """The network alone."""
        return self.network(image, training=training)

    def train_step(self, batch):
        """One update."""
        blurred, sharp = batch
        targets = [at_scale(sharp, scale) for scale in range(SCALES)]
        with tf.GradientTape() as tape:
            restored = self.network.images(blurred, training=True)
            objective = self.multi_scale_loss.over_scales(targets, restored)
            loss = self._mean(objective)
        self._apply(self.optimizer, tape, loss, self.network.trainable_variables)
        self.trackers["loss"].update_state(objective)
        finest = self.multi_scale_loss.call(sharp, restored[-1][0])
        self.trackers["finest"].update_state(finest)
        return self._logs(without=("psnr", "ssim"))

    def frame_metrics(self, batch):
        """See `frames.restoration_metrics`."""
        return restoration_metrics(self.network, batch)
