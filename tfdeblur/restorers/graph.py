"""The inference graph, written once: prepare -> network -> finish.

`Restorer` runs it here, and exported signatures wrap the same body, so that what is served and
what is computed locally cannot drift apart. TensorFlow operations only, no XLA: on CPUs it is
slower than the plain graph for these networks (`benchmarks/forward.py --xla`).
"""

import contextlib
import threading

import tensorflow as tf

from tfdeblur.errors import InvalidInput
from tfdeblur.image.padding import crop_back, pad_to_multiple
from tfdeblur.restorers.constants import ConstantWeights, wants_constants

DEFAULT_SIZE_MULTIPLE = 16
_BFLOAT16_SWITCH = "auto_mixed_precision_onednn_bfloat16"
_calls = threading.RLock()


def size_multiple(network) -> int:
    """Pixels that height and width must be a multiple of: the network's own, or 16."""
    return int(getattr(network, "size_multiple", DEFAULT_SIZE_MULTIPLE))


def inference_body(network, channels: int = 3):
    """Returns the plain function behind `inference_function`, to be wrapped in signatures.

    It maps `image`, float32 `(batch, height, width, channels)` in [0, 1], any size from 1 x 1, to
    float32 of the same size, not clipped: callers clip once, at their very end. It raises
    InvalidInput, when it is traced, where the network gives several outputs. A network with
    `constant_weights` stands in graphs with the weights that it has when they are traced.
    """
    multiple = size_multiple(network)
    call = ConstantWeights(network) if wants_constants(network) else network

    def restore(image):
        image = tf.ensure_shape(image, (None, None, None, channels))
        padded, size = pad_to_multiple(image, multiple)
        given = call(padded, training=False)
        if isinstance(given, list | tuple | dict):
            raise InvalidInput(f"`network` must give one image. Received: {len(given)} outputs")
        return crop_back(tf.cast(given, tf.float32), size)

    return restore


def inference_function(network, channels: int = 3):
    """Returns the inference graph of a network as a `tf.function`, traced once for all sizes.

    Args:
        network: callable `(image, training=False)`, image to image, whose inputs have
            sizes that are multiples of `network.size_multiple` (16 where it has none).
        channels: int, of the input.
    """
    return tf.function(
        inference_body(network, channels),
        input_signature=[tf.TensorSpec((None, None, None, channels), tf.float32, name="image")],
        autograph=False,
        reduce_retracing=True,
    )


def levels_function(network, channels: int = 3):
    """Returns the same for 8-bit images, as a `tf.function`: rounded within the graph.

    It maps `image`, uint8 `(batch, height, width, channels)`, to uint8 of the same size, clipped
    and rounded once, and float32 `(batch,)`: by how much each image changed on average before
    that, NaN or infinite where a value is. A third quicker than rounding in NumPy, where the
    network is small.
    """
    restore = inference_body(network, channels)

    def run(image):
        before = tf.cast(image, tf.float32) * (1 / 255)
        after = restore(before)
        change = tf.reduce_mean(tf.abs(after - before), axis=(1, 2, 3))
        levels = tf.round(tf.clip_by_value(after, 0.0, 1.0) * 255)
        return tf.cast(levels, tf.uint8), change

    return tf.function(
        run,
        input_signature=[tf.TensorSpec((None, None, None, channels), tf.uint8, name="image")],
        autograph=False,
        reduce_retracing=True,
    )


def operations_in_turn(network):
    """Runs graphs within the block one operation at a time, each on all cores.

    For networks with `operations_in_turn`, on processors: where operations are large, several at
    once hold more memory and are no faster (MAXIM at 768 x 704: 2,500 bytes a pixel, else 1,600).
    Graphs must be traced within the block too, and for any size: branches are lowered to what this
    executor lacks where they are traced outside, and additions are rewritten to it where TensorFlow
    knows all sizes.
    """
    wanted = getattr(network, "operations_in_turn", False)
    if not wanted or tf.config.list_physical_devices("GPU"):
        return contextlib.nullcontext()
    return tf.experimental.function_executor_type("SINGLE_THREADED_EXECUTOR")


@contextlib.contextmanager
def arithmetic(precision: str):
    """Runs graphs within the block in "float32" or "bfloat16" arithmetic.

    bfloat16 is a rewrite of the graph (convolutions and what lies between them) by
    TensorFlow for CPUs that have AVX-512 BF16 or AMX; the network and its weights stay as
    they are. TensorFlow optimises a graph once per setting, at the first call under it, so
    the switch must be on during *calls* (not tracing) and both forms are kept. The earlier
    setting comes back at the end. On GPUs it does nothing: build or load the network under the
    Keras policy "mixed_bfloat16" there.

    Calls from several threads wait for each other, in either arithmetic: the switch belongs to
    the process, and oneDNN's convolutions with a bias and an addition keep what they add in the
    operation, so that two calls of one graph at a time give wrong pixels (TensorFlow 2.20, 2.21).
    A call takes all cores or the GPU anyway.
    """
    with _calls:
        if precision == "float32":
            yield
            return
        before = tf.config.optimizer.get_experimental_options().get(_BFLOAT16_SWITCH, False)
        tf.config.optimizer.set_experimental_options({_BFLOAT16_SWITCH: True})
        try:
            yield
        finally:
            tf.config.optimizer.set_experimental_options({_BFLOAT16_SWITCH: before})
