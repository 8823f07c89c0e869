"""K as a sparse matrix: built once per flow, then applied and transposed many times.

The matrix is held as lists of (row, column, weight) for a few blocks of rows, which TensorFlow
multiplies in parallel. Within a block the entries are ordered by chunks of pixels and, inside a
chunk, by tap: neighbouring entries then touch neighbouring pixels, and no two of them wait for
the same sum. Indices are int32, which halves what a multiplication has to read.
"""

from typing import NamedTuple

import tensorflow as tf

from tfdeblur.operators.lines import NEIGHBOURS, Lines, tap_weights

BLOCKS = 2  # rows of K that are multiplied at the same time
BYTES_PER_ENTRY = 12  # two int32 and one float32

_CHUNK_TAPS = 1 << 18  # taps that are computed together: a MB a tensor, which caches hold
_NOTHING = 1e-7  # weights up to here are rounding errors of taps that only touch the line


class Block(NamedTuple):
    """Some rows of K.

    Attributes:
        indices: int32 `(entries, 2)`, row inside the block and column in K.
        weights: float32 `(entries,)`.
    """

    indices: tf.Tensor
    weights: tf.Tensor


def estimated_entries(lines: Lines) -> tf.Tensor:
    """Upper estimate of the entries of K, float64 scalar: steps times taps nearer than a pixel."""
    steps = 2.0 * lines.major_reach + 1.0
    return tf.reduce_sum(tf.cast(steps * 2.0 / lines.steepness, tf.float64))


def build(lines: Lines) -> tuple[Block, ...]:
    """Computes all entries of K for lines of shape `(batch, height, width)`."""
    shape = tf.shape(lines.slope)
    flat = Lines(*(tf.reshape(part, [-1]) for part in lines))
    pixels = tf.size(lines.slope)
    edges = [pixels * i // BLOCKS for i in range(BLOCKS + 1)]
    return tuple(
        _build_block(flat, first, last, shape)
        for first, last in zip(edges[:-1], edges[1:], strict=True)
    )


def no_blocks() -> tuple[Block, ...]:
    """A matrix without entries, where none is wanted."""
    nothing = Block(tf.zeros([0, 2], tf.int32), tf.zeros([0]))
    return (nothing,) * BLOCKS


def multiply(blocks: tuple[Block, ...], image: tf.Tensor) -> tf.Tensor:
    """K x for flattened images `(pixels, channels)`."""
    return tf.concat(
        [
            _product(block, image, rows, adjoint=False)
            for block, rows in zip(blocks, _rows(image), strict=True)
        ],
        axis=0,
    )


def multiply_transposed(blocks: tuple[Block, ...], image: tf.Tensor) -> tf.Tensor:
    """K^T x for flattened images `(pixels, channels)`."""
    rows = _rows(image)
    parts = tf.split(image, rows)
    shape = tf.shape(image)
    products = [
        _product(block, part, shape[0], adjoint=True)
        for block, part in zip(blocks, parts, strict=True)
    ]
    return tf.add_n(products)


def _rows(image):
    pixels = tf.shape(image)[0]
    edges = tf.stack([pixels * i // BLOCKS for i in range(BLOCKS + 1)])
    return tf.unstack(edges[1:] - edges[:-1], num=BLOCKS)


def _product(block, image, other_side, adjoint):
    """One block times an image; `other_side`: the side of the block that the image is not on."""
    here = tf.shape(image)[0]
    shape = tf.stack([here, other_side] if adjoint else [other_side, here])
    # The operation behind tf.sparse.sparse_dense_matmul, which takes int64 indices only.
    return tf.raw_ops.SparseTensorDenseMatMul(
        a_indices=block.indices,
        a_values=block.weights,
        a_shape=tf.cast(shape, tf.int64),
        b=image,
        adjoint_a=adjoint,
    )


def _build_block(lines: Lines, first, last, shape) -> Block:
    """Entries of the rows from `first` up to `last`."""
    reach = tf.cast(tf.reduce_max(lines.major_reach), tf.int32)
    chunk = tf.maximum(1, _CHUNK_TAPS // (len(NEIGHBOURS) * (reach + 1)))
    chunks = -(-(last - first) // chunk)
    indices = tf.TensorArray(tf.int32, chunks, infer_shape=False, element_shape=[None, 2])
    weights = tf.TensorArray(tf.float32, chunks, infer_shape=False, element_shape=[None])

    def body(i, indices, weights):
        begin = first + i * chunk
        pixels = tf.range(begin, tf.minimum(begin + chunk, last))
        part = Lines(*(tensor[begin : tf.minimum(begin + chunk, last)] for tensor in lines))
        rows, columns, values = _entries(part, pixels, shape)
        indices = indices.write(i, tf.stack([rows - first, columns], axis=1))
        return i + 1, indices, weights.write(i, values)

    _, indices, weights = tf.while_loop(
        lambda i, *_: i < chunks, body, (0, indices, weights), parallel_iterations=1
    )
    return Block(tf.reshape(indices.concat(), [-1, 2]), tf.reshape(weights.concat(), [-1]))


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
    reach = tf.cast(tf.reduce_max(lines.major_reach), tf.int32)
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
