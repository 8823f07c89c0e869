"""Layers of MAXIM: norm and dense layer over channels, mixing along grid or block (keras only).

Source: Tu et al., MAXIM: Multi-Axis MLP for Image Processing, CVPR 2022, section 3,
arXiv:2201.02973. Features are float `(batch, height, width, channels)`, dimensionless.
"""

import keras
from keras import layers, ops

from tfdeblur.networks import gradients
from tfdeblur.networks.maxim_windows import BLOCK, ONE_WINDOW, blocks_at, lay_windows

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
        window: int or None, blocks of `unit` pixels that the grid is laid over where there are
            more; None: over all. May be set until the layer is traced.
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
        """Mixes along the axis, by products that are many and small, or few for gradients.

        With oneDNN small ones are faster (26 ms against 93 for 512 x 512 x 32 on two AVX2 cores;
        without it slower, 134 against 92), but each would have a kernel's gradient of its own.
        """
        return (self._over_grid if self.axis == "grid" else self._over_blocks)(x, training)

    def _over_blocks(self, x, training):
        batch, height, width, channels = ops.shape(x)
        size = self.size
        x = ops.reshape(x, (batch, height // size, size, width // size, size, channels))
        order = (0, 2, 4, 1, 3, 5) if training else (0, 1, 3, 2, 4, 5)
        x = ops.transpose(x, order)
        moved = ops.shape(x)
        flat = (batch, size**2, -1) if training else (-1, size**2, channels)
        x = ops.matmul(ops.transpose(self.kernel), ops.reshape(x, flat))
        x = ops.reshape(x + (self.bias + self.offset)[:, None], moved)
        back = tuple(order.index(axis) for axis in range(6))
        return ops.reshape(ops.transpose(x, back), (batch, height, width, channels))

    def _over_grid(self, x, training):
        """In each window by itself, and of its cells those alone that are wanted of it."""
        size, unit, window = self.size, self.unit, self.window
        sides = ops.shape(x)[1:3]
        if window is None:
            down = across = ONE_WINDOW
        else:
            down, across = (lay_windows(side // unit, window, size) for side in sides)
        x = blocks_at(blocks_at(x, down.taken, 1, unit), across.taken, 2, unit)
        batch, height, width, channels = ops.shape(x)
        rows, columns = (axis.count * size for axis in (down, across))
        parts = (down.count, size, height // rows, across.count, size, width // columns)
        # Windows first; then the cells, or the pixels within one, where products are to be small.
        order = (0, 1, 4, 2, 5, 3, 6, 7) if training else (0, 1, 4, 3, 6, 2, 5, 7)
        x = ops.transpose(ops.reshape(x, (batch, *parts, channels)), order)
        moved, at = list(ops.shape(x)), order.index(2)
        windows, within = parts[0] * parts[3], parts[2] * parts[5]
        flat = (size**2, within * channels) if training else (within, size**2, channels)
        kernel, bias = self._wanted(down.cells, across.cells, training)
        x = ops.matmul(kernel, ops.reshape(x, (batch, windows, *flat))) + bias
        cells = down.cells, across.cells
        moved[at : at + 2] = (size if one is None else ops.shape(one)[1] for one in cells)
        x = ops.transpose(ops.reshape(x, moved), tuple(order.index(axis) for axis in range(8)))
        made = ops.shape(x)
        joined = (batch, made[1] * made[2] * made[3], made[4] * made[5] * made[6], channels)
        x = ops.reshape(x, joined)
        return blocks_at(blocks_at(x, across.kept, 2, unit), down.kept, 1, unit)

    def _wanted(self, rows, columns, training):
        """Kernel and bias of the cells that are wanted of each window, to multiply all windows."""
        size, found = self.size, []
        kernel, bias = ops.transpose(self.kernel), (self.bias + self.offset)[:, None]
        if rows is None and columns is None:
            return kernel, bias
        for values in (kernel, bias):
            values = ops.reshape(values, (size, size, values.shape[-1]))
            of_rows = values[None] if rows is None else ops.take(values, rows, axis=0)
            both = of_rows[:, :, None] if columns is None else ops.take(of_rows, columns, axis=2)
            both = ops.transpose(both, (0, 2, 1, 3, 4))  # windows, then their cells
            down, across, high, wide, last = ops.shape(both)
            within = () if training else (1,)
            found.append(ops.reshape(both, (1, down * across, *within, high * wide, last)))
        return found

    def compute_output_shape(self, shape):
        """Shape of the input."""
        return shape

    def get_config(self):
        """Constructor arguments."""
        config = {"axis": self.axis, "size": self.size, "offset": self.offset, "unit": self.unit}
        return {**super().get_config(), **config}
