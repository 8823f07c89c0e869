"""Padding to a multiple and cropping back, for images of any size from 1 x 1."""

import tensorflow as tf


def pad_to_multiple(image, multiple: int):
    """Extends an image below and to the right to sizes that are multiples of `multiple`.

    The picture is mirrored at its edge without repeating it, as often as it takes: a pad may
    be wider than the image, where `tf.pad(mode="REFLECT")` fails. One row or column is
    repeated. Works in graphs with unknown sizes and is differentiable.

    Args:
        image: any dtype `(..., height, width, channels)`, height and width at least 1.
        multiple: int >= 1, pixels.

    Returns:
        The padded image, and `(height, width)` of the original as scalar int32 tensors.

    Raises:
        ValueError: if `multiple` is below 1.
    """
    if multiple < 1:
        raise ValueError(f"`multiple` must be at least 1. Received: multiple={multiple}")
    image = tf.convert_to_tensor(image)
    height, width = _side(image, -3), _side(image, -2)
    image = _extend(image, -height % multiple, axis=-3)
    image = _extend(image, -width % multiple, axis=-2)
    return image, (tf.convert_to_tensor(height), tf.convert_to_tensor(width))


def pad_to_size(image, height: int, width: int):
    """The same up to a size that is at least the image's: mirrored below and to the right."""
    image = tf.convert_to_tensor(image)
    image = _extend(image, height - _side(image, -3), axis=-3)
    return _extend(image, width - _side(image, -2), axis=-2)


def crop_back(image, size):
    """Undoes `pad_to_multiple`: keeps the top left `size = (height, width)` pixels."""
    height, width = size
    return image[..., :height, :width, :]


def _side(image, axis: int):
    """The length of an axis: int where it is known, else a scalar int32 tensor."""
    known = image.shape[axis] if image.shape.rank is not None else None
    return tf.shape(image)[axis] if known is None else known


def _extend(image, pad, axis):
    # Most pictures need no pad; joined to nothing they would still be copied.
    if isinstance(pad, int):  # without a branch, sizes stay known
        return _extended(image, pad, axis) if pad else image
    return tf.cond(pad > 0, lambda: _extended(image, pad, axis), lambda: image)


def _extended(image, pad, axis):
    length = tf.shape(image)[axis]
    period = tf.maximum(2 * (length - 1), 1)  # 1, not 0, for a single row: all its rows are row 0
    place = (length + tf.range(pad)) % period
    return tf.concat([image, tf.gather(image, tf.minimum(place, period - place), axis=axis)], axis)
