"""How much of a blur a restored image explains: it is blurred again and compared."""

from typing import TYPE_CHECKING

import tensorflow as tf

from tfdeblur.errors import InvalidInput

if TYPE_CHECKING:
    from tfdeblur.operators.base import LinearOperator

WINDOW = 31  # pixels: wider than most motions, narrow enough to tell objects apart

# Mean square of a difference of two images that are rounded to 8 bits, [0, 1]^2: what is below
# says nothing about blur.
NOISE_FLOOR = 2 * (1 / 255) ** 2 / 12


def explained(
    K: "LinearOperator", image: tf.Tensor, observed: tf.Tensor, window: int = WINDOW
) -> tuple[tf.Tensor, tf.Tensor]:
    """By how much K x is nearer to the observed image O than K O is.

    1 - |K x - O|^2 / |K O - O|^2, with energies over a window around each pixel, or over the
    whole image. O itself, as a result, gives 0, and so does everything that is no better; a sharp
    image whose blur is K gives 1. Where K leaves O as it is up to the rounding of 8 bits (nothing
    moves, or nothing is to be seen) there is nothing to explain and the value goes to 0: the
    energy in the denominator is at least `NOISE_FLOOR`.

    Args:
        K: the blur that was estimated.
        image: x, the result, float `(batch, height, width, channels)` in [0, 1].
        observed: O, like `image`.
        window: odd int >= 1, side of the square window, pixels; less at the image's border.

    Returns:
        Confidence, `(batch, height, width)`, and score, `(batch,)`, both float32 in [0, 1],
        dimensionless. NaN where the image is not finite.

    Raises:
        InvalidInput: if `window` is not an odd number.

    Source: ours; it needs no sharp image.
    """
    if not (isinstance(window, int) and window >= 1 and window % 2):
        raise InvalidInput(f"`window` must be an odd number >= 1. Received: window={window!r}")
    # Once for both: an operator may have to find its entries anew for every application.
    again, twice = tf.split(K.apply(tf.concat([image, observed], axis=-1)), 2, axis=-1)
    left, before = _energy(again - observed), _energy(twice - observed)
    whole = [tf.reduce_mean(energy, axis=(1, 2)) for energy in (left, before)]
    local = [_windowed(energy, window) for energy in (left, before)]
    return _share(*local), _share(*whole)


def _energy(difference):
    """Mean square over the channels, float32 `(batch, height, width)`."""
    return tf.reduce_mean(tf.square(tf.cast(difference, tf.float32)), axis=-1)


def _windowed(energy, window):
    """Mean over the part of the window that lies inside the image: SAME pooling leaves out pads."""
    energy = energy[..., tf.newaxis]
    for sides in ((window, 1), (1, window)):
        energy = tf.nn.avg_pool2d(energy, sides, strides=1, padding="SAME")
    return energy[..., 0]


def _share(left, before):
    return tf.clip_by_value((before - left) / tf.maximum(before, NOISE_FLOOR), 0.0, 1.0)
