"""RP-GAN's train_step: a generator against two opponents, on samples of growing levels."""

import keras
import tensorflow as tf
from keras import ops

from tfdeblur.errors import InvalidInput
from tfdeblur.losses import (
    ArtifactPenalty,
    ConditionalAdversarialLoss,
    CriticLoss,
    DiscriminatorLoss,
    interpolate,
    penalty_from_gradients,
)
from tfdeblur.metrics import psnr_rgb_u8, ssim_gauss
from tfdeblur.training.fill import Filler, whole
from tfdeblur.training.levels import is_known
from tfdeblur.training.optimizers import calls_of
from tfdeblur.training.trainer import Trainer

MEASURES = ("psnr", "ssim", "psnr_level1", "psnr_deconvolved", "psnr_blurred")
LIPSCHITZ = ("clip", "gp", "spectral")


class RPGANTrainer(Trainer):
    """Trains RP-GAN's generator on (blurred, sharp, flow) batches.

    Stage 0 takes batches from the run's stream and deconvolves them (level 1). Stage 1 trains on
    a replay buffer with samples of all levels. When that has been gone through often enough, the
    generator is copied, and the copy, which does not learn, makes the next ones.

    Args:
        generator: `RPGANGenerator`, or another network of its inputs and outputs.
        discriminator: `Discriminator`.
        artifact_critic: `ArtifactCritic`, or None to train without the penalty. Built with
            `spectral=True` exactly where `lipschitz` is "spectral".
        levels: `Levels`; SEN inside it does not learn.
        replay: `ReplayBuffer`.
        first_steps: int >= 0, steps of stage 0.
        adversarial_weight, artifact_weight: gamma and lambda of the paper.
        lipschitz: how the artifact critic is bounded: "clip", "gp" or "spectral".
        clip: float > 0, bound on its weights with "clip".
        gradient_penalty: float >= 0, weight of the penalty with "gp".
        critic_steps: int >= 1, its updates a step.
        fill_beside: whether level 1 of the next filling is made while training on this one.
        seed: int, of the points of the gradient penalty.

    Logs: `loss`, `content`, its terms, `adversarial`, `discriminator`, and with an artifact critic
    `artifacts`, `critic` and `penalty`. `frame_metrics` measures whole frames after the last
    level (`psnr`, `ssim`), after the first (`psnr_level1`), after deconvolution alone
    (`psnr_deconvolved`), and as they came (`psnr_blurred`).

    Attributes:
        frozen: the copy of the generator that fills the buffer.
        cycle: int32 variable, the filling that `frozen` is for; -1 before the first.

    Source: the motion-flow paper, sections 4.2 and 6.2, Eqns 5 to 7.
    """

    def __init__(
        self,
        generator,
        discriminator,
        artifact_critic,
        levels,
        replay,
        first_steps,
        *,
        adversarial_weight=0.01,
        artifact_weight=0.1,
        lipschitz="clip",
        clip=0.01,
        gradient_penalty=10.0,
        critic_steps=1,
        fill_beside=False,
        seed=0,
        **kwargs,
    ):
        _check_lipschitz(lipschitz, artifact_critic)
        names = ["loss", "content", "adversarial", "discriminator"]
        names += ["artifacts", "critic", "penalty"] if artifact_critic is not None else []
        super().__init__([*names, *MEASURES], seed, **kwargs)
        self.generator = generator  # first: fit() ends by writing EMA weights in this order
        self.discriminator = discriminator
        self.artifact_critic = artifact_critic
        self.frozen = _frozen_copy(generator)
        self.cycle = self.add_weight(
            name="cycle", shape=(), dtype="int32", initializer=_never, trainable=False
        )
        self.levels = levels
        self.replay = replay
        self.first_steps = first_steps
        self.adversarial_weight, self.artifact_weight = adversarial_weight, artifact_weight
        self.lipschitz, self.clip, self.gradient_penalty = lipschitz, clip, gradient_penalty
        self.critic_steps = critic_steps
        self.samples = None
        self._filler = Filler(self, fill_beside)

    def compile(
        self,
        optimizer,
        discriminator_optimizer,
        content_loss,
        critic_optimizer=None,
        game="non_saturating",
        **kwargs,
    ):
        """Sets optimizers and losses.

        Args:
            optimizer, discriminator_optimizer, critic_optimizer: of the three players; the last
                where there is an artifact critic.
            content_loss: `BiLevelContent`.
            game: of `ConditionalAdversarialLoss`.
        """
        # Not by XLA, which Keras would choose on a GPU: it must know the size of K's matrix.
        super().compile(optimizer=optimizer, **{"jit_compile": False, **kwargs})
        self.content_loss = content_loss
        self.adversarial_loss = ConditionalAdversarialLoss(game)
        self.discriminator_loss, self.critic_loss = DiscriminatorLoss(), CriticLoss()
        self.artifact_penalty = ArtifactPenalty()
        self.discriminator_optimizer = discriminator_optimizer
        self.critic_optimizer = critic_optimizer
        for term in ("pixel",) * bool(content_loss.pixel) + (
            "features",
        ) * content_loss.uses_features:
            self.trackers.setdefault(term, keras.metrics.Mean(name=term))
        # Each on its own variables: built later, they would lose their moments on resume.
        optimizer.build(self.generator.trainable_variables)
        discriminator_optimizer.build(self.discriminator.trainable_variables)
        if self.artifact_critic is not None:
            critic_optimizer.build(self.artifact_critic.trainable_variables)

    @property
    def network(self):
        """The generator, which is what is kept."""
        return self.generator

    def call(self, image, training=False):
        """The generator alone, on concat(deconvolved, observed)."""
        return self.generator(image, training=training)

    def enter_epoch(self, epoch):
        """Goes on to the buffer where the steps on level 1 are done."""
        stage = int(self._step_of_this_epoch() >= self.first_steps)
        if stage != self.stage:
            self.stage = stage
            if self.train_function is not None:
                self.make_train_function(force=True)

    def close(self):
        """Ends the filling beside the training."""
        self._filler.close()

    def _step_of_this_epoch(self):
        # Steps that a restart skips are counted already.
        return whole(calls_of(self.optimizer)) - self._steps_to_skip

    @property
    def wants_backup(self):
        """Whether the buffer is filled before the next step."""
        number = whole(calls_of(self.optimizer)) - self.first_steps
        return number >= 0 and number % self.replay.steps == 0

    def batches(self, iterator):
        """In stage 1 those of the buffer, which is filled here when it is time."""
        if self.stage == 0:
            return iterator
        return self._filler.batches(whole(calls_of(self.optimizer)) - self.first_steps)

    def train_step(self, batch):
        """One update of the generator, after those of its two opponents."""
        deconvolved, observed, sharp = self._deconvolved(batch) if self.stage == 0 else batch
        seen = ops.concatenate([deconvolved, observed], axis=-1)
        with tf.GradientTape() as tape:
            restored = ops.cast(self.generator(seen, training=True), "float32")
            with tape.stop_recording():
                self._update_discriminator(ops.stop_gradient(restored), observed, sharp)
                self._update_critic(deconvolved, observed)
            objective = self._objective(restored, observed, sharp)
            loss = self._mean(objective)
        self._apply(self.optimizer, tape, loss, self.generator.trainable_variables)
        self.trackers["loss"].update_state(objective)
        return self._logs(without=MEASURES)

    def _deconvolved(self, batch):
        """Level 1 of what the run's stream gives."""
        observed, sharp, known = batch
        flow = self.levels.flow(observed, known)
        return self.levels.first(observed, flow, is_known(known)), observed, sharp

    def _objective(self, restored, observed, sharp):
        """L_c + gamma L_cGAN + lambda L_p, one value per image; section 4.2.3."""
        terms = self.content_loss.terms(sharp, restored)
        content = self.content_loss.combine(terms)
        logits = self._judge(restored, observed)
        fooled = self.adversarial_loss.call(logits, logits)
        self._track(content=content, adversarial=fooled, **terms)
        objective = content + self.adversarial_weight * fooled
        if self.artifact_critic is not None:
            real, fake = (
                self.artifact_critic(image, training=False) for image in (sharp, restored)
            )
            artifacts = self.artifact_penalty.call(real, fake)
            objective += self.artifact_weight * artifacts
            self._track(artifacts=artifacts)
        return objective

    def _judge(self, image, observed):
        # Batch statistics, should it have batch norm, also where only the generator learns.
        seen = ops.concatenate([image, observed], axis=-1)
        return self.discriminator(seen, training=True)

    def _update_discriminator(self, restored, observed, sharp):
        with tf.GradientTape() as tape:
            values = self.discriminator_loss.call(
                self._judge(sharp, observed), self._judge(restored, observed)
            )
            loss = self._mean(values)
        variables = self.discriminator.trainable_variables
        self._apply(self.discriminator_optimizer, tape, loss, variables)
        self._track(discriminator=values)

    def _update_critic(self, deconvolved, observed):
        """Eqn 6: large scores where there are artifacts, small ones where there is blur."""
        if self.artifact_critic is None:
            return
        variables = self.artifact_critic.trainable_variables
        for _ in range(self.critic_steps):
            between = interpolate(
                deconvolved, observed, self._draw_alpha(observed, self.critic_optimizer)
            )
            with tf.GradientTape() as tape:
                both = ops.concatenate([deconvolved, observed])
                # Spectral norm, if it has that, is taken anew where training is True.
                scores = self.artifact_critic(both, training=True)
                values = self.critic_loss.call(*ops.split(scores, 2))
                penalty = self._penalty(between)
                loss = self._mean(values + penalty)
            self._apply(self.critic_optimizer, tape, loss, variables)
            if self.lipschitz == "clip":
                for variable in variables:
                    variable.assign(ops.clip(variable, -self.clip, self.clip))
            self._track(critic=values, penalty=penalty)

    def _penalty(self, between):
        if self.lipschitz != "gp":
            return ops.zeros_like(between[:, 0, 0, 0])
        with tf.GradientTape() as tape:
            tape.watch(between)
            scores = self.artifact_critic(between, training=False)
        return penalty_from_gradients(tape.gradient(scores, between), self.gradient_penalty)

    def frame_metrics(self, batch):
        """Restores whole frames of any size, through all levels, and measures them.

        Args:
            batch: `(blurred, sharp)`, float32 `(batch, height, width, 3)` in [0, 1].

        Returns:
            dict of float32 `(batch,)`: "ssim", the others in dB; see the class.
        """
        blurred, sharp = batch
        levels = self.levels.restore(self.generator, blurred)
        last = levels[-1][1]
        shown = {
            "psnr": last,
            "psnr_level1": levels[0][1],
            "psnr_deconvolved": levels[0][0],
            "psnr_blurred": blurred,
        }
        measured = {name: psnr_rgb_u8(sharp, image) for name, image in shown.items()}
        return {**measured, "ssim": ssim_gauss(sharp, last)}

    def _track(self, **values):
        for name, value in values.items():
            self.trackers[name].update_state(value)


def _frozen_copy(network):
    copy = type(network).from_config({**network.get_config(), "name": "frozen"})
    copy.trainable = False
    return copy


def _never(shape, dtype=None):
    return ops.full(shape, -1, dtype)


def _check_lipschitz(lipschitz, critic):
    if lipschitz not in LIPSCHITZ:
        raise InvalidInput(
            f"`lipschitz` must be one of {', '.join(LIPSCHITZ)}. Received: lipschitz={lipschitz!r}"
        )
    if critic is not None and critic.spectral != (lipschitz == "spectral"):
        raise InvalidInput(
            "`artifact_critic` must be built with spectral=True exactly where `lipschitz` is "
            f"'spectral'. Received: lipschitz={lipschitz!r}, spectral={critic.spectral}"
        )
