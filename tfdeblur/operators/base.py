"""What solvers ask of an operator."""

from typing import Protocol, runtime_checkable

import tensorflow as tf


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
