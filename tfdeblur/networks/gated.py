"""Bi-Skip's paths of gated blocks, which learn faster in the hours two cores have (keras only)."""

import keras
from keras import layers, ops

from tfdeblur.networks import gradients
from tfdeblur.networks.blocks import conv
from tfdeblur.networks.folding import unfold

_EPSILON = 1e-6
_FIRST_SCALE = 0.2


@keras.saving.register_keras_serializable("tfdeblur")
class GatedBlock(layers.Layer):
    """x + scale * pointwise(a * b), where a and b are the halves of conv3x3(norm(x)).

    The norm divides every pixel by the root mean square of its channels, in float32 under any
    policy, and has a gain per channel. Gain and scale multiply kernels, not features: the
    numbers are the same, and two passes over the features are saved.

    Call arguments:
        x: features, float `(batch, height, width, channels)`, channels even.

    Returns:
        The same shape, in the layer's compute type.

    Raises:
        ValueError: if the number of channels is odd.

    Source: gate and residual as in Chen et al., NAFNet, arXiv:2204.04676, with a full 3x3
        convolution where that has a depthwise one; the norm of Zhang and Sennrich,
        arXiv:1910.07467; a scale that begins small as in Touvron et al., arXiv:2103.17239.
    """

    def build(self, shape):
        """Makes two kernels with biases, and per channel a gain and a scale."""
        channels = shape[-1]
        if channels % 2:
            raise ValueError(f"`channels` must be even for a gate. Received: channels={channels}")
        half = channels // 2
        # Cast once they are multiplied, so not by Keras before.
        for name, of_shape, initializer in (
            ("gain", (channels,), "ones"),
            ("kernel", (3, 3, channels, channels), "glorot_uniform"),
            ("bias", (channels,), "zeros"),
            ("pointwise_kernel", (1, 1, half, channels), "glorot_uniform"),
            ("pointwise_bias", (channels,), "zeros"),
            ("scale", (channels,), keras.initializers.Constant(_FIRST_SCALE)),
        ):
            weight = self.add_weight(
                shape=of_shape, initializer=initializer, name=name, autocast=False
            )
            setattr(self, name, weight)

    def call(self, x, training=None):
        """Norm, convolution, gate, pointwise convolution, sum."""
        y = ops.cast(x, "float32")
        mean_square = ops.mean(ops.square(y), axis=-1, keepdims=True)
        y = self._cast(y * ops.rsqrt(mean_square + _EPSILON))
        convolve = gradients.conv3x3
        if training and gradients.pays_off() and gradients.convolution_pays_off():
            convolve = gradients.conv3x3_for_training
        y = convolve(y, self._cast(self.kernel * self.gain[:, None]))
        first, second = ops.split(y + self._cast(self.bias), 2, axis=-1)
        y = ops.conv(first * second, self._cast(self.pointwise_kernel * self.scale))
        return x + y + self._cast(self.pointwise_bias * self.scale)

    def compute_output_shape(self, shape):
        """Shape of the input."""
        return shape

    def _cast(self, values):
        return ops.cast(values, self.compute_dtype)


def gated_paths(x, channels, depths, norm):
    """Contracting, skipping and expanding paths of gated blocks.

    As in the paper's network a scale hands on shallow features (before its blocks) and deep ones
    (after them), of half its channels each. All other convolutions are linear.

    Args:
        x: features or image.
        channels: even ints, one a scale, the largest scale first.
        depths: ints, one less than twice as many: blocks going down, then coming up.
        norm: of the convolutions outside the blocks, as in `blocks.conv`.

    Returns:
        Features of the largest scale, of the height and width of `x`.
    """
    linear = {"norm": norm, "activate": False}
    smallest, skips = len(channels) - 1, []
    x = conv(x, channels[0], 3, "front", **linear)
    for scale in range(smallest):
        half = channels[scale] // 2
        shallow = conv(x, half, 1, f"shallow{scale}", **linear)
        x = _blocks(x, depths[scale], f"down{scale}")
        skips.append([shallow, conv(x, half, 3, f"deep{scale}", **linear)])
        x = conv(x, channels[scale + 1], 2, f"to{scale + 1}", stride=2, **linear)
    x = _blocks(x, depths[smallest], f"up{smallest}")
    for scale in reversed(range(smallest)):
        x = conv(x, 4 * channels[scale], 1, f"enlarge{scale}", **linear)
        x = unfold(x, 2, f"enlarged{scale}")
        x = layers.Concatenate(name=f"join{scale}")([x, *skips[scale]])
        x = conv(x, channels[scale], 3, f"merge{scale}", **linear)
        x = _blocks(x, depths[2 * smallest - scale], f"up{scale}")
    return x


def _blocks(x, count, name):
    for i in range(count):
        x = GatedBlock(name=f"{name}_block{i}")(x)
    return x
