"""Random access to decoded pairs inside tf.data: from memory, or decoded at each access."""

import atexit
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tfdeblur.data.augment import crop_position
from tfdeblur.data.folders import in_threads, raise_problems
from tfdeblur.errors import DataError, InvalidInput

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
        load: maps an index to uint8 `(images, height, width, 3)`; called from several threads.
        images: as for `MemoryReader`.
    """

    def __init__(self, load: Load, images: int = 2) -> None:
        self._load, self._images = load, images

    def frame(self, index: tf.Tensor) -> tf.Tensor:
        """See `Reader`."""
        pair = tf.numpy_function(self._call, [index], tf.uint8, stateful=False)
        return tf.ensure_shape(pair, (self._images, None, None, 3))

    def _call(self, index: np.int64) -> np.ndarray:
        with _CALLS:
            return self._load(int(index))

    def window(self, index: tf.Tensor, crop: int, seed: tf.Tensor) -> tf.Tensor:
        """See `Reader`."""
        pair = self.frame(index)
        shape = tf.shape(pair)
        top, left = crop_position(shape[1], shape[2], crop, seed)
        return pair[:, top : top + crop, left : left + crop]


class _PythonCalls:
    """Keeps tf.data's threads out of Python while the interpreter goes down.

    A dataset that is still prefetching then would enter a dead interpreter, and the process
    would end in abort (exit code 134) instead of its own code. At exit new calls fail at
    once, the pipeline's buffers fill with failures, and its threads come to rest.
    """

    _QUIET_SECONDS = 0.1
    _PATIENCE_SECONDS = 5.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0
        self._last_end = float("-inf")
        self._closed = False
        atexit.register(self.close)

    def __enter__(self) -> None:
        with self._lock:
            self._running += 1
        if self._closed:
            self.__exit__()
            raise StopIteration  # the one error that TensorFlow passes on without logging it

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._running -= 1
            self._last_end = time.monotonic()

    def close(self) -> None:
        """Refuses new calls and waits for the running ones."""
        self._closed = True
        give_up = time.monotonic() + self._PATIENCE_SECONDS
        while time.monotonic() < give_up:
            quiet = time.monotonic() - self._last_end >= self._QUIET_SECONDS
            if self._running == 0 and quiet:
                return
            time.sleep(0.01)


_CALLS = _PythonCalls()


def python_call(
    function: Callable[..., Any], arguments: list[tf.Tensor], dtypes: Any
) -> tuple[tf.Tensor, ...]:
    """Calls a Python function of NumPy arrays from a graph of tf.data."""

    def call(*values: Any) -> Any:
        with _CALLS:
            return function(*values)

    return tf.numpy_function(call, arguments, dtypes, stateful=False)


class MemoryReader:
    """Keeps all pairs decoded, end to end in one uint8 buffer, and cuts crops out of it.

    Args:
        sizes: int `(count, 2)`, height and width of each pair, pixels.
        load: as for `DecodingReader`; called once for each pair, in parallel.
        progress: called as `progress(done, count)` after each pair; None logs every few
            seconds.
        images: int >= 1, how many are in a "pair": one, where they are photographs.

    Raises:
        DataError: if a pair does not decode, or not to the size in `sizes`.
    """

    def __init__(
        self, sizes: np.ndarray, load: Load, progress: Progress | None = None, images: int = 2
    ) -> None:
        frame_bytes = 3 * sizes.astype(np.int64).prod(axis=1)
        starts = np.concatenate([[0], np.cumsum(images * frame_bytes)])
        pixels = _aligned_bytes(int(starts[-1]))
        _fill(pixels, starts, sizes, load, progress or _LogProgress(), images)
        self._images = images
        # On a machine with a GPU the buffer would go there, away from tf.data's threads.
        with tf.init_scope(), tf.device("/CPU:0"):
            # convert_to_tensor would copy the pixels, twice (three times the memory, measured).
            self._pixels = tf.experimental.dlpack.from_dlpack(pixels.__dlpack__())
            self._starts = tf.constant(starts[:-1], tf.int64)
            self._sizes = tf.constant(sizes, tf.int64)

    def frame(self, index: tf.Tensor) -> tf.Tensor:
        """See `Reader`."""
        start, height, width = self._starts[index], self._sizes[index, 0], self._sizes[index, 1]
        flat = tf.slice(self._pixels, [start], [3 * self._images * height * width])
        return tf.reshape(flat, tf.stack([self._images, height, width, 3]))

    def window(self, index: tf.Tensor, crop: int, seed: tf.Tensor) -> tf.Tensor:
        """See `Reader`."""
        start, height, width = self._starts[index], self._sizes[index, 0], self._sizes[index, 1]
        top, left = (tf.cast(x, tf.int64) for x in crop_position(height, width, crop, seed))

        def cut(first: tf.Tensor) -> tf.Tensor:
            # The band of rows lies in one piece: only crop * width pixels are copied.
            band = tf.slice(self._pixels, [first + 3 * top * width], [3 * crop * width])
            return tf.reshape(band, tf.stack([crop, width, 3]))[:, left : left + crop]

        window = tf.stack([cut(start + 3 * i * height * width) for i in range(self._images)])
        return tf.ensure_shape(window, (self._images, crop, crop, 3))


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
    pixels: np.ndarray,
    starts: np.ndarray,
    sizes: np.ndarray,
    load: Load,
    progress: Progress,
    images: int,
) -> None:
    """Decodes every pair into its place in `pixels`."""
    done = iter(range(1, len(sizes) + 1))  # next() on it is atomic, unlike += on a number

    def place(i: int) -> str | None:
        try:
            pair = load(i)
        except (DataError, InvalidInput) as error:
            return str(error)
        expected = (images, *sizes[i].tolist(), 3)
        if pair.shape != expected:
            return f"pair {i} decodes to shape {pair.shape}; its header says {expected}"
        pixels[starts[i] : starts[i + 1]] = pair.reshape(-1)
        progress(next(done), len(sizes))
        return None

    problems = [text for text in in_threads(place, range(len(sizes))) if text]
    raise_problems("The pairs cannot be decoded", problems)
