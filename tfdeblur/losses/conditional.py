"""RP-GAN's adversarial terms, one value per image (keras only).

The artifact critic itself is trained with `adversarial.CriticLoss`, deconvolved images in the
place of real ones and blurred images in the place of fake ones: Eqn 6 asks for large scores where
there are artifacts.
"""

import keras
from keras import ops

from tfdeblur.errors import InvalidInput
from tfdeblur.losses._parts import PerImage, mean_per_image
from tfdeblur.losses.adversarial import score_per_image

GAMES = ("non_saturating", "minimax")


@keras.saving.register_keras_serializable("tfdeblur")
class DiscriminatorLoss(PerImage):
    """-log D(sharp | O) - log(1 - D(restored | O)), from logits.

    Args:
        name: str or None, name of the loss.
        reduction: how Keras joins the images of a batch.

    Call arguments:
        y_true: float `(batch, h, w, 1)`, the discriminator's logits of sharp images.
        y_pred: the same shape, its logits of restored images.

    Returns:
        `call` returns float32 `(batch,)`, >= 0, dimensionless: the mean over patches.

    Source: the motion-flow paper, Eqn 5, with the sign that a minimiser needs.
    """

    def call(self, y_true, y_pred):
        """Value per image, float32 `(batch,)`."""
        real, fake = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        return mean_per_image(ops.softplus(-real) + ops.softplus(fake))


@keras.saving.register_keras_serializable("tfdeblur")
class ConditionalAdversarialLoss(PerImage):
    """What the generator pays where the discriminator is not fooled, from logits.

    Args:
        game: "non_saturating": -log D(restored | O), whose gradient is strong where the
            discriminator is sure; "minimax": log(1 - D(restored | O)), as the paper writes it.
        name: str or None, name of the loss.
        reduction: how Keras joins the images of a batch.

    Call arguments:
        y_true: not looked at; call it with the logits twice.
        y_pred: float `(batch, h, w, 1)`, logits of restored images.

    Returns:
        `call` returns float32 `(batch,)`, dimensionless: the mean over patches.

    Raises:
        InvalidInput: if `game` is unknown.

    Source: the motion-flow paper, section 4.2.3, L_cGAN; Goodfellow et al., 2014, section 3, for
        the other form, which has the same fixed point.
    """

    def __init__(self, game="non_saturating", name=None, reduction="sum_over_batch_size"):
        if game not in GAMES:
            raise InvalidInput(f"`game` must be one of {', '.join(GAMES)}. Received: game={game!r}")
        super().__init__(name=name, reduction=reduction)
        self.game = game

    def call(self, y_true, y_pred):
        """Value per image, float32 `(batch,)`."""
        fake = ops.cast(y_pred, "float32")
        cost = ops.softplus(-fake) if self.game == "non_saturating" else -ops.softplus(fake)
        return mean_per_image(cost)

    def get_config(self):
        """Constructor arguments as plain values."""
        return {**super().get_config(), "game": self.game}


@keras.saving.register_keras_serializable("tfdeblur")
class ArtifactPenalty(PerImage):
    """max(0, D_p(restored) - D_p(sharp)): nothing, unless artifacts are seen.

    Args:
        name: str or None, name of the loss.
        reduction: how Keras joins the images of a batch.

    Call arguments:
        y_true: float `(batch,)` or `(batch, ...)`, the artifact critic's scores of sharp images.
        y_pred: the same shape, its scores of restored images.

    Returns:
        `call` returns float32 `(batch,)`, >= 0, dimensionless.

    Source: the motion-flow paper, Eqn 7.
    """

    def call(self, y_true, y_pred):
        """Value per image, float32 `(batch,)`."""
        return ops.relu(score_per_image(y_pred) - score_per_image(y_true))
