"""SEN's train_step: one stack after the other, those before it frozen (000, sections 3, 6.1)."""

import tensorflow as tf
from keras import ops

from tfdeblur.errors import InvalidInput
from tfdeblur.image.padding import crop_back, pad_to_multiple
from tfdeblur.metrics import end_point_error, flow_mse, sign_free_end_point_error
from tfdeblur.networks.sen import seen_by
from tfdeblur.training.trainer import Trainer

MEASURES = ("flow_mse", "end_point_error", "sign_free_end_point_error")


class SENTrainer(Trainer):
    """Trains the stacks of SEN, first to last, on (blurred, flow) batches.

    Args:
        network: `SEN`.
        epochs: ints >= 1, one a stack, how many epochs it trains for.

    Batches: `(blurred, flow)`, float32 `(batch, height, width, 3)` in [0, 1] and
    `(batch, height, width, 2)`, pixels, canonical.

    Logs: `loss` (what the stack in training minimises) and, by `test_step`, which takes whole
    frames of any size, `flow_mse` (pixels^2), `end_point_error` and `sign_free_end_point_error`
    (pixels) of that stack.

    Attributes:
        stage: int, number of the stack in training, from 0.

    Source: the motion-flow paper, sections 3 and 6.1. It does not say whether the first stack
        goes on learning with the second; here it does not: stacks before the one in training run
        for inference, so neither their weights nor the statistics of their batch norm move.
    """

    def __init__(self, network, epochs, **kwargs):
        super().__init__(["loss", *MEASURES], **kwargs)
        if len(epochs) != network.stacks or min(epochs) < 1:
            raise InvalidInput(
                f"`epochs` must be {network.stacks} numbers >= 1, one a stack. "
                f"Received: epochs={epochs}"
            )
        self.network = network
        self.epochs = tuple(epochs)

    def compile(self, optimizers, flow_loss, **kwargs):
        """Sets optimizers and the loss.

        Args:
            optimizers: list, one a stack: each begins its schedule and its moments anew.
            flow_loss: `FlowLoss`.
        """
        super().compile(optimizer=optimizers[0], **kwargs)
        self.flow_loss = flow_loss
        self.stack_optimizers = list(optimizers)
        # Before a backup is restored: built later, they would lose their moments.
        for optimizer, stack in zip(optimizers, self.network.estimators, strict=True):
            optimizer.build(stack.trainable_variables)

    def call(self, image, training=False):
        """The flow of the stack in training."""
        return self._flow(image)

    def enter_epoch(self, epoch):
        """Goes on to the next stack when it is its turn."""
        ends = [sum(self.epochs[: i + 1]) for i in range(len(self.epochs) - 1)]
        stage = sum(epoch >= end for end in ends)
        if stage != self.stage:
            self.stage = stage
            if self.train_function is not None:
                self.make_train_function(force=True)

    def train_step(self, batch):
        """One update of the stack in training."""
        blurred, flow = batch
        stack = self.network.estimators[self.stage]
        before = self._flow(blurred, self.stage) if self.stage else None
        seen = seen_by(blurred, before)  # outside the tape: nothing of it is kept for gradients
        with tf.GradientTape() as tape:
            values = self.flow_loss.call(flow, stack(seen, training=True))
            loss = self._mean(values)
        variables = stack.trainable_variables
        self._apply(self.stack_optimizers[self.stage], tape, loss, variables)
        self.trackers["loss"].update_state(values)
        return self._logs(only=("loss",))

    def frame_metrics(self, batch):
        """Estimates the flow of whole frames of any size and measures it.

        Args:
            batch: `(blurred, flow)`, as in training, any height and width.

        Returns:
            dict of float32 `(batch,)`: "flow_mse" (pixels^2), "end_point_error" and
                "sign_free_end_point_error" (pixels).
        """
        blurred, flow = batch
        padded, size = pad_to_multiple(blurred, self.network.size_multiple)
        estimated = crop_back(self._flow(padded), size)
        return {
            "flow_mse": flow_mse(flow, estimated),
            "end_point_error": end_point_error(flow, estimated),
            "sign_free_end_point_error": sign_free_end_point_error(flow, estimated),
        }

    def network_to_keep(self):
        """SEN without the stacks that have not begun to learn."""
        if self.stage + 1 == self.network.stacks:
            return self.network
        return self.network.first_stacks(self.stage + 1)

    def _flow(self, image, stacks=None):
        """Flow of the last of the first `stacks`, in inference; None: up to that in training."""
        flow = None
        for stack in self.network.estimators[: self.stage + 1 if stacks is None else stacks]:
            flow = ops.cast(stack(seen_by(image, flow), training=False), "float32")
        return flow
