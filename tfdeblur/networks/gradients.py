"""Operations whose gradients are written out, since autodiff makes slow ones (keras only).

Each gives what its plain form gives, and the same gradient up to rounding. They are for training:
forward they cost the same, and saved graphs should hold plain operations.
"""

import functools
import math

import keras
from keras import ops

from tfdeblur.processor import has_avx512

# GELU's tanh form, x (1 + tanh(s (x + 0.044715 x^3))) / 2 with s = sqrt(2 / pi), is
# x sigmoid(x (LINEAR + CUBIC x^2)): two passes over memory fewer where nothing fuses them.
_LINEAR = 2 * math.sqrt(2 / math.pi)
_CUBIC = 0.044715 * _LINEAR
_HALF_ROOT = math.sqrt(0.5)
GELU_FORMS = ("tanh", "erf")
ONEDNN_EPSILON = 1e-3


def gelu(x, form="tanh"):
    """GELU (Hendrycks and Gimpel, arXiv:1606.08415) of any float, any shape.

    Both forms are written as oneDNN recognises them: behind `ops.add` of a bias and a product of
    matrices it computes all three in one pass over memory; "erf" in bfloat16 too.

    Args:
        x: float, any shape.
        form: "tanh", as the published MAXIM, or "erf", the exact one; at most 5e-4 apart.
    """
    if form == "tanh":
        return ops.gelu(x, approximate=True)
    return 0.5 * x * (1.0 + ops.erf(x * _HALF_ROOT))


def gelu_for_training(x, form="tanh"):
    """`gelu` with its gradient in few passes over memory; kept for it are `x` and, for "tanh", the
    share of it that comes through (TensorFlow's optimiser merges it where it is computed twice)."""
    return (_tanh_for_training if form == "tanh" else _erf_for_training)(x)


@ops.custom_gradient
def _tanh_for_training(x):
    share = ops.sigmoid(x * (_LINEAR + _CUBIC * ops.square(x)))

    def gradient(*found, upstream=None):
        upstream = found[0] if upstream is None else upstream
        slope = x * (1 - share) * (_LINEAR + (3 * _CUBIC) * ops.square(x))
        return upstream * share * (1 + slope)

    return x * share, gradient


@ops.custom_gradient
def _erf_for_training(x):
    def gradient(*found, upstream=None):
        upstream = found[0] if upstream is None else upstream
        density = ops.exp(-0.5 * ops.square(x)) * (1 / math.sqrt(2 * math.pi))
        return upstream * (0.5 + 0.5 * ops.erf(x * _HALF_ROOT) + x * density)

    return gelu(x, "erf"), gradient


def layer_norm(x, gain, offset, epsilon):
    """Layer norm over the last axis.

    Written as oneDNN recognises it where gain and offset are constants of the graph; it then takes
    one pass over memory: over two axes, and with the epsilon that its form has whatever the graph
    says (`ONEDNN_EPSILON`; findings/tensorflow_layer_norm_epsilon.sh). x is scaled so that this
    one is `epsilon`.

    Args:
        x: float32 `(..., channels)`.
        gain, offset: float32 `(channels,)`.
        epsilon: float > 0, added to the variance.
    """
    shape = ops.shape(x)
    x = ops.reshape(x, (-1, x.shape[-1])) * math.sqrt(ONEDNN_EPSILON / epsilon)
    mean, variance = ops.moments(x, 1, keepdims=True)
    scale = ops.rsqrt(variance + ONEDNN_EPSILON) * gain
    return ops.reshape(x * scale + (offset - scale * mean), shape)


def layer_norm_for_training(x, gain, offset, epsilon):
    """`layer_norm`, its gradient as products of matrices instead of sums of broadcasts."""

    @ops.custom_gradient
    def norm(x, gain, offset):
        mean = ops.mean(x, axis=-1, keepdims=True)
        centred = x - mean
        scale = ops.rsqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + epsilon)

        def gradient(*found, upstream=None):
            upstream = found[0] if upstream is None else upstream
            return _layer_norm_gradient(upstream, x, mean, scale, gain)

        return centred * scale * gain + offset, gradient

    return norm(x, gain, offset)


def _layer_norm_gradient(upstream, x, mean, scale, gain):
    """Gradients for x, gain and offset; `mean` and `scale` are what every pixel was changed by."""
    shape, channels = ops.shape(x), x.shape[-1]
    centred, upstream = (ops.reshape(part, (-1, channels)) for part in (x - mean, upstream))
    scale = ops.reshape(scale, (-1, 1))
    weights = ops.reshape(gain, (channels, 1)) / channels
    product = upstream * centred
    middle = ops.matmul(upstream, weights)  # mean gradient of the standardised x
    along = ops.matmul(product, weights) * ops.square(scale)  # its part along centred x
    for_x = (upstream * gain - middle - centred * along) * scale
    for_gain = ops.matmul(ops.transpose(scale), product)
    for_offset = ops.matmul(ops.ones_like(ops.transpose(scale)), upstream)
    return ops.reshape(for_x, shape), for_gain[0], for_offset[0]


def pays_off():
    """True where these gradients were measured to be faster: TensorFlow on processors."""
    return keras.config.backend() == "tensorflow" and not keras.distribution.list_devices("gpu")


@functools.cache
def convolution_pays_off():
    """The same of `conv3x3_for_training`: where the processor has no AVX-512 (docs/speed.md)."""
    return not has_avx512()


def conv3x3(x, kernel):
    """3x3 convolution, stride 1, same size."""
    return ops.conv(x, kernel, padding="same")


def conv3x3_for_training(x, kernel):
    """`conv3x3` whose kernel's gradient is one product of matrices.

    Three shifts of the input along its rows times three shifts of the gradient along its columns:
    2 to 3 times as fast as the library's own on two AVX2 cores (oneDNN; docs/speed.md), half as
    fast on two with AVX-512.

    Args:
        x: float `(batch, height, width, channels)`.
        kernel: float `(3, 3, channels, filters)`.

    Returns:
        float `(batch, height, width, filters)`.
    """

    @ops.custom_gradient
    def convolve(x, kernel):
        def gradient(*found, upstream=None):
            upstream = found[0] if upstream is None else upstream
            # Same size, stride 1: the input's gradient is a convolution with the turned kernel.
            turned = ops.transpose(ops.flip(kernel, axis=(0, 1)), (0, 1, 3, 2))
            return conv3x3(upstream, turned), _conv3x3_kernel_gradient(x, upstream)

        return conv3x3(x, kernel), gradient

    return convolve(x, kernel)


def _conv3x3_kernel_gradient(x, upstream):
    height, width = ops.shape(x)[1:3]
    channels, filters = x.shape[-1], upstream.shape[-1]
    wide = ops.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0)))
    shifted = ops.concatenate([wide[:, :, i : i + width] for i in range(3)], axis=-1)
    tall = ops.pad(upstream, ((0, 0), (1, 1), (0, 0), (0, 0)))
    moved = ops.concatenate([tall[:, i : i + height] for i in (2, 1, 0)], axis=-1)
    shifted = ops.reshape(shifted, (-1, 3 * channels))
    moved = ops.reshape(moved, (-1, 3 * filters))
    found = ops.reshape(
        ops.matmul(ops.transpose(shifted), moved), (3, channels, 3, filters)
    )  # column of the kernel, channel, row of the kernel, filter
    return ops.transpose(found, (2, 0, 1, 3))
