"""Content losses: pixels, features, and both together (keras only).

Every loss here gives one value per image, so that self-paced weights, replicas and
`reduction=` work as Keras means them to.
"""

import keras
from keras import ops

from tfdeblur.errors import InvalidInput
from tfdeblur.losses._parts import Unsaved, mean_per_image

_NORMS = ("l1", "l2", "psnr")
_BEST_PSNR = 60.0  # dB, above what 8-bit images can have: rounding alone leaves 58.9


def _check_norm(name, value):
    if value not in _NORMS:
        raise InvalidInput(
            f'`{name}` must be "l1" (mean absolute difference), "l2" (mean squared difference) '
            f'or "psnr" (decibels short of {_BEST_PSNR:g}). Received: {name}={value!r}'
        )


def _pixel_term(norm, sharp, restored):
    if norm == "l1":
        return mean_per_image(ops.abs(sharp - restored))
    squared = mean_per_image(ops.square(sharp - restored))
    if norm == "l2":
        return squared
    return 10.0 * ops.log10(1.0 + squared * 10.0 ** (_BEST_PSNR / 10.0))


def _feature_term(features, sharp, restored):
    wanted = ops.cast(features(sharp), "float32")
    given = ops.cast(features(restored), "float32")
    # The sharp picture's features are a target: no gradient is owed to them.
    return mean_per_image(ops.square(ops.stop_gradient(wanted) - given))


@keras.saving.register_keras_serializable("tfdeblur")
class PixelLoss(keras.losses.Loss):
    """Mean difference of the pixels of two images.

    Args:
        norm: "l1" (mean of absolute differences), "l2" (mean of squared differences) or "psnr":
            10 log10(1 + 10^6 l2), the decibels that the image's PSNR is short of 60, in which
            images that are nearly right count as much as those that are far off.
        name: str or None, name of the loss.
        reduction: how Keras joins the images of a batch (`keras.losses.Loss`).

    Call arguments:
        y_true: float `(batch, height, width, channels)`, the sharp images, [0, 1].
        y_pred: the same shape, the restored images, not clipped.

    Returns:
        `call` returns float32 `(batch,)`, one value >= 0 per image, dimensionless or dB.

    Raises:
        InvalidInput: if `norm` is none of these.

    Source: Zhang et al., Bi-Skip, 2019, first term of Eqn 4 (L1); the schemes of table 1
        use L2 as well. PSNR as a loss: Chen et al., HINet, CVPRW 2021; the bound is ours, so
        that no image's gradient grows without one. Weights are not applied here.
    """

    def __init__(self, norm="l1", name="pixel_loss", reduction="sum_over_batch_size"):
        _check_norm("norm", norm)
        # float32 whatever the policy: bfloat16 cannot tell differences below 1/256 apart.
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self.norm = norm

    def call(self, y_true, y_pred):
        """Value per image, float32 `(batch,)`."""
        return _pixel_term(self.norm, ops.cast(y_true, "float32"), ops.cast(y_pred, "float32"))

    def get_config(self):
        """Constructor arguments as plain values."""
        return {**super().get_config(), "norm": self.norm}


@keras.saving.register_keras_serializable("tfdeblur")
class PerceptualLoss(keras.losses.Loss):
    """Mean squared difference of the features of two images.

    Args:
        features: callable, usually `networks.VGGFeatures`: float images
            `(batch, height, width, 3)` in [0, 1] -> features `(batch, h, w, c)`.
            The loss holds it so that it is **not** written into the weights of a trainer
            that holds the loss (see `losses._parts.Unsaved`).
        name: str or None, name of the loss.
        reduction: how Keras joins the images of a batch.

    Call arguments and returns: as `PixelLoss`. No gradient flows to `y_true`.

    Raises:
        InvalidInput: if `features` cannot be called.

    Source: Bi-Skip, second term of Eqn 4: the squared norm over its channels, width and height.
    """

    def __init__(self, features, name="perceptual_loss", reduction="sum_over_batch_size"):
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self._features = Unsaved(features)

    def call(self, y_true, y_pred):
        """Value per image, float32 `(batch,)`."""
        return _feature_term(
            self._features, ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        )

    def get_config(self):
        """Constructor arguments; the features as Keras serialises them, weights not included."""
        return {**super().get_config(), "features": self._features.serialize()}

    @classmethod
    def from_config(cls, config):
        """The loss that `get_config` describes."""
        return cls(**{**config, "features": Unsaved.deserialize(config["features"])})


