"""Random access to decoded pairs inside tf.data: from memory, or decoded at each access."""

import logging
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfdeblur.data.augment import crop_position
from tfdeblur.data.folders import in_threads, raise_problems
from tfdeblur.data.headers import BrokenImage
from tfdeblur.errors import DataError

logger = logging.getLogger(__name__)

_PROGRESS_SECONDS = 5.0
_ALIGNMENT_BYTES = 64

Load = Callable[[int], np.ndarray]
Progress = Callable[[int, int], None]


class Reader(Protocol):
    """What the pipeline asks of decoded pairs. Both methods work inside tf.data."""

    def frame(self, index: tf.Tensor) -> tf.Tensor:
        """Returns pair `index` whole: uint8 `(2, height, width, 3)`, blurred first."""

    def window(self, index: tf.Tensor, crop: int, seed: tf.Tensor) -> tf.Tensor:
        """Returns a random crop of pair `index`: uint8 `(2, crop, crop, 3)`."""


class DecodingReader:
    """Decodes a pair each time it is asked for.

    Args:
        load: maps an index to uint8 `(2, height, width, 3)`; called from several threads.
    """

    def __init__(self, load: Load) -> None:
        self._load = load

    def frame(self, index: tf.Tensor) -> tf.Tensor:
        """See `Reader`."""
        pair = tf.numpy_function(lambda i: self._load(int(i)), [index], tf.uint8, stateful=False)
        return tf.ensure_shape(pair, (2, None, None, 3))

    def window(self, index: tf.Tensor, crop: int, seed: tf.Tensor) -> tf.Tensor:
        """See `Reader`."""
        pair = self.frame(index)
        shape = tf.shape(pair)
        top, left = crop_position(shape[1], shape[2], crop, seed)
        return pair[:, top : top + crop, left : left + crop]


class MemoryReader:
    """Keeps all pairs decoded, end to end in one uint8 buffer, and cuts crops out of it.

    Args:
        sizes: int `(count, 2)`, height and width of each pair, pixels.
        load: as for `DecodingReader`; called once for each pair, in parallel.
        progress: called as `progress(done, count)` after each pair; None logs every few
            seconds.

    Raises:
        DataError: if a pair does not decode, or not to the size in `sizes`.
    """

    def __init__(self, sizes: np.ndarray, load: Load, progress: Progress | None = None) -> None:
        frame_bytes = 3 * sizes.astype(np.int64).prod(axis=1)
        starts = np.concatenate([[0], np.cumsum(2 * frame_bytes)])
        pixels = _aligned_bytes(int(starts[-1]))
        _fill(pixels, starts, sizes, load, progress or _LogProgress())
        # On a machine with a GPU the buffer would go there, away from tf.data's threads.
        with tf.init_scope(), tf.device("/CPU:0"):
            self._pixels = tf.convert_to_tensor(pixels)
            self._starts = tf.constant(starts[:-1], tf.int64)
            self._sizes = tf.constant(sizes, tf.int64)

    def frame(self, index: tf.Tensor) -> tf.Tensor:
        """See `Reader`."""
        start, height, width = self._starts[index], self._sizes[index, 0], self._sizes[index, 1]
        flat = tf.slice(self._pixels, [start], [6 * height * width])
        return tf.reshape(flat, tf.stack([2, height, width, 3]))

    def window(self, index: tf.Tensor, crop: int, seed: tf.Tensor) -> tf.Tensor:
        """See `Reader`."""
        start, height, width = self._starts[index], self._sizes[index, 0], self._sizes[index, 1]
        top, left = (tf.cast(x, tf.int64) for x in crop_position(height, width, crop, seed))

        def cut(first: tf.Tensor) -> tf.Tensor:
            # The band of rows lies in one piece: only crop * width pixels are copied.
            band = tf.slice(self._pixels, [first + 3 * top * width], [3 * crop * width])
            return tf.reshape(band, tf.stack([crop, width, 3]))[:, left : left + crop]

        window = tf.stack([cut(start), cut(start + 3 * height * width)])
        return tf.ensure_shape(window, (2, crop, crop, 3))


class _LogProgress:
    """Logs how far decoding is, but only when it takes long."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, done: int, count: int) -> None:
        if time.monotonic() - self._last >= _PROGRESS_SECONDS:
            self._last = time.monotonic()
            logger.info("Decoded %d of %d pairs into memory.", done, count)


def _aligned_bytes(count: int) -> np.ndarray:
    """Returns a uint8 buffer that TensorFlow can take over without a second copy in memory."""
    raw = np.empty(count + _ALIGNMENT_BYTES, np.uint8)
    skip = -raw.ctypes.data % _ALIGNMENT_BYTES
    return raw[skip : skip + count]


def _fill(
    pixels: np.ndarray, starts: np.ndarray, sizes: np.ndarray, load: Load, progress: Progress
) -> None:
    """Decodes every pair into its place in `pixels`."""
    done = iter(range(1, len(sizes) + 1))  # next() on it is atomic, unlike += on a number

    def place(i: int) -> str | None:
        try:
            pair = load(i)
        except (BrokenImage, DataError, OSError) as error:
            return str(error)
        expected = (2, *sizes[i].tolist(), 3)
        if pair.shape != expected:
            return f"pair {i} decodes to shape {pair.shape}; its header says {expected}"
        pixels[starts[i] : starts[i + 1]] = pair.reshape(-1)
        progress(next(done), len(sizes))
        return None

    problems = [text for text in in_threads(place, range(len(sizes))) if text]
    raise_problems("The pairs cannot be decoded", problems)
