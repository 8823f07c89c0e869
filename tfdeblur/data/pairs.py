"""Training batches, whole frames and fixed panels from a source of pairs.

Sample k of the training stream is a pure function of (source, augment, seed, k): nothing is
shuffled through a buffer, so a run that starts again at sample k sees what an uninterrupted
run would have seen, bit for bit, and starting there costs nothing.
"""

from collections.abc import Callable, Iterable
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

    return sample_stream(
        source, sample, augment.crop, batch, seed, start, stop, finish=_float_pairs
    )


def sample_stream(
    source: Any,
    sample: Callable[[tf.Tensor, tf.Tensor], Any],
    crop: int,
    batch: int,
    seed: int,
    start: int = 0,
    stop: int | None = None,
    finish: Callable[..., Any] | None = None,
) -> tf.data.Dataset:
    """Returns batches of what `sample` makes of each number of a source.

    Args:
        source: has `count`, `names` and `sizes`, as a `PairSource`.
        sample: called as `sample(index, seed)`, int64 scalar and int64 `(2,)`.
        crop: int, pixels that every image must have on each side.
        batch, seed, start, stop: see `training_batches`.
        finish: called with each batch; some are finished ahead of their use. None hands them on.

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
    batches = samples.batch(batch, drop_remainder=True).with_options(options)
    if finish is None:
        return batches
    finished = batches.map(finish, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return finished.prefetch(tf.data.AUTOTUNE)


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
    reader = DecodingReader(source.load)
    return whole_frames(source, lambda i: reader.frame(i)[tf.newaxis], _float_pairs, limit)


def whole_frames(
    source: Any,
    frame: Callable[[tf.Tensor], Any],
    finish: Callable[..., Any],
    limit: int | None = None,
    keep: bool = False,
) -> tf.data.Dataset:
    """Returns what `finish` makes of what `frame` gives for each number, in order.

    Args:
        source: has `count`.
        frame: called with an int64 scalar.
        finish: called with what `frame` gives, as separate arguments where that is a tuple.
        limit: int >= 1, only the first so many; None: all.
        keep: whether what `frame` gives is kept in memory after the first pass.

    Raises:
        ValueError: if `limit` is below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"`limit` must be at least 1, or None. Received: limit={limit}")
    count = source.count if limit is None else min(limit, source.count)
    frames = tf.data.Dataset.range(count)
    frames = frames.map(frame, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    # What is kept is bytes, a quarter of the finished frames; and of those there is one ahead at
    # a time, as they are large: 21 MiB a pair at 1280x720.
    return (frames.cache() if keep else frames).map(finish).prefetch(1)


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
    blurred, sharp = centre_crops(source, source.load, count, size)
    return blurred.astype(np.float32) / np.float32(255), sharp.astype(np.float32) / np.float32(255)


def centre_crops(
    source: Any, load: Callable[[int], Iterable[np.ndarray]], count: int, size: int
) -> list[np.ndarray]:
    """Returns the centre of the arrays that `load` gives, stacked over the chosen numbers.

    Args:
        source: has `count` and `sizes`.
        load: maps a number to arrays `(height, width, channels)`.
        count, size: see `panel_pairs`.

    Returns:
        One array `(n, side, side, channels)` for each that `load` gives, in its dtype.

    Raises:
        ValueError: as `panel_pairs`.
    """
    for name, value in {"count": count, "size": size}.items():
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={value}")
    count = min(count, source.count)
    indices = [i * source.count // count for i in range(count)]
    side = min(size, int(source.sizes[indices].min()))

    def centre(array: np.ndarray) -> np.ndarray:
        top, left = ((length - side) // 2 for length in array.shape[:2])
        return array[top : top + side, left : left + side].copy()  # lets go of the whole frame

    crops = [[centre(array) for array in load(i)] for i in indices]
    return [np.stack(parts) for parts in zip(*crops, strict=True)]


def as_float(image: tf.Tensor) -> tf.Tensor:
    """8-bit levels as float32 in [0, 1]."""
    return tf.cast(image, tf.float32) / 255.0


def _float_pairs(pairs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """uint8 `(batch, 2, h, w, 3)` -> two float32 `(batch, h, w, 3)` in [0, 1]."""
    blurred, sharp = tf.unstack(pairs, num=2, axis=1)
    return as_float(blurred), as_float(sharp)


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
