"""Blur along straight lines of motion that can be differentiated with respect to the motion."""

import numbers

import tensorflow as tf

from tfdeblur.errors import InvalidInput
from tfdeblur.operators.base import check_image
from tfdeblur.operators.path_blur import flat, neighbours


class SampledBlur:
    """The mean of an image along every pixel's line of motion, differentiable by the motion.

    (K x)(p) is the mean over t of x at p + t flow(p), bilinearly interpolated, at the middles of
    `samples` equal parts of [-1/2, 1/2]. Outside the frame the nearest pixel counts, so the rows
    of K sum to 1. (u, v) and (-u, -v) give the same K. It is for learning flows through what
    is done with them; `MotionBlur`, whose kernels are those of the published data and which
    solvers apply faster, is for everything else.

    Gradients flow to images and to the flow, in `apply` and in `adjoint`, eagerly and in graphs.
    Nothing that is computed for a sample is kept, so memory does not grow with `samples`. Of
    images of three channels it takes, in float32 and all included, about 110 bytes a pixel to
    apply, 130 for the adjoint, and 180 for the gradient by the flow.

    Args:
        flow: float `(batch, height, width, 2)`, or `(height, width, 2)` for a batch of one;
            (u, v) in pixels over the exposure, u right, v down. With float64, all is computed in
            float64, otherwise in float32.
        samples: int >= 1, how many parts a line has. None: as many as the longest motion of the
            batch has pixels, and one more, so that parts are shorter than a pixel; at least 2,
            as one alone would have no gradient, and no more than cross the frame four times over.

    Attributes:
        flow: the flow as a tensor of rank 4.
        samples: int32 tensor of shape ().

    Raises:
        InvalidInput: if an argument is not one of the above, or the flow is not finite (looked
            at where values are known, not inside graphs).

    Source: the motion-flow paper, section 3: the motion of a pixel is a line. Ours: sampling,
        because the kernels of `MotionBlur` have no derivatives by the flow. The gradients are
        exact for the sampled K, bilinear weights included; where a sample meets a pixel's middle
        the weights have a kink, and the derivative is that to the right and down of it.
    """

    def __init__(self, flow, samples: int | None = None):
        self.flow = _check_flow(flow)
        if samples is None:
            self.samples = _enough_samples(tf.stop_gradient(self.flow))
        elif isinstance(samples, numbers.Integral) and samples >= 1:
            self.samples = tf.constant(int(samples))
        else:
            raise InvalidInput(
                f"`samples` must be a whole number >= 1, or None. Received: samples={samples!r}"
            )

    def apply(self, image) -> tf.Tensor:
        """K x, the blurred images.

        Args:
            image: float `(batch, height, width, channels)`, any range, sizes as the flow's.

        Returns:
            The same shape and dtype, within the range of the image.

        Raises:
            InvalidInput: if the shape does not fit the flow's or the image is not float.
        """
        image = check_image(image, tuple(self.flow.shape[:3]), "flow's")
        blurred = _apply(self.flow, self.samples, tf.cast(image, self.flow.dtype))
        return tf.cast(blurred, image.dtype)

    def adjoint(self, image) -> tf.Tensor:
        """K^T x; arguments, returns and errors as `apply`, but the range grows at the borders."""
        image = check_image(image, tuple(self.flow.shape[:3]), "flow's")
        spread = _adjoint(self.flow, self.samples, tf.cast(image, self.flow.dtype))
        return tf.cast(spread, image.dtype)


def _check_flow(flow) -> tf.Tensor:
    flow = tf.convert_to_tensor(flow)
    if flow.dtype != tf.float64 and (flow.dtype.is_floating or flow.dtype.is_integer):
        flow = tf.cast(flow, tf.float32)
    if flow.shape.rank == 3:
        flow = flow[tf.newaxis]
    if not flow.dtype.is_floating or flow.shape.rank != 4 or flow.shape[-1] != 2:
        raise InvalidInput(
            "`flow` must be float, of shape (batch, height, width, 2) or (height, width, 2). "
            f"Received: shape={tuple(flow.shape)}, dtype={flow.dtype.name}"
        )
    if hasattr(flow, "numpy"):
        bad = int(tf.math.count_nonzero(~tf.math.is_finite(flow)))
        if bad:
            raise InvalidInput(f"`flow` must be finite. Received: {bad} NaN or infinite values")
    return flow


