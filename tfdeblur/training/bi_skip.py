"""Bi-Skip's train_step: bi-level content, WGAN-GP, self-paced weights (002, algorithm 1)."""

import keras
import tensorflow as tf
from keras import ops

from tfdeblur.losses.adversarial import (
    critic_real_fake,
    generator_adversarial,
    interpolate,
    penalty_from_gradients,
    score_per_image,
)
from tfdeblur.training.frames import restoration_metrics
from tfdeblur.training.trainer import Trainer


class BiSkipTrainer(Trainer):
    """Trains a generator on (blurred, sharp) batches, with or without a critic.

    Args:
        generator: keras.Model, image -> image; the network that is kept.
        critic: keras.Model, image -> score per image, or None for schemes without the letter A.
        self_paced: `SelfPacedState`, or None for schemes without the letter S (v = 1).
        critic_steps: int >= 1, critic updates per generator update (the paper: 2). All of them
            see the step's own batch, whose v is known; each draws its own x^.
        gradient_penalty: float, beta of Eqn 7.
        adversarial_weight: float, factor on the generator's adversarial term (the paper: 1).
        critic_weight: "loss": v_i multiplies sample i's critic terms; "input": v is the fourth
            input plane of the critic, which then needs `channels=4`. The paper writes D(x, v)
            and leaves it open.
        seed: int >= 0, of the points between sharp and restored images that the penalty visits.

    Batches: `(blurred, sharp)`, float32 `(batch, height, width, 3)` in [0, 1].

    Logs: `loss` (what the generator minimises), `content` (mean of l_i, Eqn 4), `pixel` and
    `features` (its terms without weights), `v` (mean self-paced weight), `critic` (D(fake) -
    D(real)), `penalty`; `psnr` and `ssim` (`psnr_rgb_u8`, `ssim_gauss`, means over images) from
    `test_step`, which takes whole frames of any size.

    Source: Zhang et al., Bi-Skip, 2019, Eqns 3 to 13, algorithm 1. Every term is a value per
    image; joining them as mean / replicas is what keeps 1 and n replicas equal.
    """

    def __init__(
        self,
        generator,
        critic=None,
        self_paced=None,
        critic_steps=2,
        gradient_penalty=10.0,
        adversarial_weight=1.0,
        critic_weight="loss",
        seed=0,
        **kwargs,
    ):
        names = ["loss", "content", "v", "psnr", "ssim"]
        names += ["critic", "penalty", "adversarial"] if critic is not None else []
        super().__init__(names, seed, **kwargs)
        self.generator = generator  # first: fit() ends by writing EMA weights in this order
        self.critic = critic
        self.self_paced = self_paced
        self.critic_steps = critic_steps
        self.gradient_penalty = gradient_penalty
        self.adversarial_weight = adversarial_weight
        self.critic_weight = critic_weight

    def compile(self, optimizer, content_loss, critic_optimizer=None, **kwargs):
        """Sets optimizers and the content loss.

        Args:
            optimizer: of the generator.
            content_loss: `BiLevelContent`.
            critic_optimizer: of the critic; needed exactly when there is one.

        Raises:
            ValueError: if critic and `critic_optimizer` do not come together.
        """
        if (critic_optimizer is None) != (self.critic is None):
            raise ValueError(
                "`critic_optimizer` must be given exactly when the trainer has a critic. "
                f"Received: critic_optimizer={critic_optimizer!r}, critic={self.critic!r}"
            )
        super().compile(optimizer=optimizer, **kwargs)
        self.content_loss = content_loss
        self.critic_optimizer = critic_optimizer
        for term in ("pixel",) * bool(content_loss.pixel) + (
            "features",
        ) * content_loss.uses_features:
            self.trackers.setdefault(term, keras.metrics.Mean(name=term))
        # Each on its own variables: built later, both would lose their moments on resume.
        self.optimizer.build(self.generator.trainable_variables)
        if critic_optimizer is not None:
            critic_optimizer.build(self.critic.trainable_variables)

    @property
    def network(self):
        """The generator, which is what is kept."""
        return self.generator

    def call(self, image, training=False):
        """The generator alone."""
        return self.generator(image, training=training)

    def enter_epoch(self, epoch):
        """Sets t of the self-paced state, which a run that ended left at its T."""
        if self.self_paced is not None:
            self.self_paced.enter(epoch + 1)

    def train_step(self, batch):
        """One update of the generator, after `critic_steps` updates of the critic."""
        blurred, sharp = batch
        with tf.GradientTape() as tape:
            restored = ops.cast(self.generator(blurred, training=True), "float32")
            terms = self.content_loss.terms(sharp, restored)
            content = self.content_loss.combine(terms)
            with tape.stop_recording():
                pace = self._pace(content)
                if self.critic is not None:
                    self._update_critic(sharp, ops.stop_gradient(restored), pace)
            objective = content * pace
            if self.critic is not None:
                fooled = generator_adversarial(self._scores(restored, pace))
                objective += self.adversarial_weight * fooled * self._critic_terms_weight(pace)
                self.trackers["adversarial"].update_state(fooled)
            loss = self._mean(objective)
        self._apply(self.optimizer, tape, loss, self.generator.trainable_variables)

        self.trackers["loss"].update_state(objective)
        self.trackers["content"].update_state(content)
        self.trackers["v"].update_state(pace)
        for name, value in terms.items():
            self.trackers[name].update_state(value)
        return self._logs(without=("psnr", "ssim"))

    def frame_metrics(self, batch):
        """See `frames.restoration_metrics`."""
        return restoration_metrics(self.generator, batch)

    def _pace(self, content):
        """v_i of Eqn 11 and the running maximum, over the losses of all replicas."""
        if self.self_paced is None:
            return ops.ones_like(content)
        window = ops.stop_gradient(content)
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            window = tf.distribute.get_replica_context().all_gather(window, axis=0)
        pace = self.self_paced.sample_weights(content, window=window)
        self.self_paced.observe(window)
        return pace

    def _update_critic(self, sharp, restored, pace):
        weight = self._critic_terms_weight(pace)
        for _ in range(self.critic_steps):
            between = interpolate(sharp, restored, self._draw_alpha(sharp, self.critic_optimizer))
            with tf.GradientTape() as tape:
                # One pass for both: a convolution over 2n images costs less than two over n.
                scores = self._scores(ops.concatenate([sharp, restored]), ops.tile(pace, [2]))
                real, fake = ops.split(scores, 2)
                wasserstein = critic_real_fake(real, fake)
                penalty = self._penalty(between, pace)
                loss = self._mean((wasserstein + penalty) * weight)
            self._apply(self.critic_optimizer, tape, loss, self.critic.trainable_variables)
            self.trackers["critic"].update_state(wasserstein)
            self.trackers["penalty"].update_state(penalty)

    def _penalty(self, between, pace):
        with tf.GradientTape() as tape:
            tape.watch(between)
            scores = self._scores(between, pace)
        return penalty_from_gradients(tape.gradient(scores, between), self.gradient_penalty)

    def _scores(self, image, pace):
        if self.critic_weight == "input":
            plane = ops.ones_like(image[..., :1]) * ops.reshape(pace, (-1, 1, 1, 1))
            image = ops.concatenate([image, plane], axis=-1)
        # training=False: spectral norm, should a critic use it, rewrites kernels when training.
        return score_per_image(self.critic(image, training=False))

    def _critic_terms_weight(self, pace):
        return pace if self.critic_weight == "loss" else ops.ones_like(pace)
