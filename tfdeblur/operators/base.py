"""What solvers ask of an operator, and what the operators here share."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import tensorflow as tf

from tfdeblur.errors import InvalidInput


@runtime_checkable
class LinearOperator(Protocol):
    """A linear map K on images and its adjoint K^T.

    Both are pure: nothing changes inside the operator, and the same image gives the same result.
    Both map float `(batch, height, width, channels)` to the same shape and dtype, and satisfy
    <K x, y> = <x, K^T y>, which the tests of every operator check.
    """

    def apply(self, image: tf.Tensor) -> tf.Tensor:
        """K x, float `(batch, height, width, channels)`."""

    def adjoint(self, image: tf.Tensor) -> tf.Tensor:
        """K^T x, float `(batch, height, width, channels)`."""


def linear(image: tf.Tensor, forward: Callable, backward: Callable) -> tf.Tensor:
    """`forward(image)`, whose gradient is `backward`, whose gradient is `forward`, and so on.

    Args:
        image: float tensor; `forward` gets it in float32, and the result has its dtype.
        forward, backward: a linear map and its adjoint, float32 tensors, shapes kept.
    """

    @tf.custom_gradient
    def function(x):
        # A tape goes on recording inside custom_gradient, and would keep what nobody asks for.
        inner = tf.stop_gradient(x)
        # Graphs traced once for many sizes forget the one that comes; loops around them ask for it.
        mapped = tf.ensure_shape(forward(inner), x.shape)
        return mapped, lambda gradient: linear(gradient, backward, forward)

    return tf.cast(function(tf.cast(image, tf.float32)), image.dtype)


def check_image(image, sizes: tuple, of: str) -> tf.Tensor:
    """`image` as a tensor that an operator accepts.

    Args:
        image: what the caller gave.
        sizes: `(batch, height, width)` of the operator, None where unknown.
        of: what has these sizes, for the error: "flow".

    Raises:
        InvalidInput: unless it is float `(batch, height, width, channels)` of these sizes.
    """
    image = tf.convert_to_tensor(image)
    if not image.dtype.is_floating:
        raise InvalidInput(
            "`image` must be float, [0, 1] for pictures. "
            f"Received: dtype={image.dtype.name}. Divide by 255."
        )
    if image.shape.rank != 4 or not image.shape[:3].is_compatible_with(sizes):
        raise InvalidInput(
            "`image` must have shape (batch, height, width, channels), the first three as the "
            f"{of}, {sizes}. Received: shape={tuple(image.shape)}"
        )
    return image
