"""Non-blind deconvolution: the image that, blurred, explains the observed one."""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfdeblur.errors import InvalidInput
from tfdeblur.solvers.conjugate_gradient import (
    as_float,
    as_like,
    check_stopping,
    conjugate_gradient,
)
from tfdeblur.solvers.solution import Solution

if TYPE_CHECKING:
    from tfdeblur.operators.base import LinearOperator


def deconvolve(
    K: "LinearOperator",
    observed: tf.Tensor,
    anchor: tf.Tensor,
    beta: float | tf.Tensor,
    start: tf.Tensor | None = None,
    tolerance: float = 1e-4,
    max_steps: int = 100,
) -> Solution:
    """Minimises |K x - O|^2 + beta |x - Z|^2: solves (K'K + beta I) x = K'O + beta Z.

    All channels and the whole batch in one loop. Gradients flow to `observed`, `anchor` and
    `beta` at constant memory (see `conjugate_gradient`). Outside a `tf.function` the steps run
    one by one, so that a new operator per call costs no tracing.

    Args:
        K: the blur, any object with `apply` and `adjoint`, such as `MotionBlur`.
        observed: O, the blurred image, float32 or float64 `(batch, height, width, channels)`
            in [0, 1].
        anchor: Z, the image that x is held to, like `observed`.
        beta: number > 0, or float `(batch,)`, one per image; weight of the anchor,
            dimensionless. Small values sharpen more and amplify noise more.
        start: where the iteration begins, like `observed`; None: at `anchor`.
        tolerance: float > 0, relative residual at which an image is done.
        max_steps: int >= 1, largest number of iterations.

    Returns:
        `Solution`; its value like `observed`, not clipped.

    Raises:
        InvalidInput: if an argument is not one of the above. Values of `beta` that are only
            known when a graph runs are not checked.

    Source: the motion-flow paper, Eqn 4. It names neither tolerance nor step limit; ours are
        arguments.
    """
    check_stopping(tolerance, max_steps)
    observed = checked_images(observed)
    anchor = as_like("anchor", anchor, "observed", observed)
    start = anchor if start is None else as_like("start", start, "observed", observed)
    beta = checked_beta(beta, observed)
    return solve_normal_equations(K, K.adjoint(observed), anchor, beta, start, tolerance, max_steps)


def solve_normal_equations(
    K: "LinearOperator", back, anchor, beta, start, tolerance: float, max_steps: int
) -> Solution:
    """`deconvolve` with checked arguments and `back` = K'O, which the levels of HQS share."""
    beta = tf.reshape(beta, [-1, 1, 1, 1])

    def normal(image):
        return K.adjoint(K.apply(image)) + beta * image

    return conjugate_gradient(normal, back + beta * anchor, start, tolerance, max_steps)


def checked_images(observed) -> tf.Tensor:
    """`observed` as a float tensor of rank 4, or `InvalidInput`."""
    observed = as_float("observed", observed)
    if observed.shape.rank not in (4, None):
        raise InvalidInput(
            "`observed` must have shape (batch, height, width, channels). "
            f"Received: observed.shape={observed.shape}"
        )
    return observed


def checked_beta(beta, observed: tf.Tensor, name: str = "beta") -> tf.Tensor:
    """`beta` as a tensor of shape () or (batch,), all > 0, or `InvalidInput`."""
    try:
        tensor = tf.convert_to_tensor(beta, observed.dtype)
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            f"`{name}` must be a number or of dtype {observed.dtype.name}, as `observed` is. "
            f"Received: {name}={beta!r}"
        ) from error
    per_image = tf.TensorShape([observed.shape[0] if observed.shape.rank else None])
    if tensor.shape.rank != 0 and not tensor.shape.is_compatible_with(per_image):
        raise InvalidInput(
            f"`{name}` must be one number, or one per image, shape {per_image}. "
            f"Received: {name}.shape={tensor.shape}"
        )
    values = tf.get_static_value(tensor)
    if values is not None and not np.all((values > 0) & np.isfinite(values)):
        raise InvalidInput(f"`{name}` must be > 0 and finite. Received: {name}={values}")
    return tensor
