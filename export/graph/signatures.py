"""The signatures of a served model: names, types, and the graphs behind them.

| key               | input                                    | outputs                         |
|-------------------|------------------------------------------|---------------------------------|
| `serving_default` | `image` float32 `(n, h, w, 3)`, [0, 1]   | `restored`, the same            |
| `serving_uint8`   | `image_u8` uint8 `(n, h, w, 3)`          | `restored_u8`, the same         |
| `serving_bytes`   | `image_bytes` string `(n,)`, PNG or JPEG | `restored_bytes` string, PNG    |
| `serving_flow`    | `image` as above; of RP-GAN only         | `restored`; `flow`, pixels,     |
|                   |                                          | `(n, h, w, 2)`; `confidence`,   |
|                   |                                          | [0, 1], `(n, h, w)`; `score`,   |
|                   |                                          | [0, 1], `(n,)`                  |
"""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from export.graph.guards import Limits, decoded_image, guarded_files, guarded_images, marked
from export.graph.restoration import Restore

Signature = Callable[..., Mapping[str, tf.Tensor]]  # of one input, to outputs by name

# Level 1 of 9: higher ones cost tens of milliseconds a picture and save a few percent.
_PNG_COMPRESSION = 1


def signature_functions(
    restore: Restore, limits: Limits, *, estimates_motion: bool
) -> dict[str, Any]:
    """Returns the `tf.function`s to be saved, by the key that requests name.

    Args:
        restore: the graph, float32 images to `Restoration`.
        limits: of a request. With a `side` images must be that high and wide, and there are no
            bytes: requests can then be put together by the server's batching.
        estimates_motion: whether `restore` returns a motion, for `serving_flow`.
    """
    side = limits.side
    float_images = tf.TensorSpec((None, side, side, 3), tf.float32, name="image")
    integers = tf.TensorSpec((None, side, side, 3), tf.uint8, name="image_u8")
    files = tf.TensorSpec((None,), tf.string, name="image_bytes")

    def serve_float(image):
        image = guarded_images(image, limits)
        restored = restore(image).image
        return {"restored": restored if side is None else marked(image, restored)}

    def serve_integers(image_u8):
        image_u8 = guarded_images(image_u8, limits)
        return {"restored_u8": _restore_integers(restore, image_u8)}

    def serve_flow(image):
        image = guarded_images(image, limits)
        found: Any = restore(image)
        restored = found.image if side is None else marked(image, found.image)
        return {"restored": restored, **found.motion._asdict()}

    functions = {"serving_default": (serve_float, float_images)}
    functions["serving_uint8"] = (serve_integers, integers)
    if side is None:
        functions["serving_bytes"] = (_serve_files(restore, limits), files)
    if estimates_motion:
        functions["serving_flow"] = (serve_flow, float_images)
    return {
        key: tf.function(function, input_signature=[spec], autograph=False)
        for key, (function, spec) in functions.items()
    }


def _serve_files(restore: Restore, limits: Limits) -> Signature:
    def restore_file(data):
        image = decoded_image(data)
        restored = _restore_integers(restore, image[tf.newaxis])[0]
        return tf.io.encode_png(restored, compression=_PNG_COMPRESSION)

    def serve_files(image_bytes):
        restored = tf.map_fn(
            restore_file,
            guarded_files(tf.ensure_shape(image_bytes, (None,)), limits),
            parallel_iterations=1,  # each picture may be as large as memory allows
            fn_output_signature=tf.TensorSpec((), tf.string),
        )
        return {"restored_bytes": restored}

    return serve_files


def _restore_integers(restore: Restore, image):
    """8-bit images to 8-bit images, scaled and rounded as `image.codec` does."""
    restored = restore(tf.cast(image, tf.float32) * (1 / 255)).image
    return tf.cast(tf.round(restored * 255.0), tf.uint8)
