"""RP-GAN and SEN learn together: the generator's loss reaches SEN through the deconvolution."""

import keras
import tensorflow as tf
from keras import ops

from tfdeblur.image.padding import crop_back, pad_to_multiple
from tfdeblur.operators import SampledBlur
from tfdeblur.training.levels import is_known
from tfdeblur.training.rp_gan import MEASURES, RPGANTrainer


class JointTrainer(RPGANTrainer):
    """Trains SEN with RP-GAN's generator where that trains on level 1.

    In stage 0 a batch goes through SEN, deconvolution and generator, and what the generator
    minimises moves SEN too: the gradient passes the deconvolution implicitly, by one more solve
    (`solvers.conjugate_gradient`), and K by its derivative with respect to the flow
    (`operators.SampledBlur`, a little other than the `MotionBlur` that restores). In stage 1, on
    the buffer, SEN stands still where it has come to. Its batch norm uses the moving statistics
    throughout, and does not change them.

    Args:
        arguments, options: of `RPGANTrainer`; SEN is the one inside `levels`.
        flow_weight: float >= 0, weight of the flow's own loss where the true flow is known,
            in units of the objective per pixel^2. Known flows are for that only: deconvolution
            takes SEN's.

    Logs: as `RPGANTrainer`, and `flow`, the loss of the flow in pixels^2 over the images whose
    flow is known (0 if that is none; only in stage 0).

    Attributes:
        sen: `SEN`, kept beside the generator.

    Source: the motion-flow paper trains them apart and names training both together as future
        work (section 7); all this is ours.
    """

    def __init__(self, *arguments, flow_weight=0.0, **options):
        super().__init__(*arguments, **options)
        self.sen = self.levels.sen  # as part of the trainer, so that backups hold it
        self.sen.trainable = True
        self.flow_weight = flow_weight
        self.trackers["flow"] = keras.metrics.Mean(name="flow")

    def compile(self, *arguments, sen_optimizer, flow_loss, **options):
        """Sets optimizers and losses.

        Args:
            arguments, options: as for `RPGANTrainer`.
            sen_optimizer: SEN's own, with a much lower rate than the generator's: SEN is
                trained already, and its gradient is noisy.
            flow_loss: `FlowLoss`.
        """
        super().compile(*arguments, **options)
        self.sen_optimizer = sen_optimizer
        self.flow_loss = flow_loss
        # Before a backup is restored: built later, it would lose its moments.
        sen_optimizer.build(self.sen.trainable_variables)

    def networks_beside(self):
        """SEN, without which the generator is not what it was trained to be."""
        return {"sen.keras": self.sen}

    def train_step(self, batch):
        """One update of generator and SEN, after those of the generator's opponents."""
        if self.stage > 0:
            logs = super().train_step(batch)
            del logs["flow"]  # nothing is measured
            return logs
        observed, sharp, known = batch
        with tf.GradientTape() as tape:
            flow = self._estimate(observed)
            deconvolved = self.levels.first(observed, flow, blur=SampledBlur(flow))
            seen = ops.concatenate([deconvolved, observed], axis=-1)
            restored = ops.cast(self.generator(seen, training=True), "float32")
            with tape.stop_recording():
                self._update_discriminator(ops.stop_gradient(restored), observed, sharp)
                self._update_critic(ops.stop_gradient(deconvolved), observed)
            objective = self._objective(restored, observed, sharp)
            objective += self.flow_weight * self._flow_errors(known, flow)
            loss = self._mean(objective)
        learning = (
            (self.optimizer, self.generator.trainable_variables),
            (self.sen_optimizer, self.sen.trainable_variables),
        )
        gradients = tape.gradient(loss, [variables for _, variables in learning])
        for (optimizer, variables), gradient in zip(learning, gradients, strict=True):
            optimizer.apply(gradient, variables)
        self.trackers["loss"].update_state(objective)
        return self._logs(without=MEASURES)

    def _estimate(self, observed):
        """SEN's flow, of either sign: K does not depend on it, and the flow's loss sets it."""
        padded, size = pad_to_multiple(observed, self.sen.size_multiple)
        return crop_back(ops.cast(self.sen(padded, training=False), "float32"), size)

    def _flow_errors(self, known, flow):
        """The flow's loss per image, 0 where the true flow is not known."""
        given = is_known(known)
        # Replaced before the loss: a gradient through NaN is NaN, also where it is not used.
        true = tf.where(given[:, None, None, None], known, tf.zeros_like(known))
        errors = self.flow_loss.call(true, flow)
        self.trackers["flow"].update_state(errors, sample_weight=tf.cast(given, tf.float32))
        return tf.where(given, errors, 0.0)