def _enough_samples(flow) -> tf.Tensor:
    longest = tf.reduce_max(tf.norm(flow, axis=-1))
    size = tf.shape(flow)
    across = tf.cast(2 + 4 * (size[1] + size[2]), flow.dtype)
    # Bounded before it is a whole number: a network at its start may say anything.
    return tf.cast(tf.clip_by_value(tf.math.ceil(longest) + 1, 2, across), tf.int32)


# What follows rests on one bilinear form, <K x, y>: its derivative by y is K x, by x is K^T y,
# and by the flow it is the gradient of both, of K x from upstream y and of K^T y from upstream x.


def _apply(flow, samples, image):
    @tf.custom_gradient
    def function(flow, x):
        def gradient(upstream):
            return _by_flow(flow, samples, x, upstream), _adjoint(flow, samples, upstream)

        # A tape goes on recording inside custom_gradient, and would keep every sample.
        blurred = _gather(tf.stop_gradient(flow), samples, tf.stop_gradient(x))
        return tf.ensure_shape(blurred, x.shape), gradient  # a graph for many sizes forgets it

    return function(flow, image)


def _adjoint(flow, samples, image):
    @tf.custom_gradient
    def function(flow, y):
        def gradient(upstream):
            return _by_flow(flow, samples, upstream, y), _apply(flow, samples, upstream)

        spread = _scatter(tf.stop_gradient(flow), samples, tf.stop_gradient(y))
        return tf.ensure_shape(spread, y.shape), gradient

    return function(flow, image)


@tf.function(reduce_retracing=True)
def _gather(flow, samples, image):
    pixels = flat(image)

    def add(total, time):
        for index, weight in neighbours(time * flow):
            total += weight * tf.gather(pixels, index)
        return total

    return _mean_over_times(samples, tf.zeros_like(image), add)


@tf.function(reduce_retracing=True)
def _scatter(flow, samples, image):
    pixels = flat(tf.zeros_like(image))
    count = tf.shape(pixels)[0]

    def add(total, time):
        for index, weight in neighbours(time * flow):
            index = tf.reshape(index, [-1])
            spread = tf.math.unsorted_segment_sum(flat(weight * image), index, count)
            total += tf.ensure_shape(spread, total.shape)  # loops keep known shapes
        return total

    return tf.reshape(_mean_over_times(samples, pixels, add), tf.shape(image))


@tf.function(reduce_retracing=True)
def _by_flow(flow, samples, image, upstream):
    """Derivative of <K image, upstream> by the flow, `(batch, height, width, 2)`."""
    pixels = flat(image)

    def add(total, time):
        displacement = time * flow
        with tf.GradientTape() as tape:  # of the weights of one sample only
            tape.watch(displacement)
            products = [
                weight[..., 0] * tf.reduce_sum(upstream * tf.gather(pixels, index), -1)
                for index, weight in neighbours(displacement)
            ]
            product = tf.add_n(products)
        return total + time * tape.gradient(product, displacement)

    return _mean_over_times(samples, tf.zeros_like(flow), add)


def _mean_over_times(samples, total, add):
    """Mean of what `total = add(total, time)` adds at the middles of parts of [-1/2, 1/2]."""
    count = tf.cast(samples, total.dtype)

    def body(sample, total):
        time = (tf.cast(sample, total.dtype) + 0.5) / count - 0.5
        return sample + 1, add(total, time)

    # One after the other: TensorFlow would begin with ten samples at once, and hold them all.
    _, total = tf.while_loop(
        lambda sample, _: sample < samples, body, (0, total), parallel_iterations=1
    )
    return total / count
