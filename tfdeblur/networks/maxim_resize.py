"""Bilinear resizing of features by 2 or 4, in graphs of unknown size too (keras only)."""

import keras
from keras import layers, ops

from tfdeblur.networks import gradients

# What lies outside an image, as `ops.pad` calls it.
OUTSIDE_NOTHING = "constant"
OUTSIDE_EDGES = "symmetric"


def _checked(ratio):
    if ratio not in (2, 4):
        raise ValueError(f"`ratio` must be 2 or 4. Received: ratio={ratio!r}")
    return ratio


def _gathered(x, ratio, outside):
    """Sums under a triangle of 2 `ratio` pixels around every `ratio`-th place, along both axes."""
    taps = [1 - abs(place + 0.5 - ratio) / ratio for place in range(2 * ratio)]
    row = ops.convert_to_tensor(taps, dtype=x.dtype)
    kernel = ops.tile((row[:, None] * row)[:, :, None, None], (1, 1, x.shape[-1], 1))
    side = ratio // 2
    padded = ops.pad(x, ((0, 0), (side, side), (side, side), (0, 0)), mode=outside)
    return ops.depthwise_conv(padded, kernel, strides=ratio, padding="valid")


def _spread(x, ratio, outside):
    """Enlarges bilinearly along the height, then along the width: the adjoint of `_gathered`."""
    batch, height, width, channels = ops.shape(x)
    padded = ops.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)), mode=outside)
    x = ops.stack(_between(padded[:, :-2], x, padded[:, 2:], ratio), axis=2)
    height = height * ratio
    x = ops.reshape(x, (batch, height, width, channels))
    padded = ops.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0)), mode=outside)
    x = ops.stack(_between(padded[:, :, :-2], x, padded[:, :, 2:], ratio), axis=3)
    return ops.reshape(x, (batch, height, width * ratio, channels))


def _between(before, here, after, ratio):
    """What lies at each of the `ratio` places that a pixel becomes."""
    found = []
    for place in range(ratio):
        offset = (place + 0.5) / ratio - 0.5
        neighbour = before if offset < 0 else after
        found.append(here * (1 - abs(offset)) + neighbour * abs(offset))
    return found


def _paired(forward, adjoint):
    """`forward` with `adjoint` as its gradient: autodiff's goes back slice by slice."""

    def mapped(x, ratio, outside):
        @ops.custom_gradient
        def function(x):
            def gradient(*found, upstream=None):
                upstream = found[0] if upstream is None else upstream
                return adjoint(upstream, ratio, outside)

            return forward(x, ratio, outside), gradient

        return function(x)

    return mapped


_gathered_for_training = _paired(_gathered, _spread)
_spread_for_training = _paired(_spread, _gathered)


@keras.saving.register_keras_serializable("tfdeblur")
class SmoothShrink(layers.Layer):
    """Shrinks by 2 or 4 with a triangle filter: bilinear resizing with antialiasing.

    Args:
        ratio: int, 2 or 4; height and width are multiples of it.

    Filter weights outside the image are left out and the others scaled up, as
    `jax.image.resize` and `tf.image.resize(antialias=True)` do; as one convolution it is much
    faster than either.
    """

    def __init__(self, ratio, **kwargs):
        super().__init__(**kwargs)
        self.ratio = _checked(ratio)

    def call(self, x, training=None):
        """Shrinks every channel by itself."""
        inside = _gathered(ops.ones_like(x[:1, :, :, :1]), self.ratio, OUTSIDE_NOTHING)
        fast = training and gradients.pays_off()
        gathered = _gathered_for_training if fast else _gathered
        return gathered(x, self.ratio, OUTSIDE_NOTHING) / inside

    def compute_output_shape(self, shape):
        """Height and width divided by the ratio."""
        sides = (None if side is None else side // self.ratio for side in shape[1:3])
        return (shape[0], *sides, shape[3])

    def get_config(self):
        """Constructor arguments."""
        return {**super().get_config(), "ratio": self.ratio}


@keras.saving.register_keras_serializable("tfdeblur")
class SmoothEnlarge(layers.Layer):
    """Enlarges bilinearly, pixel centres aligned, edges repeated.

    Args:
        ratio: int, 2 or 4.

    Keras' own resizing cannot be traced for images of unknown size.
    """

    def __init__(self, ratio, **kwargs):
        super().__init__(**kwargs)
        self.ratio = _checked(ratio)

    def call(self, x, training=None):
        """Enlarges every channel by itself."""
        fast = training and gradients.pays_off()
        return (_spread_for_training if fast else _spread)(x, self.ratio, OUTSIDE_EDGES)

    def compute_output_shape(self, shape):
        """Height and width times the ratio."""
        sides = (None if side is None else side * self.ratio for side in shape[1:3])
        return (shape[0], *sides, shape[3])

    def get_config(self):
        """Constructor arguments."""
        return {**super().get_config(), "ratio": self.ratio}
