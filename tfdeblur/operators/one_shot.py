"""Blurs one photograph after another, each once, as fast as one core can."""

from functools import lru_cache

import numpy as np
import tensorflow as tf

from tfdeblur.errors import InvalidInput
from tfdeblur.operators.kernels import check_rasterizer
from tfdeblur.operators.taps import apply_taps

_BUCKET = 64  # sides are padded to multiples: compiled code is good for one shape only


def blur_image(image: np.ndarray, flow: np.ndarray, rasterizer: str = "gong2018") -> np.ndarray:
    """K x of one photograph: the same operator as `MotionBlur`, compiled and without a matrix.

    The first image of a size (rounded up to multiples of 64) takes about a second longer, for
    the compiler.

    Args:
        image: float32 `(height, width, channels)`, any range, any size from 1 x 1.
        flow: float32 `(height, width, 2)`, (u, v), pixels.
        rasterizer: "gong2018" or "fspecial", see `kernels.line_kernel`.

    Returns:
        float32 `(height, width, channels)`, within the range of the image.

    Raises:
        InvalidInput: if shapes do not fit, the flow is not finite or the rasterizer is unknown.
    """
    check_rasterizer(rasterizer)
    image, flow = np.asarray(image, np.float32), np.asarray(flow, np.float32)
    if image.ndim != 3 or image.size == 0:
        raise InvalidInput(
            f"`image` must have shape (height, width, channels). Received: shape={image.shape}"
        )
    if flow.shape != (*image.shape[:2], 2):
        raise InvalidInput(
            f"`flow` must have shape {(*image.shape[:2], 2)}, like the image. "
            f"Received: shape={flow.shape}"
        )
    if not np.isfinite(flow).all():
        raise InvalidInput("`flow` must be finite. Received: NaN or infinite values")
    height, width = image.shape[:2]
    padding = ((0, -height % _BUCKET), (0, -width % _BUCKET), (0, 0))
    padded, motion = np.pad(image, padding), np.pad(flow, padding)
    blurred = _compiled(padded.shape, rasterizer)(
        tf.constant(padded[np.newaxis]),
        tf.constant(motion[np.newaxis]),
        tf.constant(height),
        tf.constant(width),
    )
    return blurred.numpy()[0, :height, :width]


@lru_cache(maxsize=128)
def _compiled(shape: tuple[int, int, int], rasterizer: str):
    """The operator for padded images of one shape, as machine code."""

    # One function a shape, and not one for all: that would warn of being traced again.
    @tf.function(jit_compile=True)
    def blur(image, flow, height, width):
        return apply_taps(image, flow, rasterizer, (height, width))

    size = tf.TensorSpec([], tf.int32)
    return blur.get_concrete_function(
        tf.TensorSpec([1, *shape]), tf.TensorSpec([1, *shape[:2], 2]), size, size
    )
