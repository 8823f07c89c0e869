"""Training batches, whole frames and panels of blurred images with the flows that blurred them.

As streams of pairs, sample k is a pure function of (source, augment, seed, k).
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfdeblur.data.augment import Augment
from tfdeblur.data.labelled import BYTES_PER_PIXEL
from tfdeblur.data.pairs import as_float, centre_crops, sample_stream, whole_frames
from tfdeblur.data.readers import python_call
from tfdeblur.errors import InvalidInput


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
    def names(self) -> Sequence[str]: ...  # noqa: D102

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
        source: `BlurringSource` (a new motion each time), `FlowFolder` or `TfdsFlowSource`.
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

    return sample_stream(source, sample, augment.crop, batch, seed, start, stop, finish=_to_float)


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

    Raises:
        ValueError: if `limit` is below 1.
    """

    def frame(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        blurred, flow = python_call(
            lambda number: source.load_labelled(int(number)), [index], (tf.uint8, tf.float32)
        )
        blurred = tf.ensure_shape(blurred, (None, None, 3))
        return blurred[tf.newaxis], tf.ensure_shape(flow, (None, None, 2))[tf.newaxis]

    pixels = int(source.sizes[:limit].prod(axis=1).sum())
    return whole_frames(source, frame, _to_float, limit, BYTES_PER_PIXEL * pixels <= cache_bytes)


def flow_panel(source: FlowSource, count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns centre crops from images spread evenly over the source.

    Args:
        source: the images.
        count, size: see `pairs.panel_pairs`.

    Returns:
        `(blurred, flow)`: float32 `(n, side, side, 3)` in [0, 1] and `(n, side, side, 2)`, pixels.

    Raises:
        ValueError: as `pairs.panel_pairs`.
    """
    blurred, flow = centre_crops(source, source.load_labelled, count, size)
    return blurred.astype(np.float32) / np.float32(255), flow


def best_constant_flow(images: tf.data.Dataset) -> tuple[np.ndarray, float]:
    """The one flow that comes nearest to all, and how near it comes: what any estimate must beat.

    Args:
        images: of `flow_images`.

    Returns:
        `(flow, mse)`: float `(2,)`, pixels, and the mean over images of its `flow_mse`, pixels^2.
    """
    return constant_flow([flow_moments(flow) for _, flow in images.as_numpy_iterator()])


def flow_moments(flow: np.ndarray) -> np.ndarray:
    """Means of a flow's components and of their squares: float64 `(2, 2)`, pixels, pixels^2."""
    flat = flow.reshape(-1, 2).astype(np.float64)
    return np.stack([flat.mean(axis=0), (flat**2).mean(axis=0)])


def constant_flow(moments: Sequence[np.ndarray]) -> tuple[np.ndarray, float]:
    """`best_constant_flow` of images of which only the `flow_moments` are kept."""
    mean, square = np.mean(moments, axis=0)
    return mean, float((square - mean**2).mean())


def _to_float(blurred: tf.Tensor, flow: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return as_float(blurred), flow
