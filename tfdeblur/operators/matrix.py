"""K as a sparse matrix: built once per flow, then applied and transposed many times.

The matrix is held as lists of (row, column, weight) for bands of image lines, which TensorFlow
multiplies in parallel. Within a band the entries are ordered by chunks of pixels and, inside a
chunk, by tap: neighbouring entries then touch neighbouring pixels, and no two of them wait for
the same sum. Indices are int32, which halves what a multiplication has to read.
"""

from typing import NamedTuple

import tensorflow as tf

from tfdeblur.operators.lines import NEIGHBOURS, Lines, tap_weights

BANDS = 8  # that are multiplied at the same time, as far as there are cores
BYTES_PER_ENTRY = 12  # two int32 and one float32

_BUILT_TOGETHER = 2  # bands: each needs as much again as it holds while it is built
_CHUNK_TAPS = 1 << 18  # taps that are computed together: a MB a tensor, which caches hold
_NOTHING = 1e-7  # weights up to here are rounding errors of taps that only touch the line


class Band(NamedTuple):
    """The rows of K of some lines of pixels, and the columns that they reach.

    Lines are numbered through the batch, so that those of the second image follow the first's.

    Attributes:
        lines: int32 `(2,)`, the first line and the one behind the last.
        reached: int32 `(2,)`, the same of all lines that their motions reach.
        indices: int32 `(entries, 2)`, pixels counted from the first of `lines` and of `reached`.
        weights: float32 `(entries,)`.
    """

    lines: tf.Tensor
    reached: tf.Tensor
    indices: tf.Tensor
    weights: tf.Tensor


def estimated_bytes(lines: Lines) -> tf.Tensor:
    """Upper estimate of what the rows of K take, of the shape of `lines`, float32."""
    steps = 2.0 * lines.major_reach + 1.0
    return BYTES_PER_ENTRY * steps * 2.0 / lines.steepness  # taps nearer than a pixel


