"""Pairs to train on, mixed with photographs that are blurred on the fly."""

import hashlib

import numpy as np
import tensorflow as tf

from tfdeblur.data.augment import ORIGIN, PHOTOGRAPH, Augment
from tfdeblur.data.blind_pairs import blind_window
from tfdeblur.data.blur_source import BlurringSource
from tfdeblur.data.dynamic_source import DynamicSource
from tfdeblur.data.readers import Progress, Reader
from tfdeblur.data.sources import PairSource
from tfdeblur.errors import InvalidInput


class MixedSource:
    """Pairs, a share of whose samples are photographs blurred on the fly; a `PairSource`.

    An epoch has as many samples as there are pairs. Each is replaced, with the probability
    `share`, by a photograph drawn at random.

    Args:
        pairs_source: the pairs.
        photographs: what takes their place.
        share: in (0, 1).
    """

    def __init__(
        self,
        pairs_source: PairSource,
        photographs: BlurringSource | DynamicSource,
        share: float,
    ) -> None:
        if not 0 < share < 1:
            raise InvalidInput(f"`share` must be between 0 and 1. Received: share={share}")
        self.parts, self.share = (pairs_source, photographs), share
        self.pairs = [*getattr(pairs_source, "pairs", []), *photographs.pairs]
        self.names, self.count = pairs_source.names, pairs_source.count
        self.sizes = pairs_source.sizes
        self._reader: MixedReader | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 over both fingerprints."""
        both = " ".join(part.fingerprint for part in self.parts)
        return hashlib.sha256(both.encode()).hexdigest()

    def describe(self) -> str:
        """Returns one line for people and logs."""
        pairs, photographs = (part.describe() for part in self.parts)
        return f"{pairs}; a share of {self.share:g} of the samples from {photographs}"

    def load(self, index: int) -> np.ndarray:
        """Returns pair `index`, one of the real ones."""
        return self.parts[0].load(index)

    def reader(self, progress: Progress | None = None) -> Reader:
        """Returns fast access for training; the same object each time."""
        if self._reader is None:
            self._reader = MixedReader(self, progress)
        return self._reader


class MixedReader:
    """Reads pairs, and in their place photographs, as `MixedSource` says."""

    def __init__(self, source: MixedSource, progress: Progress | None) -> None:
        self._pairs, self._photographs = (part.reader(progress) for part in source.parts)
        self._share, self._count = source.share, source.parts[1].count

    def frame(self, index: tf.Tensor) -> tf.Tensor:
        """See `Reader`: pair `index`, one of the real ones."""
        return self._pairs.frame(index)

    def window(self, index: tf.Tensor, crop: int, seed: tf.Tensor) -> tf.Tensor:
        """See `Reader`."""
        takes_photograph, photograph = self._draw(seed)
        return tf.cond(
            takes_photograph,
            lambda: self._photographs.window(photograph, crop, seed),
            lambda: self._pairs.window(index, crop, seed),
        )

    def blind_window(
        self, index: tf.Tensor, seed: tf.Tensor, augment: Augment
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns a random crop, blurred and sharp, and its flow; see `blind_pairs`."""
        takes_photograph, photograph = self._draw(seed)
        return tf.cond(
            takes_photograph,
            lambda: blind_window(self._photographs, photograph, seed, augment),
            lambda: blind_window(self._pairs, index, seed, augment),
        )

    def _draw(self, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Whether a photograph takes the place of the pair, and which one."""
        origin = tf.random.stateless_uniform([], tf.random.fold_in(seed, ORIGIN))
        photograph = tf.random.stateless_uniform(
            [], tf.random.fold_in(seed, PHOTOGRAPH), 0, self._count, tf.int64
        )
        return origin < self._share, photograph
