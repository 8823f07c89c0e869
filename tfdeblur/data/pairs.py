"""Training batches, whole frames and fixed panels from a source of pairs.

Sample k of the training stream is a pure function of (source, augment, seed, k): nothing is
shuffled through a buffer, so a run that starts again at sample k sees what an uninterrupted
run would have seen, bit for bit, and starting there costs nothing.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfdeblur.data.augment import Augment, vary_pair
from tfdeblur.data.readers import DecodingReader
from tfdeblur.data.sources import PairSource
from tfdeblur.errors import DataError

_MAX_NAMES_SHOWN = 10


def training_batches(
    source: PairSource,
    *,
    augment: Augment,
    batch: int,
    seed: int,
    start: int = 0,
    stop: int | None = None,
) -> tf.data.Dataset:
    """Returns a stream of augmented batches; every pair comes exactly once per epoch.

    Sample k belongs to epoch k // count and shows the pair at place k % count of that
    epoch's random order; its crop, flips, turns and channels are drawn from (seed, k).

    Args:
        source: the pairs. It is decoded into memory here if it fits (`source.reader()`).
        augment: crop and variations. Images smaller than the crop are refused, not padded:
            made-up borders would teach the network made-up edges.
        batch: int >= 1, pairs a batch, over all replicas.
        seed: int, 0 <= seed < 2**31.
        start: int >= 0, number of the first sample (not batch, not epoch).
        stop: int or None, number of the sample to stop before; a last incomplete batch is
            dropped. None: the stream never ends.

    Returns:
        Dataset of `(blurred, sharp)`, float32 `(batch, crop, crop, 3)` in [0, 1]. Under a
        distribution strategy it is sharded by samples: give all workers the same arguments.

    Raises:
        ValueError: if a number is out of its range.
        DataError: if images are smaller than the crop; their names are listed.
    """
    reader = source.reader()

    def sample(index: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
        return vary_pair(reader.window(index, augment.crop, draw), draw, augment)

    batches = sample_stream(source, sample, augment.crop, batch, seed, start, stop)
    return batches.map(_to_float, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(
        tf.data.AUTOTUNE
    )


def sample_stream(
    source: Any,
    sample: Callable[[tf.Tensor, tf.Tensor], Any],
    crop: int,
    batch: int,
    seed: int,
    start: int = 0,
    stop: int | None = None,
) -> tf.data.Dataset:
    """Returns batches of what `sample` makes of each number of a source.

    Args:
        source: has `count`, `names` and `sizes`, as a `PairSource`.
        sample: called as `sample(index, seed)`, int64 scalar and int64 `(2,)`.
        crop: int, pixels that every image must have on each side.
        batch, seed, start, stop: see `training_batches`.

    Raises:
        ValueError, DataError: as `training_batches`.
    """
    _check_numbers(batch, seed, start, stop)
    _check_crop(source, crop)
    count = source.count

    def numbered(k: tf.Tensor) -> Any:
        epoch = k // count
        index = tf.random.experimental.index_shuffle(
            k % count, seed=tf.stack([seed, epoch]), max_index=tf.constant(count - 1, tf.int64)
        )
        return sample(index, tf.stack([seed, k]))

    if stop is None:
        numbers = tf.data.Dataset.counter(start, dtype=tf.int64)
    else:
        numbers = tf.data.Dataset.range(start, stop)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA  # there are no files in the graph to shard by
    )
    samples = numbers.map(numbered, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return samples.batch(batch, drop_remainder=True).with_options(options)


def evaluation_images(source: PairSource, limit: int | None = None) -> tf.data.Dataset:
    """Returns whole frames, one at a time, in the source's order; sizes may differ.

    Frames are decoded in parallel on each pass and not kept: a network takes longer on a
    whole frame than decoding does.

    Args:
        source: the pairs.
        limit: int >= 1, only the first so many; None: all.

    Returns:
        Dataset of `(blurred, sharp)`, float32 `(1, height, width, 3)` in [0, 1].

    Raises:
        ValueError: if `limit` is below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"`limit` must be at least 1, or None. Received: limit={limit}")
    reader = DecodingReader(source.load)
    count = source.count if limit is None else min(limit, source.count)

    def frame(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return _to_float(reader.frame(index)[tf.newaxis])

    frames = tf.data.Dataset.range(count)
    frames = frames.map(frame, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return frames.prefetch(1)  # frames are large: 21 MiB a pair at 1280x720


def panel_pairs(source: PairSource, count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns a fixed panel of centre crops, from pairs spread evenly over the source.

    Args:
        source: the pairs.
        count: int >= 1; a source with fewer pairs gives what it has.
        size: int >= 1, side of the crops, pixels; smaller where an image is smaller.

    Returns:
        `(blurred, sharp)`, float32 `(n, side, side, 3)` in [0, 1], n <= count, side <= size.

    Raises:
        ValueError: if `count` or `size` is below 1.
    """
    for name, value in {"count": count, "size": size}.items():
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={value}")
    count = min(count, source.count)
    indices = [i * source.count // count for i in range(count)]
    side = min(size, int(source.sizes[indices].min()))
    crops = []
    for i in indices:
        pair = source.load(i)
        top, left = (pair.shape[1] - side) // 2, (pair.shape[2] - side) // 2
        crops.append(pair[:, top : top + side, left : left + side])
    blurred, sharp = np.stack(crops, axis=1).astype(np.float32) / np.float32(255)
    return blurred, sharp


def _to_float(pairs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """uint8 `(batch, 2, h, w, 3)` -> two float32 `(batch, h, w, 3)` in [0, 1]."""
    blurred, sharp = tf.unstack(pairs, num=2, axis=1)
    return tf.cast(blurred, tf.float32) / 255.0, tf.cast(sharp, tf.float32) / 255.0


def _check_numbers(batch: int, seed: int, start: int, stop: int | None) -> None:
    if batch < 1:
        raise ValueError(f"`batch` must be at least 1. Received: batch={batch}")
    if not 0 <= seed < 2**31:
        raise ValueError(f"`seed` must be from 0 to 2**31 - 1. Received: seed={seed}")
    if start < 0:
        raise ValueError(f"`start` must be at least 0. Received: start={start}")
    if stop is not None and stop < start:
        raise ValueError(f"`stop` must be at least `start`. Received: start={start}, stop={stop}")


def _check_crop(source: PairSource, crop: int) -> None:
    """Refuses a crop that does not fit into every image, naming those it does not fit."""
    for part in getattr(source, "parts", ()):
        _check_crop(part, crop)
    sides = source.sizes.min(axis=1)
    if sides.min() >= crop:
        return
    small = np.flatnonzero(sides < crop)
    names = source.names
    lines = [
        f"  {names[i]}: {source.sizes[i][1]}x{source.sizes[i][0]}" for i in small[:_MAX_NAMES_SHOWN]
    ]
    if len(small) > _MAX_NAMES_SHOWN:
        lines.append(f"  ... and {len(small) - _MAX_NAMES_SHOWN} more")
    raise DataError(
        f"`crop` must fit into every image. Received: crop={crop}. Smaller are {len(small)} of "
        f"{source.count} pairs{getattr(source, 'size_note', '')}:\n"
        + "\n".join(lines)
        + f"\nTake a crop of at most {sides.min()}, or leave these pairs out."
    )