def build(lines: Lines) -> tuple[Band, ...]:
    """Computes all entries of K for lines of shape `(batch, height, width)`."""
    shape = tf.shape(lines.slope)
    flat = Lines(*(tf.reshape(part, [-1]) for part in lines))
    count = shape[0] * shape[1]
    edges = [count * i // BANDS for i in range(BANDS + 1)]
    bands: list[Band] = []
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        before = bands[-_BUILT_TOGETHER:][:1] if len(bands) >= _BUILT_TOGETHER else []
        with tf.control_dependencies([band.weights for band in before]):
            bands.append(_build_band(flat, first, last, shape))
    return tuple(bands)


def no_bands() -> tuple[Band, ...]:
    """A matrix without entries, where none is wanted."""
    nowhere = tf.zeros([2], tf.int32)
    return (Band(nowhere, nowhere, tf.zeros([0, 2], tf.int32), tf.zeros([0])),) * BANDS


def multiply(bands: tuple[Band, ...], image: tf.Tensor) -> tf.Tensor:
    """K x, float32 `(batch, height, width, channels)`."""
    shape = tf.shape(image)
    lines = _by_lines(image, shape)
    parts = []
    for band in bands:
        reached = lines[band.reached[0] : band.reached[1]]
        parts.append(_product(band, reached, shape, adjoint=False))
    return tf.reshape(tf.concat(parts, axis=0), shape)


def multiply_transposed(bands: tuple[Band, ...], image: tf.Tensor) -> tf.Tensor:
    """K^T x, float32 `(batch, height, width, channels)`."""
    shape = tf.shape(image)
    lines = _by_lines(image, shape)
    parts, reached = [], []
    for band in bands:
        parts.append(_product(band, lines[band.lines[0] : band.lines[1]], shape, adjoint=True))
        reached.append(tf.range(band.reached[0], band.reached[1]))
    # Bands overlap where they reach.
    total = tf.math.unsorted_segment_sum(
        tf.concat(parts, axis=0), tf.concat(reached, axis=0), tf.shape(lines)[0]
    )
    return tf.reshape(total, shape)


def _by_lines(image, shape):
    return tf.reshape(image, tf.stack([shape[0] * shape[1], shape[2] * shape[3]]))


def _product(band, lines, shape, adjoint):
    """One band times the lines of pixels that it takes; lines `(lines, width * channels)`."""
    width, channels = shape[2], shape[3]
    pixels = tf.stack([band.lines[1] - band.lines[0], band.reached[1] - band.reached[0]]) * width
    # The operation behind tf.sparse.sparse_dense_matmul, which takes int64 indices only.
    product = tf.raw_ops.SparseTensorDenseMatMul(
        a_indices=band.indices,
        a_values=band.weights,
        a_shape=tf.cast(pixels, tf.int64),
        b=tf.reshape(lines, tf.stack([-1, channels])),
        adjoint_a=adjoint,
    )
    return tf.reshape(product, tf.stack([-1, width * channels]))


def _build_band(lines: Lines, first, last, shape) -> Band:
    """Entries of the pixels of the lines from `first` up to `last`."""
    width = shape[2]
    begin, end = first * width, last * width
    own = Lines(*(part[begin:end] for part in lines))
    reached = _lines_reached(own, first, last, shape[1])
    chunk = tf.maximum(1, _CHUNK_TAPS // (len(NEIGHBOURS) * (_largest(own.major_reach) + 1)))
    chunks = -(-(end - begin) // chunk)
    indices = tf.TensorArray(tf.int32, chunks, infer_shape=False, element_shape=[None, 2])
    weights = tf.TensorArray(tf.float32, chunks, infer_shape=False, element_shape=[None])

    def body(i, indices, weights):
        pixels = tf.range(i * chunk, tf.minimum((i + 1) * chunk, end - begin))
        part = Lines(*(tensor[i * chunk : (i + 1) * chunk] for tensor in own))
        rows, columns, values = _entries(part, begin + pixels, shape)
        found = tf.stack([rows - begin, columns - reached[0] * width], axis=1)
        return i + 1, indices.write(i, found), weights.write(i, values)

    _, indices, weights = tf.while_loop(
        lambda i, *_: i < chunks, body, (0, indices, weights), parallel_iterations=1
    )
    return Band(
        tf.stack([first, last]),
        reached,
        tf.reshape(indices.concat(), [-1, 2]),
        tf.reshape(weights.concat(), [-1]),
    )


def _lines_reached(own: Lines, first, last, height):
    """The first line, and the one behind the last, of those within the images of these lines."""
    up_and_down = _largest(tf.where(own.by_rows, own.major_reach, own.minor_reach))
    image_before = first // height * height
    images_end = -(-last // height) * height
    return tf.stack(
        [tf.maximum(first - up_and_down, image_before), tf.minimum(last + up_and_down, images_end)]
    )


def _largest(reaches):
    """The largest of integers >= 0 that are held as float32, also of none."""
    return tf.cast(tf.reduce_max(tf.concat([reaches, [0.0]], axis=0)), tf.int32)


def _entries(lines: Lines, pixels, shape):
    """Rows, columns and weights of the entries of some pixels, lines of shape `(pixels,)`."""
    steps, minors, weights = _half_of_the_taps(lines)
    kept = tf.where(weights > _NOTHING)
    values = tf.gather_nd(weights, kept)
    step = tf.gather(steps, kept[:, 0])
    minor = tf.gather_nd(minors, kept)
    pixel = tf.cast(kept[:, 1], tf.int32)
    by_rows = tf.gather(lines.by_rows, pixel)
    down = tf.cast(tf.where(by_rows, step, minor), tf.int32)
    right = tf.cast(tf.where(by_rows, minor, step), tf.int32)
    height, width = shape[1], shape[2]
    row = tf.gather(pixels // width % height, pixel)
    column = tf.gather(pixels % width, pixel)
    start = tf.gather(pixels // (height * width) * (height * width), pixel)

    def clamped(sign):
        there = tf.clip_by_value(row + sign * down, 0, height - 1) * width
        return start + there + tf.clip_by_value(column + sign * right, 0, width - 1)

    rows = tf.gather(pixels, pixel)
    return (
        tf.concat([rows, rows], 0),
        tf.concat([clamped(1), clamped(-1)], 0),
        tf.concat([values, values], 0),
    )


def _half_of_the_taps(lines: Lines):
    """Steps `(taps,)`, minor offsets and weights `(taps, pixels)`, one of each opposite pair.

    The weights of a pixel sum to 1/2; the centre, its own opposite, has half its weight.
    """
    reach = _largest(lines.major_reach)
    steps = tf.repeat(tf.cast(tf.range(reach + 1), tf.float32), len(NEIGHBOURS))
    across = tf.tile(tf.constant(NEIGHBOURS), [reach + 1])
    lines = Lines(*(part[tf.newaxis] for part in lines))
    column = steps[:, tf.newaxis]
    minors = tf.round(column * lines.slope) + across[:, tf.newaxis]
    weights = tap_weights(lines, column, minors)
    # At step 0 the taps -1 and 1 are opposite to each other.
    share = tf.where(steps > 0.0, 1.0, tf.maximum(0.0, (1.0 + across) / 2.0))
    weights *= share[:, tf.newaxis]
    return steps, minors, weights / (2.0 * tf.reduce_sum(weights, axis=0))
