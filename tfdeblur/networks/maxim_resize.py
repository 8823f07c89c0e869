"""Bilinear resizing of features by 2 or 4, in graphs of unknown size too (keras only)."""

import keras
from keras import layers, ops


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
        if ratio not in (2, 4):
            raise ValueError(f"`ratio` must be 2 or 4. Received: ratio={ratio!r}")
        self.ratio = ratio

    def call(self, x):
        """Shrinks every channel by itself."""
        inside = ops.ones_like(x[:1, :, :, :1])
        return self._filter(x) / self._filter(inside)

    def _filter(self, x):
        ratio = self.ratio
        taps = [1 - abs(place + 0.5 - ratio) / ratio for place in range(2 * ratio)]
        row = ops.convert_to_tensor(taps, dtype=x.dtype) / ratio
        kernel = ops.tile((row[:, None] * row)[:, :, None, None], (1, 1, x.shape[-1], 1))
        side = ratio // 2
        padded = ops.pad(x, ((0, 0), (side, side), (side, side), (0, 0)))
        return ops.depthwise_conv(padded, kernel, strides=ratio, padding="valid")

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
        ratio: int >= 2.

    Keras' own resizing cannot be traced for images of unknown size.
    """

    def __init__(self, ratio, **kwargs):
        super().__init__(**kwargs)
        if ratio < 2:
            raise ValueError(f"`ratio` must be at least 2. Received: ratio={ratio!r}")
        self.ratio = ratio

    def call(self, x):
        """Enlarges along the height, then along the width."""
        batch, height, width, channels = ops.shape(x)
        ratio = self.ratio
        padded = ops.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)), mode="symmetric")
        x = ops.stack(self._between(padded[:, :-2], x, padded[:, 2:]), axis=2)
        height = height * ratio
        x = ops.reshape(x, (batch, height, width, channels))
        padded = ops.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0)), mode="symmetric")
        x = ops.stack(self._between(padded[:, :, :-2], x, padded[:, :, 2:]), axis=3)
        return ops.reshape(x, (batch, height, width * ratio, channels))

    def _between(self, before, here, after):
        """What lies at each of the `ratio` places that a pixel becomes."""
        found = []
        for place in range(self.ratio):
            offset = (place + 0.5) / self.ratio - 0.5
            neighbour = before if offset < 0 else after
            found.append(here * (1 - abs(offset)) + neighbour * abs(offset))
        return found

    def compute_output_shape(self, shape):
        """Height and width times the ratio."""
        sides = (None if side is None else side * self.ratio for side in shape[1:3])
        return (shape[0], *sides, shape[3])

    def get_config(self):
        """Constructor arguments."""
        return {**super().get_config(), "ratio": self.ratio}
