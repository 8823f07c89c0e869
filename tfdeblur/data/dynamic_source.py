"""Sharp photographs that are blurred while training as the world blurs them.

As everything in a training stream, what is done to sample k is drawn from (seed, k) alone, so
that streams repeat and resume. Nothing but the photographs is kept.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from tfdeblur.data.blur_source import Photographs, photograph_pairs
from tfdeblur.data.dynamic_patch import LARGEST, Drawn, blur_patch
from tfdeblur.data.dynamic_settings import DynamicBlur
from tfdeblur.data.pair_search import Pair
from tfdeblur.data.readers import DecodingReader, Progress, Reader, python_call
from tfdeblur.data.sources import CACHE_BYTES


class ShrunkPhotographs(Photographs):
    """Photographs, those of more than 1800 pixels on the longer side brought to that."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        cache_bytes: int = CACHE_BYTES,
        white_level: str | int = "auto",
    ) -> None:
        super().__init__(pairs, cache_bytes, white_level)
        factors = np.minimum(1.0, LARGEST / self.sizes.max(axis=1, keepdims=True))
        self.sizes = np.maximum(1, np.round(factors * self.sizes)).astype(np.int64)

    def load(self, index: int) -> np.ndarray:
        """Decodes photograph `index`: uint8 `(1, height, width, 3)`."""
        photograph = super().load(index)[0]
        height, width = (int(length) for length in self.sizes[index])
        if photograph.shape[:2] != (height, width):
            photograph = cv2.resize(photograph, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(photograph)[np.newaxis]


class DynamicSource:
    """Pairs made of photographs; a `PairSource`.

    Args:
        photographs: what to blur.
        settings: what is drawn.

    Attributes:
        pairs: the files; both halves of each are the photograph.
        sizes: of the photographs, the large ones shrunk, pixels.
    """

    can_turn = True

    def __init__(self, photographs: ShrunkPhotographs, settings: DynamicBlur) -> None:
        self.photographs, self.settings = photographs, settings
        self.pairs, self.sizes = photographs.pairs, photographs.sizes
        self.names, self.count = photographs.names, photographs.count
        self._reader: DynamicReader | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 over names and contents of the photographs."""
        return self.photographs.fingerprint

    def describe(self) -> str:
        """Returns one line for people and logs."""
        return (
            f"{self.count} photographs ({self.pairs[0].sharp.parent}) blurred by shakes and "
            f"objects of 1 to {1 + self.settings.extent:g} pixels, {self.settings.unblurred:.0%} "
            "not blurred"
        )

    def load(self, index: int) -> np.ndarray:
        """Returns photograph `index` with one fixed blur: uint8 `(2, height, width, 3)`."""
        photograph = self.photographs.load(index)[0]
        height, width = photograph.shape[:2]
        return np.stack(blur_patch(photograph, (height, width), [index], self.settings)[:2])

    def draw(
        self, index: int, side: int, seed: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray, Drawn]:
        """Returns what a training blurs, and how; see `dynamic_patch.blur_patch`.

        Args:
            index: int, of the photograph.
            side: int >= 1, of the patch, pixels.
            seed: two ints: of the run, and the sample's number.
        """
        photograph = self.photographs.load(index)[0]
        return blur_patch(photograph, (side, side), seed, self.settings)

    def reader(self, progress: Progress | None = None) -> "DynamicReader":
        """Returns fast access for training; the same object each time."""
        if self._reader is None:
            self._reader = DynamicReader(self, self.photographs.reader(progress))
        return self._reader


class DynamicReader:
    """Blurs a random patch of a photograph each time one is asked for; see `Reader`."""

    def __init__(self, source: DynamicSource, photographs: Reader) -> None:
        self._settings, self._photographs = source.settings, photographs
        self._frames = DecodingReader(source.load)

    def frame(self, index: tf.Tensor) -> tf.Tensor:
        """See `Reader`; the blur is one fixed to the index."""
        return self._frames.frame(index)

    def window(self, index: tf.Tensor, crop: int, seed: tf.Tensor) -> tf.Tensor:
        """See `Reader`; patch and blur are drawn from the seed."""

        def blurred(photograph: np.ndarray, seed: np.ndarray) -> np.ndarray:
            size, numbers = (crop, crop), [int(number) for number in seed]
            return np.stack(blur_patch(photograph, size, numbers, self._settings)[:2])

        photograph = self._photographs.frame(index)[0]
        pair = python_call(blurred, [photograph, seed], tf.uint8)
        return tf.ensure_shape(pair, (2, crop, crop, 3))


def open_dynamic(
    folder: str | Path,
    settings: DynamicBlur,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    cache_bytes: int = CACHE_BYTES,
    white_level: str | int = "auto",
) -> DynamicSource:
    """Opens a folder of sharp photographs, with its subfolders, to be blurred on the fly.

    Args:
        folder, only, exclude, cache_bytes, white_level: see `blur_source.open_photographs`.
        settings: what is drawn for each sample.

    Raises:
        DataError: if there are none, they cannot be read, or the folder holds pairs.
    """
    found = photograph_pairs(folder, only, exclude)
    return DynamicSource(ShrunkPhotographs(found, cache_bytes, white_level), settings)
