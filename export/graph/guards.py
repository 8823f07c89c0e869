"""What a served graph refuses, before it computes anything.

TensorFlow Serving checks the types of a request but not its shapes, and some kernels abort the
process at a rank they do not expect: graphs must look for themselves. Every refusal is code 3,
INVALID_ARGUMENT. Pixels are counted as the network sees them, padded: 4,096 images of 1x1 take
as much as one of 1024x1024 where sizes are padded to multiples of 16.
"""

from typing import NamedTuple

import tensorflow as tf

from tfdeblur.restorers.images import FLOAT_TOLERANCE

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_SHORTEST = 33  # bytes: a PNG's signature and its first chunk, which holds the size


class Limits(NamedTuple):
    """What a request may ask for.

    Attributes:
        max_pixels: int >= 1, of all images of a request together, padded.
        multiple: int >= 1, pixels, that heights and widths are padded to.
        side: int, pixels, the only height and width that arrays may have; None: any from 1.
    """

    max_pixels: int
    multiple: int = 1
    side: int | None = None


def guarded_images(images, limits: Limits):
    """Returns images that are `(batch, height, width, 3)`, not empty, and not too many pixels.

    Args:
        images: any dtype, of any shape. Floats must be finite and in [0, 1], with the tolerance of
            `Restorer`, where any size is taken. Where it is a single one, the server may have put
            requests together, and the fault of one must not cost the others: there, see
            `marked`.
        limits: of the request.
    """
    images = tf.ensure_shape(images, (None, limits.side, limits.side, 3))
    shape = tf.shape(images, out_type=tf.int64)
    filled = _check(tf.reduce_all(shape > 0), "image must not be empty", "shape", shape)
    fits = _check_pixels(shape[0] * _padded_pixels(shape[1:3], limits.multiple), limits.max_pixels)
    with tf.control_dependencies([filled, fits]):
        images = tf.identity(images)
    if not images.dtype.is_floating or limits.side is not None:
        return images
    with tf.control_dependencies([_check_values(images)]):
        return tf.identity(images)


def marked(images, restored):
    """`restored` with NaN in the place of each image whose floats are no picture in [0, 1].

    Args:
        images: float32 `(batch, height, width, 3)`.
        restored: the same shape.
    """
    good = tf.reduce_all(_in_range(images), axis=(1, 2, 3), keepdims=True)
    return tf.where(good, restored, float("nan"))


def guarded_files(files, limits: Limits):
    """Returns encoded pictures whose headers say that together they are small enough.

    Args:
        files: string `(count,)`.
        limits: of the request.
    """
    least = tf.cast(tf.size(files), tf.int64) * limits.multiple**2
    few = _check_pixels(least, limits.max_pixels)  # before a header is looked at
    with tf.control_dependencies([few]):
        files = tf.identity(files)
    pixels = tf.map_fn(
        lambda data: _padded_pixels(_file_size(data), limits.multiple),
        files,
        parallel_iterations=1,
        fn_output_signature=tf.TensorSpec((), tf.int64),
    )
    # No sum of large headers may pass the end of int64 and come back as a small number.
    total = tf.reduce_sum(tf.minimum(pixels, limits.max_pixels + 1))
    with tf.control_dependencies([_check_pixels(total, limits.max_pixels)]):
        return tf.identity(files)


def decoded_image(data):
    """Decodes a PNG or JPEG that passed `guarded_files`.

    Args:
        data: scalar string tensor.

    Returns:
        uint8 `(height, width, 3)`, RGB: gray is repeated, alpha dropped, 16 bits become 8; turns
        that EXIF asks for are not made.
    """
    return tf.cond(
        _begins_with(data, _PNG),
        lambda: tf.io.decode_png(data, channels=3),
        lambda: tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"),
    )


def _file_size(data):
    """Height and width that the header of a PNG or JPEG names, int64 `(2,)`, at least 1."""
    long_enough = tf.strings.length(data) >= _SHORTEST
    is_png = _begins_with(data, _PNG)
    known = _check(
        long_enough & (is_png | _begins_with(data, _JPEG)),
        "image is neither PNG nor JPEG",
        "bytes",
        tf.strings.length(data),
    )
    with tf.control_dependencies([known]):
        data = tf.identity(data)
    size = tf.cond(is_png, lambda: _png_size(data), lambda: _jpeg_size(data))
    filled = _check(tf.reduce_all(size > 0), "image must not be empty", "shape", size)
    with tf.control_dependencies([filled]):
        return tf.identity(size)


def _begins_with(data, text: bytes):
    return tf.equal(tf.strings.substr(data, 0, len(text)), text)


def _png_size(data):
    """Height and width that a PNG's header names, int64 `(2,)`."""
    width_height = tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.uint8)
    numbers = tf.cast(tf.reshape(width_height, (2, 4)), tf.int64)
    return tf.reverse(tf.reduce_sum(numbers * (1 << 24, 1 << 16, 1 << 8, 1), axis=-1), [0])


def _jpeg_size(data):
    return tf.io.extract_jpeg_shape(data, output_type=tf.int64)[:2]


def _padded_pixels(size, multiple: int):
    return tf.reduce_prod(-(-size // multiple) * multiple)


def _in_range(images):
    """Whether each value is one that a picture in [0, 1] has; NaN compares false."""
    return tf.abs(images - 0.5) <= 0.5 + FLOAT_TOLERANCE


def _check_values(images):
    """What `restorers.images.check_image` asks of floats, in its words."""
    good = tf.reduce_all(_in_range(images))

    def refuse():
        finite = tf.math.is_finite(images)
        count = tf.reduce_sum(tf.cast(~finite, tf.int64))
        some = _check(count < 1, "`image` must be finite", "NaN or infinite values", count)
        with tf.control_dependencies([some]):
            return _check(
                False,
                "`image` must be in [0, 1] where it is float. Divide by 255, or send uint8",
                *("lowest", tf.reduce_min(images), "highest", tf.reduce_max(images)),
            )

    # The extremes are looked for only where something is wrong.
    return tf.cond(good, lambda: True, lambda: _done_after(refuse()))


def _done_after(operation):
    with tf.control_dependencies([operation]):
        return tf.constant(True)


def _check_pixels(pixels, max_pixels: int):
    limit = tf.constant(max_pixels, tf.int64)
    return _check(pixels <= limit, "image has too many pixels", "limit", limit, "received", pixels)


def _check(condition, *message):
    return tf.debugging.Assert(condition, list(message), summarize=4)
