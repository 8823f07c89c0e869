"""Paired, stateless augmentation: the same crop, flips, turns and channels for both images.

All functions are pure in their seed and run eagerly, in a graph and inside tf.data alike.
A pair travels as one uint8 or float tensor `(2, height, width, 3)`, blurred first: what is
done to it is done to both images, so they cannot drift apart.
"""

from dataclasses import dataclass

import tensorflow as tf

# Streams of random numbers drawn from one seed; a new one gets a new number, so that
# adding an augmentation does not change what the others draw.
_TOP, _LEFT, _FLIP, _TURN, _CHANNELS, MOTION, ORIGIN, PHOTOGRAPH, KNOWN, DAMAGE = range(10)


@dataclass(frozen=True)
class Augment:
    """What is done at random to a training pair.

    Args:
        crop: int >= 1, side of the square crop, pixels. Every position is equally likely.
        flips: whether to flip left-right and up-down, each with probability 1/2.
        turns: whether to turn by 0, 90, 180 or 270 degrees, each with probability 1/4.
        permute_channels: whether to reorder the colour channels, all 6 orders equally likely.

    Raises:
        ValueError: if `crop` is below 1.
    """

    crop: int
    flips: bool = True
    turns: bool = False
    permute_channels: bool = False

    def __post_init__(self) -> None:
        if self.crop < 1:
            raise ValueError(f"`crop` must be at least 1 pixel. Received: crop={self.crop}")


def augment_pair(
    blurred: tf.Tensor, sharp: tf.Tensor, seed: tf.Tensor, augment: Augment
) -> tuple[tf.Tensor, tf.Tensor]:
    """Crops, flips, turns and permutes both images in the same way.

    Args:
        blurred: `(height, width, 3)`, any dtype and range, at least `crop` on each side.
        sharp: same shape and dtype.
        seed: int `(2,)`; the result is a pure function of the images and it.
        augment: what to do.

    Returns:
        `(blurred, sharp)`, each `(crop, crop, 3)`, dtype and range kept.
    """
    pair = tf.stack([blurred, sharp])
    shape = tf.shape(pair)
    top, left = crop_position(shape[1], shape[2], augment.crop, seed)
    pair = pair[:, top : top + augment.crop, left : left + augment.crop]
    blurred, sharp = tf.unstack(vary_pair(pair, seed, augment))
    return blurred, sharp


def crop_position(
    height: tf.Tensor, width: tf.Tensor, crop: int, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws the top left corner of a crop, all positions inside the image equally likely.

    Args:
        height: int scalar >= `crop`, pixels. Checked before training, not here.
        width: int scalar >= `crop`, pixels.
        crop: int, side of the crop, pixels.
        seed: int `(2,)`.

    Returns:
        `(top, left)`, int32 scalars, pixels: 0 <= top <= height - crop, the same for left.
    """

    def draw(extent: tf.Tensor, stream: int) -> tf.Tensor:
        positions = tf.cast(extent, tf.int32) - crop + 1  # the upper bound is exclusive
        return tf.random.stateless_uniform([], _stream(seed, stream), 0, positions, tf.int32)

    return draw(height, _TOP), draw(width, _LEFT)


def vary_pair(pair: tf.Tensor, seed: tf.Tensor, augment: Augment) -> tf.Tensor:
    """Flips, turns and permutes the channels of a cropped pair, as `augment` says.

    Args:
        pair: `(2, crop, crop, 3)`, blurred then sharp, any dtype.
        seed: int `(2,)`.
        augment: what to do; its `crop` gives the shape.

    Returns:
        `(2, crop, crop, 3)`, dtype and range kept.
    """
    return tf.ensure_shape(vary_images(pair, seed, augment), (2, augment.crop, augment.crop, 3))


def vary_images(images: tf.Tensor, seed: tf.Tensor, augment: Augment) -> tf.Tensor:
    """`vary_pair` for any number of images, `(n, side, side, 3)`, of any side."""
    if augment.flips:
        upside_down, mirrored = draw_flips(seed)
        images = tf.cond(upside_down, lambda: tf.reverse(images, [1]), lambda: images)
        images = tf.cond(mirrored, lambda: tf.reverse(images, [2]), lambda: images)
    if augment.turns:
        turns = tf.random.stateless_uniform([], _stream(seed, _TURN), 0, 4, tf.int32)
        images = turn_images(images, turns)
    if augment.permute_channels:
        keys = tf.random.stateless_uniform([3], _stream(seed, _CHANNELS))
        images = tf.gather(images, tf.argsort(keys), axis=-1)
    return images


def draw_flips(seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws whether to flip up-down, and whether left-right: bool scalars."""
    flip = tf.random.stateless_uniform([2], _stream(seed, _FLIP), 0, 2, tf.int32)
    return flip[0] == 1, flip[1] == 1


def turn_images(images: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    """Turns square images counter-clockwise by quarter turns, as `tf.image.rot90` does.

    That one would do as well, but it transposes, for which oneDNN logs an error about uint8
    on machines without AVX-512 in every process.

    Args:
        images: `(n, side, side, 3)`, any dtype.
        turns: int32 scalar, 0 to 3.

    Returns:
        `(n, side, side, 3)`, dtype and range kept.
    """
    shape = tf.shape(images)
    count, side = shape[0], shape[1]

    def transpose() -> tf.Tensor:
        pixels = tf.range(side)[tf.newaxis, :] * side + tf.range(side)[:, tf.newaxis]
        flat = tf.reshape(images, tf.stack([count, side * side, 3]))
        return tf.reshape(tf.gather(flat, tf.reshape(pixels, [-1]), axis=1), shape)

    turned = tf.cond(turns % 2 == 1, transpose, lambda: images)
    turned = tf.cond((turns == 1) | (turns == 2), lambda: tf.reverse(turned, [1]), lambda: turned)
    return tf.cond(turns >= 2, lambda: tf.reverse(turned, [2]), lambda: turned)


def _stream(seed: tf.Tensor, stream: int) -> tf.Tensor:
    return tf.random.fold_in(seed, stream)
