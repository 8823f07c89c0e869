"""Training batches of blurred and sharp images, with the flow where it is known.

As streams of pairs, sample k is a pure function of (source, augment, seed, k).
"""

from typing import Any

import numpy as np
import tensorflow as tf

from tfdeblur.data.augment import KNOWN, Augment, vary_pair
from tfdeblur.data.pairs import sample_stream
from tfdeblur.data.sources import PairSource
from tfdeblur.errors import InvalidInput

Triple = tuple[tf.Tensor, tf.Tensor, tf.Tensor]


def blind_batches(
    source: PairSource,
    *,
    augment: Augment,
    batch: int,
    seed: int,
    start: int = 0,
    stop: int | None = None,
    known_flows: float = 0.0,
) -> tf.data.Dataset:
    """Returns a stream of augmented batches; every pair comes exactly once per epoch.

    Args:
        source: pairs, photographs that are blurred on the fly, or a mixture of both.
        augment: crop and variations.
        batch, seed, start, stop: see `pairs.training_batches`.
        known_flows: share in [0, 1] of the blurred photographs whose flow is handed on.

    Returns:
        Dataset of `(blurred, sharp, flow)`: float32 `(batch, crop, crop, 3)` in [0, 1] twice, and
        float32 `(batch, crop, crop, 2)`, pixels, canonical; NaN all over where it is not known,
        or known and not handed on.

    Raises:
        ValueError, DataError: as `pairs.training_batches`.
        InvalidInput: if `known_flows` is no share.
    """
    if not 0 <= known_flows <= 1:
        raise InvalidInput(
            f"`known_flows` must be from 0 to 1. Received: known_flows={known_flows}"
        )
    reader = source.reader()

    def sample(index: tf.Tensor, draw: tf.Tensor) -> Triple:
        blurred, sharp, flow = blind_window(reader, index, draw, augment)
        given = tf.random.stateless_uniform([], tf.random.fold_in(draw, KNOWN)) < known_flows
        return blurred, sharp, tf.where(given, flow, np.nan)

    batches = sample_stream(source, sample, augment.crop, batch, seed, start, stop)
    return batches.map(_to_float, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(
        tf.data.AUTOTUNE
    )


def blind_window(reader: Any, index: tf.Tensor, seed: tf.Tensor, augment: Augment) -> Triple:
    """Returns an augmented crop of one pair: `(blurred, sharp, flow)`.

    Args:
        reader: a `readers.Reader`; its own `blind_window` is asked where it has one, as those
            that blur while reading do.
        index: int64 scalar, number of the pair.
        seed: int64 `(2,)`.
        augment: crop and variations.

    Returns:
        uint8 `(crop, crop, 3)` twice, and float32 `(crop, crop, 2)`, NaN where it is not known.
    """
    if hasattr(reader, "blind_window"):
        return reader.blind_window(index, seed, augment)
    pair = vary_pair(reader.window(index, augment.crop, seed), seed, augment)
    blurred, sharp = tf.unstack(pair, num=2)
    return blurred, sharp, tf.fill((augment.crop, augment.crop, 2), np.float32(np.nan))


def _to_float(blurred: tf.Tensor, sharp: tf.Tensor, flow: tf.Tensor) -> Triple:
    return tf.cast(blurred, tf.float32) / 255.0, tf.cast(sharp, tf.float32) / 255.0, flow
