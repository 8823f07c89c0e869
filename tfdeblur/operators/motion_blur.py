"""K: the blur of every pixel along its own line of motion, and its exact adjoint."""

import tensorflow as tf

from tfdeblur.errors import InvalidInput
from tfdeblur.operators import matrix
from tfdeblur.operators.base import check_image, linear
from tfdeblur.operators.kernels import check_rasterizer
from tfdeblur.operators.lines import lines_of
from tfdeblur.operators.taps import adjoint_taps, apply_taps

METHODS = ("auto", "matrix", "taps")
DEFAULT_BUDGET_BYTES = 2 << 30


class MotionBlur:
    """Space-variant motion blur of a batch of images by a batch of flow maps.

    Row p of K is the kernel of pixel p, an anti-aliased line through it from -flow/2 to
    +flow/2 (`kernels.line_kernel`). Where the line leaves the frame the nearest pixel of the
    frame counts, so the rows of K sum to 1. (u, v) and (-u, -v) give the same K; where the flow
    is shorter than one pixel K is the identity.

    Build it once per flow and use it as often as needed: it never changes. It works eagerly, in
    graphs and in SavedModels, with sizes that are known or not.

    Args:
        flow: float `(batch, height, width, 2)`, or `(height, width, 2)` for a batch of one;
            (u, v) in pixels over the exposure, u right, v down.
        rasterizer: "gong2018", the kernels of the published data sets, or "fspecial"; see
            `kernels.line_kernel`.
        method: "matrix" builds K as a sparse matrix, for solvers, which apply it many times;
            "taps" walks along the lines anew each time, which needs next to no memory;
            "auto" takes the matrix unless it would be larger than the budget.
        memory_budget_bytes: int > 0, for "auto", bytes. Building needs a quarter more.

    Raises:
        InvalidInput: if an argument is not one of the above, or the flow is not finite (looked
            at where values are known, not inside graphs).

    Source: the motion-flow paper, section 4.1, Eqn 4; the kernels as Gong et al.,
        From motion blur to motion flow, CVPR 2017, published them. The gradient with respect to
        images is exact, of any order; none is given with respect to the flow.
    """

    def __init__(
        self,
        flow,
        rasterizer: str = "gong2018",
        method: str = "auto",
        memory_budget_bytes: int = DEFAULT_BUDGET_BYTES,
    ):
        check_rasterizer(rasterizer)
        if method not in METHODS:
            raise InvalidInput(
                f"`method` must be one of {', '.join(METHODS)}. Received: method={method!r}"
            )
        if not memory_budget_bytes > 0:
            raise InvalidInput(
                "`memory_budget_bytes` must be greater than 0. "
                f"Received: memory_budget_bytes={memory_budget_bytes}"
            )
        self.flow = tf.stop_gradient(_check_flow(flow))
        self.rasterizer = rasterizer
        lines = lines_of(self.flow, rasterizer)
        if method == "auto":
            size = tf.reduce_sum(tf.cast(matrix.estimated_bytes(lines), tf.float64))
            self._has_matrix = size <= float(memory_budget_bytes)
        else:
            self._has_matrix = tf.constant(method == "matrix")
        # In a graph both ways are in it, and the size of the flow that comes decides.
        self._bands = _build(self._has_matrix, lines)

    def apply(self, image) -> tf.Tensor:
        """K x, the blurred images.

        Args:
            image: float `(batch, height, width, channels)`, any range, sizes as the flow's.

        Returns:
            The same shape and dtype, within the range of the image. Computed in float32.

        Raises:
            InvalidInput: if the shape does not fit the flow's or the image is not float.
        """
        return linear(self._check_image(image), self._apply, self._adjoint)

    def adjoint(self, image) -> tf.Tensor:
        """K^T x; arguments, returns and errors as `apply`, but the range grows at the borders."""
        return linear(self._check_image(image), self._adjoint, self._apply)

    def _apply(self, image):
        return _forward(self._has_matrix, self._bands, image, self.flow, self.rasterizer)

    def _adjoint(self, image):
        return _backward(self._has_matrix, self._bands, image, self.flow, self.rasterizer)

    def _check_image(self, image) -> tf.Tensor:
        return check_image(image, tuple(self.flow.shape[:3]), "flow's")


def matrix_bytes(flow, rasterizer: str = "gong2018") -> tf.Tensor:
    """Upper estimate of the memory that the matrix of K takes, row by row.

    Args:
        flow, rasterizer: as of `MotionBlur`.

    Returns:
        float32 `(batch, height, width)`, bytes.

    Raises:
        InvalidInput: as `MotionBlur`.
    """
    check_rasterizer(rasterizer)
    return matrix.estimated_bytes(lines_of(_check_flow(flow), rasterizer))


def _check_flow(flow) -> tf.Tensor:
    flow = tf.convert_to_tensor(flow)
    if flow.dtype.is_floating or flow.dtype.is_integer:
        flow = tf.cast(flow, tf.float32)
    if flow.shape.rank == 3:
        flow = flow[tf.newaxis]
    if flow.dtype != tf.float32 or flow.shape.rank != 4 or flow.shape[-1] != 2:
        raise InvalidInput(
            "`flow` must be float, of shape (batch, height, width, 2) or (height, width, 2). "
            f"Received: shape={tuple(flow.shape)}, dtype={flow.dtype.name}"
        )
    if hasattr(flow, "numpy"):
        bad = int(tf.math.count_nonzero(~tf.math.is_finite(flow)))
        if bad:
            raise InvalidInput(f"`flow` must be finite. Received: {bad} NaN or infinite values")
    return flow


# Graphs, also when called eagerly: bands of the matrix are then computed at the same time.


@tf.function(reduce_retracing=True)
def _build(has_matrix, lines):
    return tf.cond(has_matrix, lambda: matrix.build(lines), matrix.no_bands)


@tf.function(reduce_retracing=True)
def _forward(has_matrix, bands, image, flow, rasterizer):
    return tf.cond(
        has_matrix,
        lambda: matrix.multiply(bands, image),
        lambda: apply_taps(image, flow, rasterizer),
    )


@tf.function(reduce_retracing=True)
def _backward(has_matrix, bands, image, flow, rasterizer):
    return tf.cond(
        has_matrix,
        lambda: matrix.multiply_transposed(bands, image),
        lambda: adjoint_taps(image, flow, rasterizer),
    )
