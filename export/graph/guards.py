"""What a served graph refuses, before it computes anything.

TensorFlow Serving checks the types of a request but not its shapes, and some kernels abort the
process at a rank they do not expect: graphs must look for themselves. Every refusal is code 3,
INVALID_ARGUMENT.
"""

import tensorflow as tf

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_SHORTEST = 33  # bytes: a PNG's signature and its first chunk, which holds the size


def guarded_images(images, max_pixels: int, side: int | None = None):
    """Returns images that are `(batch, height, width, 3)`, not empty, and not too many pixels.

    Args:
        images: any dtype, of any shape.
        max_pixels: int >= 1, of all images of the batch together.
        side: int, pixels, the only height and width that are accepted; None: any from 1.
    """
    images = tf.ensure_shape(images, (None, side, side, 3))
    shape = tf.shape(images, out_type=tf.int64)
    filled = _check(tf.reduce_all(shape > 0), "image must not be empty", "shape", shape)
    fits = _check_pixels(tf.reduce_prod(shape[:-1]), max_pixels)
    with tf.control_dependencies([filled, fits]):
        return tf.identity(images)


def decoded_image(data, max_pixels: int):
    """Decodes a PNG or JPEG whose header says that it is small enough.

    Args:
        data: scalar string tensor.
        max_pixels: int >= 1, of this image.

    Returns:
        uint8 `(height, width, 3)`, RGB: gray is repeated, alpha dropped, 16 bits become 8; turns
        that EXIF asks for are not made.
    """
    long_enough = tf.strings.length(data) >= _SHORTEST
    is_png = tf.equal(tf.strings.substr(data, 0, len(_PNG)), _PNG)
    is_jpeg = tf.equal(tf.strings.substr(data, 0, len(_JPEG)), _JPEG)
    known = _check(
        long_enough & (is_png | is_jpeg),
        "image is neither PNG nor JPEG",
        "bytes",
        tf.strings.length(data),
    )
    with tf.control_dependencies([known]):
        data = tf.identity(data)
    size = tf.cond(is_png, lambda: _png_size(data), lambda: _jpeg_size(data))
    filled = _check(tf.reduce_all(size > 0), "image must not be empty", "shape", size)
    fits = _check_pixels(tf.reduce_prod(size), max_pixels)
    with tf.control_dependencies([filled, fits]):
        data = tf.identity(data)
    return tf.cond(
        is_png,
        lambda: tf.io.decode_png(data, channels=3),
        lambda: tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"),
    )


def _png_size(data):
    """Height and width that a PNG's header names, int64 `(2,)`."""
    width_height = tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.uint8)
    numbers = tf.cast(tf.reshape(width_height, (2, 4)), tf.int64)
    return tf.reverse(tf.reduce_sum(numbers * (1 << 24, 1 << 16, 1 << 8, 1), axis=-1), [0])


def _jpeg_size(data):
    return tf.io.extract_jpeg_shape(data, output_type=tf.int64)[:2]


def _check_pixels(pixels, max_pixels: int):
    limit = tf.constant(max_pixels, tf.int64)
    return _check(pixels <= limit, "image has too many pixels", "limit", limit, "received", pixels)


def _check(condition, *message):
    return tf.debugging.Assert(condition, list(message), summarize=4)
