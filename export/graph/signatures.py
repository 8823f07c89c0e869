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

from export.graph.guards import decoded_image, guarded_images
from export.graph.restoration import Restore

Signature = Callable[..., Mapping[str, tf.Tensor]]  # of one input, to outputs by name

# Level 1 of 9: higher ones cost tens of milliseconds a picture and save a few percent.
_PNG_COMPRESSION = 1


def signature_functions(
    restore: Restore, *, max_pixels: int, estimates_motion: bool, side: int | None = None
) -> dict[str, Any]:
    """Returns the `tf.function`s to be saved, by the key that requests name.

    Args:
        restore: the graph, float32 images to `Restoration`.
        max_pixels: int >= 1, the most pixels of a request; for bytes, of one picture, as they are
            restored one after the other.
        estimates_motion: whether `restore` returns a motion, for `serving_flow`.
        side: int, pixels: images must be that high and wide, and there are no bytes: requests
            can then be put together by the server's batching. None: any size.
    """
    float_images = tf.TensorSpec((None, side, side, 3), tf.float32, name="image")
    integers = tf.TensorSpec((None, side, side, 3), tf.uint8, name="image_u8")
    files = tf.TensorSpec((None,), tf.string, name="image_bytes")

    def serve_float(image):
        return {"restored": restore(guarded_images(image, max_pixels, side)).image}

    def serve_integers(image_u8):
        image_u8 = guarded_images(image_u8, max_pixels, side)
        return {"restored_u8": _restore_integers(restore, image_u8)}

    def serve_flow(image):
        found: Any = restore(guarded_images(image, max_pixels, side))
        return {"restored": found.image, **found.motion._asdict()}

    functions = {"serving_default": (serve_float, float_images)}
    functions["serving_uint8"] = (serve_integers, integers)
    if side is None:
        functions["serving_bytes"] = (_serve_files(restore, max_pixels), files)
    if estimates_motion:
        functions["serving_flow"] = (serve_flow, float_images)
    return {
        key: tf.function(function, input_signature=[spec], autograph=False)
        for key, (function, spec) in functions.items()
    }


def _serve_files(restore: Restore, max_pixels: int) -> Signature:
    def restore_file(data):
        image = decoded_image(data, max_pixels)
        restored = _restore_integers(restore, image[tf.newaxis])[0]
        return tf.io.encode_png(restored, compression=_PNG_COMPRESSION)

    def serve_files(image_bytes):
        restored = tf.map_fn(
            restore_file,
            tf.ensure_shape(image_bytes, (None,)),
            parallel_iterations=1,  # each picture may be as large as memory allows
            fn_output_signature=tf.TensorSpec((), tf.string),
        )
        return {"restored_bytes": restored}

    return serve_files


def _restore_integers(restore: Restore, image):
    """8-bit images to 8-bit images, scaled and rounded as `image.codec` does."""
    restored = restore(tf.cast(image, tf.float32) * (1 / 255)).image
    return tf.cast(tf.round(restored * 255.0), tf.uint8)
