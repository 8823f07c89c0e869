"""Tiles within a served graph: planned, cut and blended as `tfdeblur.image.tiling` does it.

A network that mixes over the whole picture restores it otherwise in tiles than whole, so a server
must cut the tiles that `Restorer` cuts, or it gives other pixels. And in tiles a photograph of any
size takes the memory of one of them. TensorFlow operations only, as sizes are known when a request
comes: the plan is the same search, over all ways to cut both axes at once.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfdeblur.image.tiling import GRAIN, RAMP, Tiling, plan_tiles, smallest_tile

_MOST_TILES = 128  # that are tried along an axis, before the smallest allowed

_LARGE = 4096  # pixels

Body = Callable[[tf.Tensor], tf.Tensor]


class _Axis(NamedTuple):
    """How one axis is cut.

    Attributes:
        length: int32 scalar, pixels of the image.
        size: int32 scalar, pixels of every tile; more than are there at the end of the image.
        starts: int32 `(tiles,)`, first pixel of each.
    """

    length: tf.Tensor
    size: tf.Tensor
    starts: tf.Tensor


def in_tiles(restore: Body, tiling: Tiling) -> Body:
    """Returns `restore` by tiles, one after the other; small images of a batch several at once.

    Args:
        restore: float32 `(batch, height, width, 3)` to the same shape, at any size from 1 x 1.
        tiling: what tiles must be.

    Raises:
        InvalidInput: if no tile fits `tiling`.
    """
    plan_tiles(_LARGE, _LARGE, **tiling._asdict())  # says what is impossible

    def run(images):
        shape = tf.shape(images)
        rows, columns = _plan(shape[1], shape[2], tiling)
        down, across = tf.size(rows.starts), tf.size(columns.starts)
        whole = tf.equal(down * across, 1)
        fitting = tiling.max_pixels or 2**31 - 1
        together = tf.where(whole, tf.maximum(1, fitting // (rows.size * columns.size)), 1)
        groups = -(-shape[0] // together)

        def add_tile(step, total):
            tile = step % (down * across)
            first = step // (down * across) * together
            image, top, left = images[first : first + together], tile // across, tile % across
            piece, weights = _cut(image, rows, columns, top, left)
            restored = weights * restore(piece)
            return step + 1, total + _placed(
                restored, shape, first, rows.starts[top], columns.starts[left]
            )

        _, total = tf.while_loop(
            lambda step, total: step < groups * down * across,
            add_tile,
            (tf.constant(0), tf.zeros_like(images)),
            shape_invariants=(tf.TensorShape(()), tf.TensorShape((None,) * 4)),
            parallel_iterations=1,  # each takes the memory that there is
        )
        return tf.ensure_shape(total, images.shape)

    return run


def _cut(images, rows: _Axis, columns: _Axis, i, j):
    """Tile (i, j), and the weights `(h, w, 1)` with which it enters the whole."""
    (top, bottom), (left, right) = _ends(rows, i), _ends(columns, j)
    down, across = _weights(rows, i), _weights(columns, j)
    return images[:, top:bottom, left:right], (down[:, None] * across[None, :])[..., None]


def _placed(tile, shape, first, top, left):
    """`tile` in zeros of the size of the whole batch."""
    size = tf.shape(tile)
    before = tf.stack([first, top, left, 0])
    return tf.pad(tile, tf.stack([before, shape - before - size], axis=1))


def _ends(axis: _Axis, i):
    start = axis.starts[i]
    return start, tf.minimum(start + axis.size, axis.length)


def _weights(axis: _Axis, i):
    """Weights of tile `i` along an axis; those of all tiles sum to 1 at each pixel."""
    start, stop = _ends(axis, i)
    pixels = tf.range(start, stop)
    last = tf.size(axis.starts) - 1
    before, after = _ends(axis, tf.maximum(i - 1, 0)), _ends(axis, tf.minimum(i + 1, last))
    rise = tf.where(i > 0, _ramp(pixels, before[1], start), 1.0)
    return rise * tf.where(i < last, 1.0 - _ramp(pixels, stop, after[0]), 1.0)


def _ramp(pixels, first_end, second_start):
    """Weights of the second of two tiles, see `image.tiling.ramp_weights`."""
    shared = first_end - second_start
    length = tf.minimum(RAMP, shared)
    place = tf.cast(pixels - second_start - (shared - length) // 2, tf.float32) + 0.5
    share = tf.clip_by_value(place / tf.cast(tf.maximum(length, 1), tf.float32), 0.0, 1.0)
    return tf.square(tf.sin(share * (math.pi / 2)))


def _plan(height, width, tiling: Tiling) -> tuple[_Axis, _Axis]:
    """What `plan_tiles` finds, for sizes that are tensors."""
    (heights, rows), (widths, columns) = (_choices(n, tiling) for n in (height, width))
    areas = heights[:, None] * widths
    fits = tf.ones_like(areas, tf.bool)
    if tiling.max_pixels is not None:
        fits &= areas <= tiling.max_pixels
    if tiling.tile is not None:
        most = max(tiling.tile, tiling.multiple)
        fits &= (heights[:, None] <= most) & (widths <= most)
    # Of each height the largest width that fits: more columns only add overlap.
    first = tf.argmax(tf.cast(fits, tf.int32), axis=1)
    tiles = rows * tf.gather(columns, first)
    cost = heights * tf.gather(widths, first) * tiles * _MOST_TILES**2 + tiles
    best = tf.argmin(tf.where(tf.reduce_any(fits, axis=1), cost, cost.dtype.max))
    return (
        _axis(height, heights[best], rows[best], tiling),
        _axis(width, widths[first[best]], columns[first[best]], tiling),
    )


def _choices(length, tiling: Tiling):
    """Tile lengths, fewest tiles first, and how many tiles each takes: int64 `(choices,)`."""
    multiple, overlap = tiling.multiple, tiling.overlap
    grain = math.lcm(GRAIN, multiple)
    padded = _padded(length, multiple)
    count = tf.range(1, _MOST_TILES + 1, dtype=tf.int64)
    sizes = -(-(padded + (count - 1) * 2 * overlap) // (count * grain)) * grain
    smallest = smallest_tile(multiple, overlap)
    sizes = tf.where(count == 1, padded, tf.maximum(sizes, smallest))
    sizes = tf.concat([sizes, [smallest]], axis=0)
    return sizes, tf.where(sizes >= padded, tf.ones_like(sizes), _steps(padded, sizes, tiling) + 1)


def _axis(length, size, count, tiling: Tiling) -> _Axis:
    """Evenly spread starts, each a multiple of the network's."""
    multiple = tiling.multiple
    spare = _padded(length, multiple) - size
    steps = tf.maximum(count - 1, 1)
    starts = spare * tf.range(count) // (steps * multiple) * multiple
    return _Axis(length, tf.cast(size, tf.int32), tf.cast(starts, tf.int32))


def _steps(padded, sizes, tiling: Tiling):
    stride = (sizes - 2 * tiling.overlap) // tiling.multiple * tiling.multiple
    stride = tf.maximum(stride, 1)  # of the whole, which may be smaller than the overlap
    return -(-(padded - sizes) // stride)


def _padded(length, multiple: int):
    return -(-tf.cast(length, tf.int64) // multiple) * multiple
