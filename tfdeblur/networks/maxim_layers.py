"""Layers of MAXIM: norm and dense layer over channels, mixing along grid or block (keras only).

Source: Tu et al., MAXIM: Multi-Axis MLP for Image Processing, CVPR 2022, section 3,
arXiv:2201.02973. Features are float `(batch, height, width, channels)`, dimensionless.
"""

import keras
from keras import layers, ops

from tfdeblur.networks import gradients
from tfdeblur.networks.maxim_windows import BLOCK, lay_windows, put_back, taken

AXES = ("grid", "block")
_EPSILON = 1e-6


@keras.saving.register_keras_serializable("tfdeblur")
class ChannelNorm(layers.Layer):
    """Layer norm over the channels of each pixel; statistics in float32 under any policy.

    Returns:
        The shape of the input, in the layer's compute type.
    """

    def build(self, shape):
        """Makes gain and offset, one of each per channel."""
        self.gain = self.add_weight(shape=(shape[-1],), initializer="ones", name="gain")
        self.offset = self.add_weight(shape=(shape[-1],), initializer="zeros", name="offset")

    def call(self, x, training=None):
        """Normalises every pixel."""
        norm = gradients.layer_norm
        if training and gradients.pays_off():
            norm = gradients.layer_norm_for_training
        found = (ops.cast(part, "float32") for part in (x, self.gain, self.offset))
        return ops.cast(norm(*found, _EPSILON), self.compute_dtype)

    def compute_output_shape(self, shape):
        """Shape of the input; saves Keras from tracing every norm of a network."""
        return shape


