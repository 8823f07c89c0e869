"""Pixel unshuffle and back: an image as fewer, deeper pixels (keras only)."""

import keras
from keras import layers, ops

from tfdeblur.networks.blocks import check_choice

UNSHUFFLES = (1, 2, 4)


def check_unshuffle(unshuffle):
    """Raises ValueError unless `unshuffle` is 1, 2 or 4."""
    check_choice("unshuffle", unshuffle, UNSHUFFLES)


def overlap_of(unshuffle):
    """Pixels at each side of a tile that its neighbour must cover too, of networks that fold.

    The same convolutions see farther where pixels are cells. Measured with `benchmarks/overlap.py`
    on Bi-Skip of gated blocks (preset biskip, random weights, a frame of GOPRO): a border 16 pixels
    within these overlaps changes the result by less than 2e-5 of what the network changes, where 64
    pixels for all leave 0.25 % (unshuffle 2) and 3.5 % (4) on average, 29 % at worst.
    """
    return 32 + 32 * unshuffle


def fold(x, unshuffle, name="folded"):
    """`x` with each cell of `unshuffle` x `unshuffle` pixels as one; itself where that is 1."""
    return x if unshuffle == 1 else Fold(unshuffle, name=name)(x)


def unfold(x, unshuffle, name="unfolded", **options):
    """Undoes `fold`; `options` are those of the layer."""
    return x if unshuffle == 1 else Unfold(unshuffle, name=name, **options)(x)


class _Shuffle(layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(factor, int) and factor >= 2):
            raise ValueError(f"`factor` must be a whole number >= 2. Received: factor={factor!r}")
        self.factor = factor

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable("tfdeblur")
class Fold(_Shuffle):
    """Space to depth: each cell of pixels becomes one pixel, nothing is lost.

    Channel `(row * factor + column) * c + i` of the result is channel `i` of the pixel at `row`
    and `column` of its cell. Called pixel unshuffle in Shi et al., arXiv:1609.05158.

    Args:
        factor: int >= 2, side of a cell in pixels; height and width are multiples of it.
    """

    def call(self, x):
        """`(batch, height, width, c)` to `(batch, height / f, width / f, f² c)`."""
        return ops.space_to_depth(x, self.factor)

    def compute_output_shape(self, shape):
        """Sides divided by the factor where they are known, channels times its square."""
        batch, *sides, channels = shape
        return (batch, *(side and side // self.factor for side in sides), channels * self.factor**2)


@keras.saving.register_keras_serializable("tfdeblur")
class Unfold(_Shuffle):
    """Depth to space, what undoes `Fold`: the pixel shuffle of Shi et al., arXiv:1609.05158.

    Args:
        factor: int >= 2; the number of channels is a multiple of its square.
    """

    def call(self, x):
        """`(batch, height, width, f² c)` to `(batch, f height, f width, c)`."""
        return ops.depth_to_space(x, self.factor)

    def compute_output_shape(self, shape):
        """Sides times the factor where they are known, channels divided by its square."""
        batch, *sides, channels = shape
        return (
            batch,
            *(side and side * self.factor for side in sides),
            channels // self.factor**2,
        )
