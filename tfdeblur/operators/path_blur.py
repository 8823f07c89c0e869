"""Blur of every pixel along a curved path of its own: camera shake."""

from collections.abc import Callable, Iterator

import tensorflow as tf

from tfdeblur.errors import InvalidInput
from tfdeblur.operators.base import check_image, linear


class PathBlur:
    """The mean of an image seen from several poses, and the exact adjoint of that.

    (K x)(p) is the mean over t of x at p + d_t(p), bilinearly interpolated. Outside the frame
    the nearest pixel counts, so the rows of K sum to 1. `data.camera_shake.random_shake` makes
    such displacements; straight lines are the business of `MotionBlur`, whose kernels differ.

    Build it once and use it as often as needed: it never changes. Only one pose at a time is
    held besides the displacements. For many images of one size, `apply` inside a
    `tf.function(jit_compile=True)` takes about a third of the time.

    Args:
        displacements: float `(batch, samples, height, width, 2)`, or without the batch for a
            batch of one; (u, v) in pixels, u right, v down. Steps between samples of more than
            a pixel show as copies instead of blur. The sharp image that belongs to K x is
            the pose whose displacement is 0, also if no sample is there.

    Raises:
        InvalidInput: if the shape or dtype is another, or a value is not finite (looked at
            where values are known, not inside graphs).

    Source: the sum over poses of Whyte et al., Non-uniform deblurring for shaken images,
        CVPR 2010, sec. 2, with one weight for all poses and any displacements. The gradient with
        respect to images is exact; none is given with respect to displacements.
    """

    def __init__(self, displacements):
        self.displacements = tf.stop_gradient(_check_displacements(displacements))

    def apply(self, image) -> tf.Tensor:
        """K x, the blurred images.

        Args:
            image: float `(batch, height, width, channels)`, any range, sizes as those of the
                displacements.

        Returns:
            The same shape and dtype, within the range of the image. Computed in float32.

        Raises:
            InvalidInput: if the shape does not fit or the image is not float.
        """
        return linear(self._check_image(image), self._apply, self._adjoint)

    def adjoint(self, image) -> tf.Tensor:
        """K^T x; arguments, returns and errors as `apply`, but the range grows at the borders."""
        return linear(self._check_image(image), self._adjoint, self._apply)

    def _apply(self, image):
        return _gather(self.displacements, image)

    def _adjoint(self, image):
        return _scatter(self.displacements, image)

    def _check_image(self, image) -> tf.Tensor:
        batch, _, height, width, _ = self.displacements.shape
        return check_image(image, (batch, height, width), "displacements'")


def _check_displacements(displacements) -> tf.Tensor:
    displacements = tf.convert_to_tensor(displacements)
    if displacements.dtype.is_floating:
        displacements = tf.cast(displacements, tf.float32)
    if displacements.shape.rank == 4:
        displacements = displacements[tf.newaxis]
    shape = displacements.shape
    if displacements.dtype != tf.float32 or shape.rank != 5 or shape[-1] != 2 or shape[1] == 0:
        raise InvalidInput(
            "`displacements` must be float, of shape (batch, samples, height, width, 2), with at "
            f"least one sample. Received: shape={shape}, dtype={displacements.dtype.name}"
        )
    if hasattr(displacements, "numpy"):
        bad = int(tf.math.count_nonzero(~tf.math.is_finite(displacements)))
        if bad:
            raise InvalidInput(
                f"`displacements` must be finite. Received: {bad} NaN or infinite values"
            )
    return displacements


@tf.function(reduce_retracing=True)
def _gather(displacements, image):
    pixels = flat(image)

    def add(total, index, weight):
        return total + weight * tf.gather(pixels, index)

    return _mean_over_samples(displacements, tf.zeros_like(image), add)


@tf.function(reduce_retracing=True)
def _scatter(displacements, image):
    pixels = flat(tf.zeros_like(image))
    count = tf.shape(pixels)[0]

    def add(total, index, weight):
        # Sums by segment and not tensor_scatter_nd_add, which takes more than twice as long.
        index = tf.reshape(index, [-1])
        spread = tf.math.unsorted_segment_sum(flat(weight * image), index, count)
        return total + tf.ensure_shape(spread, total.shape)  # loops keep known shapes

    return tf.reshape(_mean_over_samples(displacements, pixels, add), tf.shape(image))


def _mean_over_samples(displacements, total, add: Callable):
    """Calls `total = add(total, index, weight)` for every sample and neighbour."""
    samples = tf.shape(displacements)[1]

    def body(sample, total):
        for index, weight in neighbours(displacements[:, sample]):
            total = add(total, index, weight)
        return sample + 1, total

    # One after the other: TensorFlow would begin with ten poses at once, and hold them all.
    _, total = tf.while_loop(
        lambda sample, _: sample < samples, body, (0, total), parallel_iterations=1
    )
    return total / tf.cast(samples, tf.float32)


def neighbours(displacement) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """The four pixels around p + d, for bilinear interpolation.

    Args:
        displacement: d, float `(batch, height, width, 2)`, (u, v), pixels.

    Yields:
        Indices into `flat(image)`, int32 `(batch, height, width)`, and weights `(..., 1)`, which
        are differentiable with respect to d.
    """
    shape = tf.shape(displacement)
    batch, height, width = shape[0], shape[1], shape[2]
    first = (tf.range(batch) * height * width)[:, tf.newaxis, tf.newaxis]
    rows, columns = tf.range(height)[:, tf.newaxis], tf.range(width)
    # The displacement is split, not the position: far from the origin float32 would round the
    # weights. Both neighbours are clamped, which is the same as clamping the position.
    whole = tf.floor(displacement)
    right, down = tf.unstack(displacement - whole, axis=-1)
    u, v = tf.unstack(tf.cast(whole, tf.int32), axis=-1)
    for j, vertical in ((0, 1.0 - down), (1, down)):
        row = tf.clip_by_value(rows + v + j, 0, height - 1)
        for i, horizontal in ((0, 1.0 - right), (1, right)):
            column = tf.clip_by_value(columns + u + i, 0, width - 1)
            yield first + row * width + column, (vertical * horizontal)[..., tf.newaxis]


def flat(image) -> tf.Tensor:
    """All pixels of all images, `(batch height width, channels)`."""
    return tf.reshape(image, tf.stack([-1, tf.shape(image)[-1]]))