@keras.saving.register_keras_serializable("tfdeblur")
class ChannelDense(layers.Layer):
    """Dense layer over the channels of each pixel, by default without activation.

    Args:
        units: int >= 1, channels of the result.
        activation: None or "gelu".
        halves: bool, gives the result as two tensors of half the channels each.

    Attributes:
        gelu: of `gradients.GELU_FORMS`, the form of the activation; may be set at any time.

    Call arguments:
        x: features, or a list of features that count as joined along their channels.

    Joined features and halves are products with parts of the kernel: joining and splitting would
    each be a pass over memory, and splitting's gradient two slow ones. Written as one product of
    matrices, not as Keras' `Dense`: that is what graph optimisers fuse with its bias.
    """

    def __init__(self, units, activation=None, halves=False, **kwargs):
        super().__init__(**kwargs)
        if activation not in (None, "gelu"):
            raise ValueError(f"`activation` must be None or 'gelu'. Received: {activation!r}")
        if halves and units % 2:
            raise ValueError(f"`units` must be even to give halves. Received: units={units!r}")
        self.units = units
        self.activation = activation
        self.halves = halves
        self.gelu = "tanh"

    def build(self, shape):
        """Makes kernel `(channels, units)` and bias."""
        joined = shape if isinstance(shape[0], (tuple, list)) else [shape]
        channels = sum(part[-1] for part in joined)
        self.kernel = self.add_weight(
            shape=(channels, self.units), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, x, training=None):
        """Multiplies every pixel's channels."""
        joined = x if isinstance(x, (tuple, list)) else [x]
        if not self.halves:
            return self._columns(joined, slice(None), training)
        middle = self.units // 2
        columns = slice(None, middle), slice(middle, None)
        return tuple(self._columns(joined, half, training) for half in columns)

    def _columns(self, joined, columns, training):
        y, row = self.bias[columns], 0
        for part in joined:
            channels = part.shape[-1]
            kernel = self.kernel[row : row + channels, columns]
            y = ops.add(ops.matmul(ops.reshape(part, (-1, channels)), kernel), y)
            row += channels
        if self.activation:
            fast = training and gradients.pays_off()
            y = (gradients.gelu_for_training if fast else gradients.gelu)(y, self.gelu)
        return ops.reshape(y, (*ops.shape(joined[0])[:-1], y.shape[-1]))

    def compute_output_shape(self, shape):
        """Shape of the input with other channels; twice, with half of them, if `halves`."""
        shape = shape[0] if isinstance(shape[0], (tuple, list)) else shape
        if self.halves:
            return ((*shape[:-1], self.units // 2),) * 2
        return (*shape[:-1], self.units)

    def get_config(self):
        """Constructor arguments."""
        config = {"units": self.units, "activation": self.activation, "halves": self.halves}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("tfdeblur")
class CellMixing(layers.Layer):
    """Mixes pixels with each other, each channel by itself, by one dense layer of `size`² units.

    Args:
        axis: "grid": the image is cut into `size` x `size` cells, and pixels of equal place in
            all cells mix (reaches over the whole image, or over a window of it); "block": the
            pixels of each block of `size` x `size` mix.
        size: int >= 1; height and width are multiples of it.
        offset: float, added to the result: 1.0 where it is a gate that begins open.
        unit: int, pixels here that `maxim_windows.BLOCK` pixels have at full size.

    Attributes:
        window: int or None, blocks of `unit` pixels that the grid is laid over, about, where there
            are more; None: over all. May be set until the layer is traced.
    """

    def __init__(self, axis, size, offset=0.0, unit=BLOCK, **kwargs):
        super().__init__(**kwargs)
        if axis not in AXES:
            raise ValueError(f"`axis` must be one of {list(AXES)}. Received: axis={axis!r}")
        self.axis = axis
        self.size = size
        self.offset = offset
        self.unit = unit
        self.window = None

    def build(self, shape):
        """Makes kernel (from, to) and bias over the `size`² cells or pixels."""
        count = self.size**2
        self.kernel = self.add_weight(
            shape=(count, count),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            name="kernel",
        )
        self.bias = self.add_weight(shape=(count,), initializer="zeros", name="bias")

    def call(self, x, training=None):
        """Mixes along the axis, in each window by itself where there are several."""
        if self.axis == "block" or self.window is None:
            return self._mix(x, (1, 1), training)
        unit, height, width = self.unit, *ops.shape(x)[1:3]
        down, across = (lay_windows(side // unit, self.window) for side in (height, width))
        windowed = taken(taken(x, down, 1, unit), across, 2, unit)
        counts = tuple(1 if axis is None else axis.count for axis in (down, across))
        mixed = self._mix(windowed, counts, training)
        return put_back(put_back(mixed, across, 2, unit), down, 1, unit)

    def _mix(self, x, counts, training):
        """By products that are many and small, or few where gradients follow.

        With oneDNN small ones are faster (26 ms against 93 for 512 x 512 x 32 on two AVX2 cores;
        without it slower, 134 against 92), but each would have a kernel's gradient of its own.
        """
        batch, height, width, channels = ops.shape(x)
        size, (down, across) = self.size, counts
        if self.axis == "grid":
            parts = down, size, height // (down * size), across, size, width // (across * size)
            mixed, others = (2, 5), (1, 3, 4, 6)
        else:
            parts, mixed, others = (height // size, size, width // size, size), (2, 4), (1, 3)
        last = len(parts) + 1
        order = (0, *mixed, *others, last) if training else (0, *others, *mixed, last)
        x = ops.transpose(ops.reshape(x, (batch, *parts, channels)), order)
        moved = ops.shape(x)
        flat = (batch, size**2, -1) if training else (-1, size**2, channels)
        x = ops.matmul(ops.transpose(self.kernel), ops.reshape(x, flat))
        x = ops.reshape(x + (self.bias + self.offset)[:, None], moved)
        back = tuple(order.index(axis) for axis in range(last + 1))
        return ops.reshape(ops.transpose(x, back), (batch, height, width, channels))

    def compute_output_shape(self, shape):
        """Shape of the input."""
        return shape

    def get_config(self):
        """Constructor arguments."""
        config = {"axis": self.axis, "size": self.size, "offset": self.offset, "unit": self.unit}
        return {**super().get_config(), **config}
