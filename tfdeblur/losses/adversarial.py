"""Wasserstein terms with gradient penalty, one value per image (keras only).

Self-paced learning multiplies these values by v_i (`sample_weight` of the losses). The
gradient that the penalty needs is taken by the trainer: Keras has no call for it that
works on every backend.
"""

import keras
from keras import ops

from tfdeblur.errors import InvalidInput
from tfdeblur.losses._parts import PerImage, mean_per_image

# Under the root of the gradient's norm. d sqrt(s)/ds is infinite at s = 0, where a fresh or
# dead critic puts it; with this it is at most 1e6, times a zero gradient: no NaN.
# The value of the penalty moves by less than 1e-6.
_NORM_EPSILON = 1e-12


def score_per_image(scores):
    """One critic score per image.

    Args:
        scores: float `(batch,)`, `(batch, 1)` or a map `(batch, h, w, 1)`.

    Returns:
        float32 `(batch,)`, the mean over everything but the batch. Dimensionless.
    """
    scores = ops.cast(scores, "float32")
    return scores if len(scores.shape) == 1 else mean_per_image(scores)


def critic_real_fake(real_scores, fake_scores):
    """What the critic minimises: D(fake) - D(real), per image.

    Args:
        real_scores: float `(batch, ...)`, the critic's scores of sharp images.
        fake_scores: the same shape, its scores of restored images.

    Returns:
        float32 `(batch,)`, dimensionless, any sign.

    Source: Zhang et al., Bi-Skip, 2019, Eqns 5 and 12 (-L_adv). We differ: the paper writes
        D(x, v) without saying how v enters; here it multiplies the sample's value.
    """
    return score_per_image(fake_scores) - score_per_image(real_scores)


def generator_adversarial(fake_scores):
    """What the generator minimises: -D(fake), per image.

    Args:
        fake_scores: float `(batch, ...)`, the critic's scores of restored images.

    Returns:
        float32 `(batch,)`, dimensionless, any sign.

    Source: Bi-Skip, Eqn 13, first term.
    """
    return -score_per_image(fake_scores)


def interpolate(real, fake, alpha):
    """Points between sharp and restored images: x^ = alpha * x + (1 - alpha) * x~.

    Args:
        real: float `(batch, height, width, channels)`, sharp images x, [0, 1].
        fake: the same shape, restored images x~.
        alpha: float `(batch,)` or `(batch, 1, 1, 1)`, one weight per image, [0, 1].

    Returns:
        float32 `(batch, height, width, channels)`.

    Raises:
        InvalidInput: if `alpha` is not one number per image.

    Source: Bi-Skip, section 4.2, below Eqn 7.
    """
    shape = tuple(alpha.shape)
    if len(shape) not in (1, 4) or any(size != 1 for size in shape[1:]):
        raise InvalidInput(
            "`alpha` must hold one weight per image, shape (batch,) or (batch, 1, 1, 1). "
            f"Received: alpha of shape {shape}"
        )
    alpha = ops.cast(ops.reshape(alpha, (-1, 1, 1, 1)), "float32")
    return alpha * ops.cast(real, "float32") + (1.0 - alpha) * ops.cast(fake, "float32")


def penalty_from_gradients(gradients, weight=10.0):
    """Gradient penalty weight * (||grad|| - 1)^2, per image.

    Args:
        gradients: float `(batch, height, width, channels)`, gradient of the sum over the batch
            of `score_per_image(critic(x^))` with respect to x^. (Samples do not mix in the
            critic, which has no batch norm, so this sum gives each image its own gradient.)
        weight: float, beta of the paper.

    Returns:
        float32 `(batch,)`, >= 0. The norm is over height, width and channels, in float32, as
        sqrt(sum + 1e-12): safe to differentiate where the gradient is zero.

    Source: Bi-Skip, Eqn 7; Gulrajani et al., WGAN-GP, 2017 (weight 10).
    """
    gradients = ops.cast(gradients, "float32")
    axes = tuple(range(1, len(gradients.shape)))
    norm = ops.sqrt(ops.sum(ops.square(gradients), axis=axes) + _NORM_EPSILON)
    return weight * ops.square(norm - 1.0)


@keras.saving.register_keras_serializable("tfdeblur")
class CriticLoss(PerImage):
    """`critic_real_fake` as a Keras loss: `loss(real_scores, fake_scores, sample_weight=v)`.

    Args:
        name: str or None, name of the loss.
        reduction: how Keras joins the images of a batch.

    As a `Loss` it takes part in Keras's scaling over replicas, which raw tensors do not.
    """

    def call(self, y_true, y_pred):
        """D(fake) - D(real), float32 `(batch,)`."""
        return critic_real_fake(y_true, y_pred)


@keras.saving.register_keras_serializable("tfdeblur")
class GeneratorAdversarialLoss(PerImage):
    """`generator_adversarial` as a Keras loss; `y_true` is not looked at.

    Call it with the fake scores twice: `loss(fake, fake, sample_weight=v)`.
    """

    def call(self, y_true, y_pred):
        """-D(fake), float32 `(batch,)`."""
        return generator_adversarial(y_pred)


@keras.saving.register_keras_serializable("tfdeblur")
class GradientPenalty(PerImage):
    """`penalty_from_gradients` as a Keras loss; `y_true` is not looked at.

    Args:
        weight: float >= 0, beta of Eqn 7.
        name: str or None, name of the loss.
        reduction: how Keras joins the images of a batch.

    Call it with the gradients twice: `loss(gradients, gradients, sample_weight=v)`.

    Raises:
        InvalidInput: if `weight` is negative or not finite.
    """

    def __init__(self, weight=10.0, name=None, reduction="sum_over_batch_size"):
        if not 0 <= weight < float("inf"):
            raise InvalidInput(
                f"`weight` must be a finite number that is at least 0. Received: weight={weight}"
            )
        super().__init__(name=name, reduction=reduction)
        self.weight = float(weight)

    def call(self, y_true, y_pred):
        """Penalty per image, float32 `(batch,)`."""
        return penalty_from_gradients(y_pred, self.weight)

    def get_config(self):
        """Constructor arguments as plain values."""
        return {**super().get_config(), "weight": self.weight}
