"""The loss over all stages and scales of a network that restores at each (keras only)."""

import keras
from keras import ops

from tfdeblur.errors import InvalidInput
from tfdeblur.losses._parts import PerImage, mean_per_image

_EPSILON = 1e-3  # where Charbonnier's loss turns from a square into an absolute value


@keras.saving.register_keras_serializable("tfdeblur")
class MultiScaleLoss(PerImage):
    """Charbonnier and frequency loss of one restored image.

    Args:
        frequency_weight: float >= 0, factor on the mean absolute difference of the Fourier
            coefficients; 0 leaves them out.

    Call arguments:
        y_true: float `(batch, height, width, channels)`, the sharp images, [0, 1].
        y_pred: the same shape, the restored images, not clipped.

    Returns:
        `call` returns float32 `(batch,)`, one value > 0 per image, dimensionless; `over_scales`
        the sum of it over lists of images.

    Raises:
        InvalidInput: if `frequency_weight` is below 0.

    Source: Tu et al., MAXIM, CVPR 2022, section 3.4, arXiv:2201.02973: a sum over stages and
        scales of Charbonnier's loss and 0.1 times the frequency loss, which is Cho et al.'s
        (Rethinking coarse-to-fine, ICCV 2021). We divide the coefficients by the square root of
        their number, so that a crop's size does not change their weight; theirs are not divided.
    """

    def __init__(
        self, frequency_weight=0.1, name="multi_scale_loss", reduction="sum_over_batch_size"
    ):
        if frequency_weight < 0:
            raise InvalidInput(
                "`frequency_weight` must be at least 0. "
                f"Received: frequency_weight={frequency_weight}"
            )
        super().__init__(name=name, reduction=reduction)
        self.frequency_weight = frequency_weight

    def call(self, y_true, y_pred):
        """Value per image, float32 `(batch,)`."""
        difference = ops.cast(y_true, "float32") - ops.cast(y_pred, "float32")
        charbonnier = mean_per_image(ops.sqrt(ops.square(difference) + _EPSILON**2))
        if not self.frequency_weight:
            return charbonnier
        return charbonnier + self.frequency_weight * self._frequencies(difference)

    def _frequencies(self, difference):
        # Linear: the transform of the difference is the difference of the transforms.
        planes = ops.transpose(difference, (0, 3, 1, 2))
        real, imaginary = ops.fft2((planes, ops.zeros_like(planes)))
        pixels = ops.cast(ops.size(planes[0, 0]), "float32")
        both = mean_per_image(ops.abs(real)) + mean_per_image(ops.abs(imaginary))
        return 0.5 * both / ops.sqrt(pixels)

    def over_scales(self, sharp, restored):
        """Sum over all images, float32 `(batch,)`.

        Args:
            sharp: list over scales of the sharp image.
            restored: list over stages of lists over scales.
        """
        terms = [
            self.call(wanted, given)
            for of_stage in restored
            for wanted, given in zip(sharp, of_stage, strict=True)
        ]
        return sum(terms[1:], terms[0])

    def get_config(self):
        """Constructor arguments as plain values."""
        return {**super().get_config(), "frequency_weight": self.frequency_weight}