@keras.saving.register_keras_serializable("tfdeblur")
class BiLevelContent(keras.losses.Loss):
    """Bi-level content loss l_i = gamma1 * mean|x - x~| + gamma2 * mean (F(x) - F(x~))^2.

    Args:
        pixel: "l1", "l2" or "psnr" as in `PixelLoss`, or None for no pixel term.
        features: callable F as in `PerceptualLoss`, or None for no feature term.
        pixel_weight: float >= 0, gamma1.
        feature_weight: float >= 0, gamma2.
        name: str or None, name of the loss.
        reduction: how Keras joins the images of a batch.

    Call arguments:
        y_true: float `(batch, height, width, 3)`, sharp images x, [0, 1].
        y_pred: the same shape, restored images x~, not clipped.

    Returns:
        `call` returns l_i, float32 `(batch,)`, dimensionless. It is both what the generator
        minimises and what self-paced learning ranks the samples by.

    Raises:
        InvalidInput: if both terms are missing, the norm is unknown, or a weight is negative.

    Source: Zhang et al., Bi-Skip, 2019, Eqn 4 with gamma1 = 100 and gamma2 = 0.1 (section 5).
        We differ: v_i and the sum over samples are left to `sample_weight` and `reduction`;
        a scheme with one term keeps that term's weight, of which the paper says nothing.
    """

    def __init__(
        self,
        pixel="l1",
        features=None,
        pixel_weight=100.0,
        feature_weight=0.1,
        name="bi_level_content",
        reduction="sum_over_batch_size",
    ):
        if pixel is None and features is None:
            raise InvalidInput(
                "`pixel` and `features` must not both be None: nothing would be compared. "
                'Received: pixel=None, features=None. Pass pixel="l1" or "l2", '
                "or features=VGGFeatures(...)."
            )
        if pixel is not None:
            _check_norm("pixel", pixel)
        for argument, value in {
            "pixel_weight": pixel_weight,
            "feature_weight": feature_weight,
        }.items():
            if not 0 <= value < float("inf"):
                raise InvalidInput(
                    f"`{argument}` must be a finite number that is at least 0. "
                    f"Received: {argument}={value}"
                )
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self.pixel = pixel
        self.pixel_weight = float(pixel_weight)
        self.feature_weight = float(feature_weight)
        self._features = None if features is None else Unsaved(features)

    @property
    def uses_features(self):
        """Whether the feature term is part of the loss."""
        return self._features is not None

    def terms(self, sharp, restored):
        """The terms of Eqn 4 without their weights, for logs and for `combine`.

        Args:
            sharp: float `(batch, height, width, 3)`, [0, 1].
            restored: the same shape, not clipped.

        Returns:
            dict of float32 `(batch,)`: "pixel" and "features", those that the loss has.
        """
        sharp, restored = ops.cast(sharp, "float32"), ops.cast(restored, "float32")
        terms = {}
        if self.pixel is not None:
            terms["pixel"] = _pixel_term(self.pixel, sharp, restored)
        if self._features is not None:
            terms["features"] = _feature_term(self._features, sharp, restored)
        return terms

    def combine(self, terms):
        """Weighted sum of what `terms` returned: l_i of Eqn 4, float32 `(batch,)`."""
        weights = {"pixel": self.pixel_weight, "features": self.feature_weight}
        return sum(weights[name] * term for name, term in terms.items())

    def call(self, y_true, y_pred):
        """l_i of Eqn 4, float32 `(batch,)`."""
        return self.combine(self.terms(y_true, y_pred))

    def get_config(self):
        """Constructor arguments; the features as Keras serialises them, weights not included."""
        return {
            **super().get_config(),
            "pixel": self.pixel,
            "features": None if self._features is None else self._features.serialize(),
            "pixel_weight": self.pixel_weight,
            "feature_weight": self.feature_weight,
        }

    @classmethod
    def from_config(cls, config):
        """The loss that `get_config` describes."""
        return cls(**{**config, "features": Unsaved.deserialize(config["features"])})
