"""K and K^T without a matrix: a loop over the steps along the lines.

Nothing larger than a few images is held, and nothing is prepared: the way to go for images that
are blurred once, and for flows whose matrix would not fit into memory. Under
`tf.function(jit_compile=True)`, with static shapes, the loop runs about four times faster.
"""

import tensorflow as tf

from tfdeblur.operators.lines import NEIGHBOURS, Lines, lines_of, tap_weights


def apply_taps(
    image: tf.Tensor,
    flow: tf.Tensor,
    rasterizer: str = "gong2018",
    size: tuple[tf.Tensor, tf.Tensor] | None = None,
) -> tf.Tensor:
    """K x: every pixel becomes the mean of the image along its line.

    Args:
        image: float32 `(batch, height, width, channels)`, any range.
        flow: float32 `(batch, height, width, 2)`, pixels.
        rasterizer: as in `kernels.line_kernel`.
        size: `(height, width)`, int32 scalars: where the picture ends, if it is smaller than the
            tensors, which then are padding (for compiled code, which wants few shapes).

    Returns:
        float32 `(batch, height, width, channels)`. Outside the frame the nearest pixel counts.
    """
    lines = lines_of(flow, rasterizer)
    neighbours = Neighbours(tf.shape(image), lines.by_rows, size)
    pixels = _flat(image)

    def tap(sums, step, minor, weight):
        blurred, total = sums
        both = neighbours.gather(pixels, step, minor) + neighbours.gather(pixels, -step, -minor)
        return blurred + weight[..., tf.newaxis] * both, total + 2.0 * weight

    blurred, total = _walk(lines, tap, (tf.zeros_like(image), tf.zeros_like(lines.half)))
    return blurred / total[..., tf.newaxis]


def adjoint_taps(image: tf.Tensor, flow: tf.Tensor, rasterizer: str = "gong2018") -> tf.Tensor:
    """K^T y: every pixel spreads its value along its line, with the weights of `apply_taps`.

    Args and returns: as `apply_taps`, without `size`.
    """
    lines = lines_of(flow, rasterizer)
    neighbours = Neighbours(tf.shape(image), lines.by_rows)
    (total,) = _walk(
        lines,
        lambda sums, step, minor, weight: (sums[0] + 2.0 * weight,),
        (tf.zeros_like(lines.half),),
    )
    image = image / total[..., tf.newaxis]

    def tap(sums, step, minor, weight):
        spread = _flat(weight[..., tf.newaxis] * image)
        sums = neighbours.scatter(sums[0], spread, step, minor)
        return (neighbours.scatter(sums, spread, -step, -minor),)

    (result,) = _walk(lines, tap, (_flat(tf.zeros_like(image)),))
    return tf.reshape(result, tf.shape(image))


class Neighbours:
    """Reads and writes pixels at an offset, clamped to the frame.

    Args:
        shape: int32 `(4,)`, of the images.
        by_rows: bool `(batch, height, width)`, whether a pixel's major axis is the rows'.
        size: see `apply_taps`.
    """

    def __init__(self, shape, by_rows, size=None):
        batch, height, width = shape[0], shape[1], shape[2]
        self.by_rows = by_rows
        self.rows = tf.range(height)[tf.newaxis, :, tf.newaxis]
        self.columns = tf.range(width)[tf.newaxis, tf.newaxis, :]
        self.first = (tf.range(batch) * height * width)[:, tf.newaxis, tf.newaxis]
        self.width = width
        self.size = (height, width) if size is None else size

    def index(self, step, minor):
        """Flat int32 index `(batch, height, width)` of the pixels at an offset."""
        step = tf.cast(step, tf.int32)
        minor = tf.cast(minor, tf.int32)
        row = self.rows + tf.where(self.by_rows, step, minor)
        column = self.columns + tf.where(self.by_rows, minor, step)
        row = tf.clip_by_value(row, 0, self.size[0] - 1)
        column = tf.clip_by_value(column, 0, self.size[1] - 1)
        return self.first + row * self.width + column

    def gather(self, pixels, step, minor):
        """Pixels `(batch * height * width, channels)` at an offset, as images."""
        return tf.gather(pixels, self.index(step, minor))

    def scatter(self, pixels, values, step, minor):
        """Adds `values` to `pixels` (both flat) at an offset."""
        index = tf.reshape(self.index(step, minor), [-1])
        # Not tensor_scatter_nd_add, which takes more than twice as long.
        spread = tf.math.unsorted_segment_sum(values, index, tf.shape(pixels)[0])
        return pixels + tf.ensure_shape(spread, pixels.shape)  # loops keep known shapes


def _walk(lines: Lines, tap, sums):
    """Calls `tap(sums, step, minor, weight)` for one of each pair of opposite taps.

    `weight` counts for each of the two; the centre is its own opposite and has half its weight.
    """
    last = tf.reduce_max(lines.major_reach)

    def body(step, sums):
        along = tf.fill(tf.shape(lines.slope), step)
        nearest = tf.round(along * lines.slope)
        for j in NEIGHBOURS:
            minor = nearest + j
            weight = tap_weights(lines, along, minor)
            # At step 0 the taps j and -j are opposite to each other.
            share = {-1.0: 0.0, 0.0: 0.5, 1.0: 1.0}[j]
            weight *= tf.where(tf.equal(step, 0.0), share, 1.0)
            sums = tap(sums, along, minor, weight)
        return step + 1.0, sums

    # One after the other: TensorFlow would begin with ten steps at once, and hold them all.
    _, sums = tf.while_loop(
        lambda step, sums: step <= last, body, (tf.constant(0.0), sums), parallel_iterations=1
    )
    return sums


def _flat(image):
    return tf.reshape(image, tf.stack([-1, tf.shape(image)[-1]]))
