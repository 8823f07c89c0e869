"""How much memory a network takes per pixel, and so how large a tile may be."""

import contextlib
import ctypes
import math

import tensorflow as tf

from tfdeblur.restorers.graph import inference_body, size_multiple

# Working memory of one network call. With TensorFlow itself (0.7 GB) and the buffers of a
# 3840 x 2160 photograph (0.3 GB) the process stays below 3 GB, and 1280 x 720 runs whole
# through Bi-Skip at full width.
DEFAULT_BUDGET_BYTES = 1_500_000_000

# Peak working memory over the bytes of the largest tensor. Measured with TF 2.21 on two cores at
# 1280 x 720 and 1440 x 1088, Bi-Skip: float32 3.5 (895 bytes a pixel at width 1, 436 at 0.5,
# 681 for variant S), bfloat16 1.8 (460). A margin of 7 % is added. SEN (512 and 258 bytes a pixel
# at 960 x 576) and the generator of RP-GAN (1507 and 572) stay 20 to 50 % below what this says.
_PEAK_OVER_LARGEST = {"float32": 3.75, "bfloat16": 1.95}
_PROBE_PIXELS = 256


def give_back() -> None:
    """Hands memory that was freed back to the system, where the C library is glibc."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def bytes_per_pixel(network, precision: str = "float32", channels: int = 3) -> float:
    """Estimates the peak working memory of a network, in bytes per input pixel.

    Traces the network at a small size (without running it) and multiplies its largest
    tensor by what such networks were measured to hold at once, and by `network.memory_factor`
    where it has one. A network that has `largest_bytes`, of its largest tensor per pixel, is not
    traced.

    Args:
        network: as for `restorers.graph.inference_function`.
        precision: as for `restorers.graph.arithmetic`.
        channels: int, of the input.
    """
    held = _PEAK_OVER_LARGEST[precision] * getattr(network, "memory_factor", 1.0)
    if hasattr(network, "largest_bytes"):
        return network.largest_bytes * held
    side = math.lcm(_PROBE_PIXELS, size_multiple(network))
    probe = tf.TensorSpec((1, side, side, channels), tf.float32)
    body = tf.function(inference_body(network, channels), autograph=False)
    graph = body.get_concrete_function(probe).graph
    largest = max(
        output.shape.num_elements() or 0
        for operation in graph.get_operations()
        for output in operation.outputs
        # Activations only: the first axis of a weight is its height.
        if output.shape.rank == 4 and output.shape[0] == 1
    )
    return 4 * largest / side**2 * held
