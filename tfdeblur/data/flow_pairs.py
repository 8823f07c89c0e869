"""Training batches, whole frames and panels of blurred images with the flows that blurred them.

As streams of pairs, sample k is a pure function of (source, augment, seed, k).
"""

from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tfdeblur.data.augment import Augment
from tfdeblur.data.pairs import sample_stream
from tfdeblur.data.readers import python_call
from tfdeblur.errors import InvalidInput

_BYTES_PER_PIXEL = 3 + 2 * 4


class LabelledReader(Protocol):
    """What the pipeline asks of blurred images with flows. Works inside tf.data."""

    def labelled_window(
        self, index: tf.Tensor, seed: tf.Tensor, augment: Augment
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns a random crop, augmented: `(blurred, flow)`.

        uint8 `(crop, crop, 3)`, and float32 `(crop, crop, 2)`, pixels, canonical.
        """


class FlowSource(Protocol):
    """Numbered blurred images with flows, with random access; else as `PairSource`.

    Attributes:
        can_turn: whether its reader can turn images by quarter turns.
    """

    can_turn: bool

    @property
    def count(self) -> int: ...  # noqa: D102 (see PairSource)

    @property
    def sizes(self) -> np.ndarray: ...  # noqa: D102

    def load_labelled(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns uint8 `(height, width, 3)` and float32 `(height, width, 2)`, canonical."""

    def labelled_reader(self) -> LabelledReader:
        """Returns fast access for training."""


def flow_batches(
    source: FlowSource,
    *,
    augment: Augment,
    batch: int,
    seed: int,
    start: int = 0,
    stop: int | None = None,
) -> tf.data.Dataset:
    """Returns a stream of augmented batches; every image comes exactly once per epoch.

    Args:
        source: `BlurringSource` (a new motion each time) or `FlowFolder`.
        augment: crop and variations. Flipped images have flipped flows, canonical again.
        batch, seed, start, stop: see `pairs.training_batches`.

    Returns:
        Dataset of `(blurred, flow)`: float32 `(batch, crop, crop, 3)` in [0, 1], and float32
        `(batch, crop, crop, 2)`, pixels, canonical.

    Raises:
        ValueError, DataError: as `pairs.training_batches`.
        InvalidInput: if images that are blurred already shall be turned.
    """
    if augment.turns and not source.can_turn:
        raise InvalidInput(
            "`data.turns` must be false for pairs that are blurred already: the published kernels "
            "are not the same when turned. Received: data.turns=True"
        )
    reader = source.labelled_reader()

    def sample(index: tf.Tensor, draw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return reader.labelled_window(index, draw, augment)

    batches = sample_stream(source, sample, augment.crop, batch, seed, start, stop)
    return batches.map(_to_float, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(
        tf.data.AUTOTUNE
    )


def flow_images(
    source: FlowSource, limit: int | None = None, cache_bytes: int = 0
) -> tf.data.Dataset:
    """Returns whole frames, one at a time, in the source's order; sizes may differ.

    Args:
        source: the images; photographs are blurred by one fixed motion each.
        limit: int >= 1, only the first so many; None: all.
        cache_bytes: int >= 0; frames that take no more are kept after the first pass.

    Returns:
        Dataset of `(blurred, flow)`, float32 `(1, height, width, 3)` in [0, 1] and
        `(1, height, width, 2)`, pixels, canonical.
    """
    count = source.count if limit is None else min(limit, source.count)

    def frame(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        blurred, flow = python_call(
            lambda number: source.load_labelled(int(number)), [index], (tf.uint8, tf.float32)
        )
        blurred = tf.ensure_shape(blurred, (None, None, 3))
        return blurred[tf.newaxis], tf.ensure_shape(flow, (None, None, 2))[tf.newaxis]

    frames = tf.data.Dataset.range(count)
    frames = frames.map(frame, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    if _BYTES_PER_PIXEL * int(source.sizes[:count].prod(axis=1).sum()) <= cache_bytes:
        frames = frames.cache()
    return frames.map(_to_float).prefetch(1)


def flow_panel(source: FlowSource, count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns centre crops from images spread evenly over the source.

    Args:
        source: the images.
        count: int >= 1; a source with fewer gives what it has.
        size: int >= 1, side of the crops, pixels, at most that of the smallest image.

    Returns:
        `(blurred, flow)`: float32 `(n, size, size, 3)` in [0, 1] and `(n, size, size, 2)`, pixels.
    """
    count = min(count, source.count)
    crops: list[list[Any]] = [[], []]
    for i in (i * source.count // count for i in range(count)):
        for kept, array in zip(crops, source.load_labelled(i), strict=True):
            top, left = (array.shape[0] - size) // 2, (array.shape[1] - size) // 2
            kept.append(array[top : top + size, left : left + size])
    blurred, flow = map(np.stack, crops)
    return blurred.astype(np.float32) / np.float32(255), flow


def best_constant_flow(images: tf.data.Dataset) -> tuple[np.ndarray, float]:
    """The one flow that comes nearest to all, and how near it comes: what any estimate must beat.

    Args:
        images: of `flow_images`.

    Returns:
        `(flow, mse)`: float `(2,)`, pixels, and the mean over images of its `flow_mse`, pixels^2.
    """
    moments = np.array(
        [
            [f.mean(axis=(0, 1, 2)), (f.astype(float) ** 2).mean(axis=(0, 1, 2))]
            for _, f in images.as_numpy_iterator()
        ]
    )
    mean, square = moments.mean(axis=0)
    return mean, float((square - mean**2).mean())


def _to_float(blurred: tf.Tensor, flow: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.cast(blurred, tf.float32) / 255.0, flow
