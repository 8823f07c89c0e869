"""What a solver returns: the value, and how it came to it."""

from typing import NamedTuple

import tensorflow as tf


class Solution(NamedTuple):
    """Result of an iterative solver, with one report per image.

    A named tuple of tensors, so it can be returned from a `tf.function`. Where several systems
    were solved one after the other (`half_quadratic`), the reports have shape
    `(levels, batch)`, and `value` is that of the last.

    Attributes:
        value: float `(batch, ...)`, in the unit of the unknown (images: [0, 1]), not clipped.
        steps: int32 `(batch,)`, iterations that changed the image; 0 if it was solved already.
        residual: float32 `(batch,)`, |b - A x| / |b|, dimensionless, computed from `value`
            itself and not from the recursion of the solver; 0 where b = 0.
        converged: bool `(batch,)`, whether `residual` is at most the tolerance. False as well
            where the input held NaN, or where the tolerance is finer than the arithmetic.
    """

    value: tf.Tensor
    steps: tf.Tensor
    residual: tf.Tensor
    converged: tf.Tensor
