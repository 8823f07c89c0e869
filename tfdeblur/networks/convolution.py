"""The convolution of all networks: Keras' own, trained faster on processors (keras only)."""

import keras
from keras import layers, ops

from tfdeblur.networks import gradients


@keras.saving.register_keras_serializable("tfdeblur")
class Conv2D(layers.Conv2D):
    """Keras' `Conv2D`; plain 3x3 ones take `gradients.conv3x3_for_training` where it pays.

    Named as Keras' own on purpose: files of weights find a layer by the name of its class, and
    those written before this class was here must load.
    """

    def call(self, x, training=None):
        """Convolves and adds the bias."""
        written_out = training and gradients.pays_off() and gradients.convolution_pays_off()
        if not (written_out and self._is_plain_3x3()):
            return super().call(x)
        y = gradients.conv3x3_for_training(x, ops.cast(self.kernel, x.dtype))
        return y + ops.cast(self.bias, x.dtype) if self.use_bias else y

    def _is_plain_3x3(self):
        return (
            self.kernel_size == (3, 3)
            and self.strides == self.dilation_rate == (1, 1)
            and self.padding == "same"
            and self.groups == 1
            and self.data_format == "channels_last"
            and self.activation is keras.activations.linear
        )
