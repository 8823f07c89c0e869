"""Noise and JPEG on the blurred half of real pairs, drawn anew for each crop of a training.

Real pairs are as clean as the camera that took them; photographs that people have are not.
Photographs that are blurred while training have damage of their own (`dynamic_patch`).
"""

import numpy as np
import tensorflow as tf

from tfdeblur.data.augment import DAMAGE
from tfdeblur.data.damage_settings import BEST_JPEG, Damage
from tfdeblur.data.readers import Progress, Reader
from tfdeblur.data.sources import PairSource

# Streams within the one of `augment.DAMAGE`.
_HAS_NOISE, _LEVEL, _NOISE, _HAS_JPEG, _QUALITY = range(5)


class DamagedSource:
    """Pairs whose blurred halves are damaged where they are cut for training; a `PairSource`.

    Whole frames, such as those that are validated on, stay as they are.

    Args:
        source: the pairs.
        damage: what to do.
    """

    def __init__(self, source: PairSource, damage: Damage) -> None:
        self.source, self.damage = source, damage
        self.pairs = list(getattr(source, "pairs", []))
        self.names, self.count, self.sizes = source.names, source.count, source.sizes
        self._reader: DamagedReader | None = None

    @property
    def fingerprint(self) -> str:
        """That of the pairs: the settings of a run tell the damage."""
        return self.source.fingerprint

    def describe(self) -> str:
        """Returns one line for people and logs."""
        return f"{self.source.describe()}, with {self.damage.describe()}"

    def load(self, index: int) -> np.ndarray:
        """Returns pair `index`, undamaged."""
        return self.source.load(index)

    def reader(self, progress: Progress | None = None) -> Reader:
        """Returns fast access for training; the same object each time."""
        if self._reader is None:
            self._reader = DamagedReader(self.source.reader(progress), self.damage)
        return self._reader


class DamagedReader:
    """Reads pairs and damages the blurred half of every window."""

    def __init__(self, reader: Reader, damage: Damage) -> None:
        self._reader, self._damage = reader, damage

    def frame(self, index: tf.Tensor) -> tf.Tensor:
        """See `Reader`: undamaged."""
        return self._reader.frame(index)

    def window(self, index: tf.Tensor, crop: int, seed: tf.Tensor) -> tf.Tensor:
        """See `Reader`."""
        blurred, sharp = tf.unstack(self._reader.window(index, crop, seed), num=2)
        return tf.stack([damage_image(blurred, seed, self._damage), sharp])


def damage_image(image: tf.Tensor, seed: tf.Tensor, damage: Damage) -> tf.Tensor:
    """Adds noise, then compresses, each with its probability; in a graph and eagerly alike.

    Args:
        image: uint8 `(height, width, 3)`.
        seed: int `(2,)`; the result is a pure function of image, damage and it.
        damage: what to do.

    Returns:
        uint8 `(height, width, 3)`, noise clipped and rounded.
    """
    base = tf.random.fold_in(seed, DAMAGE)

    def stream(number: int) -> tf.Tensor:
        return tf.random.fold_in(base, number)

    def noisy() -> tf.Tensor:
        most = 255 * damage.noise_most
        level = tf.random.stateless_uniform([], stream(_LEVEL), 0, most)
        noise = level * tf.random.stateless_normal(tf.shape(image), stream(_NOISE))
        levels = tf.clip_by_value(tf.cast(image, tf.float32) + noise, 0, 255)
        return tf.cast(tf.round(levels), tf.uint8)

    has_noise = tf.random.stateless_uniform([], stream(_HAS_NOISE)) < damage.noise_share
    image = tf.cond(has_noise, noisy, lambda: image)

    def compressed() -> tf.Tensor:
        again = tf.image.stateless_random_jpeg_quality(
            image, damage.jpeg_least, BEST_JPEG + 1, stream(_QUALITY)
        )
        return tf.ensure_shape(again, image.shape)

    has_jpeg = tf.random.stateless_uniform([], stream(_HAS_JPEG)) < damage.jpeg_share
    return tf.cond(has_jpeg, compressed, lambda: image)
