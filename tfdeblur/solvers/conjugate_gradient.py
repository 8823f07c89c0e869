"""Conjugate gradients for a batch of images, differentiable at constant memory.

`tf.linalg.experimental.conjugate_gradient` is not used: one black image in a batch becomes NaN
there, it stops for all images at once, and its gradient keeps every step.
"""

import contextlib
import math
import numbers
from collections.abc import Callable

import tensorflow as tf

from tfdeblur.errors import InvalidInput
from tfdeblur.solvers.solution import Solution

Linear = Callable[[tf.Tensor], tf.Tensor]

# The loop aims a little below the tolerance, so that rounding in its recursion does not leave
# the true residual, which is what is reported, a hair above it.
_AIM = 0.95


def conjugate_gradient(
    apply: Linear,
    rhs: tf.Tensor,
    start: tf.Tensor | None = None,
    tolerance: float = 1e-4,
    max_steps: int = 100,
) -> Solution:
    """Solves A x = b for every image of a batch, A symmetric and positive definite.

    Gradients flow to `rhs` and to every tensor that `apply` captures, through the solution of
    A y = (incoming gradient) by the same solver: no step is kept, memory does not grow with
    them, and the gradient is as exact as `tolerance`, if `max_steps` allow. None flows to
    `start`, on which the solution does not depend. In a graph it is one `tf.while_loop`; it
    compiles with XLA where shapes are static.

    Args:
        apply: A, maps `(batch, ...)` to the same shape and dtype, each image by itself.
        rhs: b, float32 or float64 `(batch, ...)`, rank 2 or more. Where it is zero, so is the
            solution, whatever `start` is.
        start: first guess, like `rhs`; None: zero.
        tolerance: float > 0, relative residual |b - A x| / |b| at which an image is done.
        max_steps: int >= 1, largest number of iterations.

    Returns:
        `Solution`, one report per image; `converged` is False where `max_steps` was too few.

    Raises:
        InvalidInput: if an argument is not one of the above.

    Source: Hestenes and Stiefel, 1952; gradient by the implicit function theorem.
    """
    check_stopping(tolerance, max_steps)
    rhs = as_float("rhs", rhs)
    if rhs.shape.rank is not None and rhs.shape.rank < 2:
        raise InvalidInput(
            "`rhs` must have shape (batch, ...), rank 2 or more. "
            f"Received: rhs.shape={rhs.shape}. Add an axis for a batch of one."
        )
    start = tf.zeros_like(rhs) if start is None else as_like("start", start, "rhs", rhs)

    # Nothing of the loop may be kept for a gradient. In a graph stop_gradient sees to it; outside,
    # tapes record what they watch, and only init_scope makes them pause.
    with tf.init_scope() if tf.executing_eagerly() else contextlib.nullcontext():
        value, steps = _iterate(apply, rhs, start, tolerance, max_steps)
    value = tf.stop_gradient(value)
    remainder = rhs - apply(value)

    # By the implicit function theorem dx = A^-1 (db - dA x): what changes x is what changes the
    # remainder at fixed x. So the value is tied to the remainder, which has the gradients of b
    # and of A in it, by an identity whose gradient is a solve.
    @tf.custom_gradient
    def tie(value, remainder):
        def gradient(upstream):
            solved = conjugate_gradient(apply, upstream, None, tolerance, max_steps)
            return None, solved.value

        return tf.identity(value), gradient

    residual = tf.sqrt(tf.math.divide_no_nan(_squares(remainder), _squares(rhs)))
    residual = tf.stop_gradient(residual)
    return Solution(
        value=tie(value, remainder),
        steps=steps,
        residual=tf.cast(tf.reshape(residual, [-1]), tf.float32),
        converged=tf.reshape(residual, [-1]) <= tolerance,
    )


# Where the loop differs from the textbook:
# 1. An image that is done takes steps of length 0 until all are, and none of its numbers can
#    become NaN: divisions by zero happen only in branches of `where` that are thrown away.
# 2. An image with b = 0 begins at its solution, 0: relative to |b| it could never be done.
# 3. An image with p'Ap <= 0 (the operator is not positive definite, or NaN) stands still.
# 4. The recursion's residual only decides when to stop; what is reported is computed anew.
def _iterate(apply: Linear, rhs, start, tolerance: float, max_steps: int):
    limit = (_AIM * tolerance) ** 2 * _squares(rhs)
    value = tf.where(_squares(rhs) > 0, start, 0)
    residual = rhs - apply(value)
    left = _squares(residual)

    def unfinished(step, value, residual, direction, left, steps):
        return (step < max_steps) & tf.reduce_any(left > limit)

    def advance(step, value, residual, direction, left, steps):
        image = apply(direction)
        curvature = tf.reduce_sum(direction * image, _all_but_first(rhs), keepdims=True)
        moves = (left > limit) & (curvature > 0)
        length = tf.where(moves, left / curvature, 0)
        value = value + length * direction
        residual = residual - length * image
        now_left = _squares(residual)
        direction = residual + tf.where(moves, now_left / left, 0) * direction
        steps = steps + tf.cast(tf.reshape(moves, [-1]), tf.int32)
        return step + 1, value, residual, direction, now_left, steps

    steps = tf.zeros_like(tf.reshape(left, [-1]), tf.int32)
    state = (tf.constant(0), value, residual, residual, left, steps)
    _, value, _, _, _, steps = tf.while_loop(unfinished, advance, state)
    return value, steps


def _squares(image):
    """Sum of squares of each image, `(batch, 1, ...)`."""
    return tf.reduce_sum(tf.square(image), _all_but_first(image), keepdims=True)


def _all_but_first(image):
    rank = image.shape.rank
    return tf.range(1, tf.rank(image)) if rank is None else list(range(1, rank))


def check_stopping(tolerance: float, max_steps: int) -> None:
    """Raises `InvalidInput` unless these are a positive number and a count of at least 1."""
    if not (isinstance(tolerance, numbers.Real) and 0 < tolerance < math.inf):
        raise InvalidInput(f"`tolerance` must be a number > 0. Received: tolerance={tolerance!r}")
    if not (isinstance(max_steps, numbers.Integral) and max_steps >= 1):
        raise InvalidInput(
            f"`max_steps` must be a whole number >= 1. Received: max_steps={max_steps!r}"
        )


def as_float(name: str, value) -> tf.Tensor:
    """`value` as a float32 or float64 tensor; `name` is what errors call it."""
    try:
        value = tf.convert_to_tensor(value)
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            f"`{name}` must be a float array. Received: {type(value).__name__}"
        ) from error
    if value.dtype not in (tf.float32, tf.float64):
        raise InvalidInput(
            f"`{name}` must be float32 or float64. Received: {name}.dtype={value.dtype.name}"
        )
    return value


def as_like(name: str, value, of: str, model: tf.Tensor) -> tf.Tensor:
    """`value` as a tensor with the dtype and shape of `model`, which errors call `of`."""
    value = as_float(name, value)
    same = value.dtype == model.dtype and value.shape.is_compatible_with(model.shape)
    if not same:
        raise InvalidInput(
            f"`{name}` must have the shape and dtype of `{of}`, {model.shape} {model.dtype.name}. "
            f"Received: {name}.shape={value.shape}, dtype={value.dtype.name}"
        )
    return value
