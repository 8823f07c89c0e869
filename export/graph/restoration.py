"""What a served model computes, as one graph: the rules of the restorers, without Python's help.

`Restorer` and `BlindRestorer` decide in Python, image by image, what becomes of a result. A served
graph takes the same decisions with masks, so that both give the same pixels. What differs: a
graph cannot warn, and it has tiles only where they change what comes out.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from export.graph.tiles import in_tiles
from tfdeblur.image.tiling import Tiling
from tfdeblur.operators import canonical_flow
from tfdeblur.restorers.blind.image import STILL
from tfdeblur.restorers.blind.one_pass import BlindSettings, blind_pass, cleaner, estimator
from tfdeblur.restorers.graph import inference_body
from tfdeblur.restorers.images import MAX_MEAN_CHANGE
from tfdeblur.restorers.known_flow import longest_motion

_LONGEST_AT_LEAST = longest_motion(0, 0)  # pixels, in pictures of any size


class Restoration(NamedTuple):
    """What a served graph returns for a batch.

    Attributes:
        image: float32 `(batch, height, width, 3)`, clipped to [0, 1].
        motion: `Motion`; None where none is estimated.
    """

    image: tf.Tensor
    motion: "Motion | None" = None


class Motion(NamedTuple):
    """The motion behind a blur, that of the first pass.

    Attributes:
        flow: float32 `(batch, height, width, 2)`, pixels, canonical.
        confidence: float32 `(batch, height, width)` in [0, 1].
        score: float32 `(batch,)` in [0, 1], of whole images.
    """

    flow: tf.Tensor
    confidence: tf.Tensor
    score: tf.Tensor


Restore = Callable[[tf.Tensor], Restoration]


def restoring_body(
    network, *, passes: int = 1, self_ensemble: bool = False, tiling: Tiling | None = None
) -> Restore:
    """Returns the graph of a `Restorer` (`passes` > 1: of `InPasses`) around a network.

    It maps float32 `(batch, height, width, 3)` in [0, 1], at least 1 x 1, to a `Restoration`
    without motion. An image of which the output is degenerate (see `Restorer`) comes back as it
    was. With `tiling` the network sees tiles, and is in the graph once all the same.
    """
    once = inference_body(network)
    run = _ensemble(once) if self_ensemble else once
    if tiling is not None:
        run = in_tiles(run, tiling)

    def restore(image):
        current, going = image, tf.ones(tf.shape(image)[:1], tf.bool)
        for _ in range(passes):
            result = run(current)
            going &= _sound(current, result)
            current = _choose(going, tf.clip_by_value(result, 0.0, 1.0), current)
        return Restoration(tf.clip_by_value(current, 0.0, 1.0))

    return restore


def blind_body(
    sen,
    generator,
    settings: BlindSettings,
    *,
    passes: int = 1,
    early_stop: bool = True,
    memory_budget_bytes: int,
) -> Restore:
    """Returns the graph of a `BlindRestorer`: flow, solve, levels and passes.

    It maps images as `restoring_body` does, to a `Restoration` with motion. The rules by which
    passes are left out or end the row are those of `BlindRestorer`, for each image by itself; if
    the first is left out, the image comes back as it was, with confidence 0.

    Args:
        sen, generator, settings, passes, early_stop: as for `BlindRestorer`.
        memory_budget_bytes: int, for the matrix of the blur, bytes.
    """
    estimate, clean = estimator(sen), cleaner(generator)

    def run(image):
        flow = canonical_flow(estimate(image))
        plausible = _plausible(flow)
        # An operator of NaN or of huge motions would spoil, or stop, the rest of the batch.
        flow = _choose(plausible, flow, tf.zeros_like(flow))
        budget = memory_budget_bytes
        done = blind_pass(
            image, None, clean, settings, flow, keep_levels=False, memory_budget_bytes=budget
        )
        return done, plausible & _sound(image, done.image)

    def restore(image):
        done, going = run(image)
        motion = Motion(
            done.flow,
            _choose(going, done.confidence, tf.zeros_like(done.confidence)),
            _choose(going, done.score, tf.zeros_like(done.score)),
        )
        current = _choose(going, tf.clip_by_value(done.image, 0.0, 1.0), image)
        if early_stop:  # one that explains nothing is kept, but not built upon
            going &= done.score > 0
        for _ in range(passes - 1):
            current, going = _further_pass(run, current, going, early_stop)
        return Restoration(tf.clip_by_value(current, 0.0, 1.0), motion)

    return restore


def _further_pass(run, current, going, early_stop: bool):
    """One more pass for the images that are still `going`; nothing is run where none is."""

    def another():
        done, good = run(current)
        taken = going & good
        if early_stop:
            length = tf.reduce_mean(tf.norm(done.flow, axis=-1), axis=(1, 2))
            taken &= (length >= STILL) & (done.score > 0)
        return _choose(taken, tf.clip_by_value(done.image, 0.0, 1.0), current), taken

    return tf.cond(tf.reduce_any(going), another, lambda: (current, going))


def _ensemble(run):
    """Mean over the 8 turns and mirrorings, in the order in which `Restorer` adds them up."""

    def restore(image):
        total: Any = tf.zeros_like(image)
        for turns in range(4):
            for mirrored in (False, True):
                seen = tf.image.rot90(_mirror(image) if mirrored else image, turns)
                back = tf.image.rot90(run(seen), -turns % 4)
                total += _mirror(back) if mirrored else back
        return total / 8

    return restore


def _mirror(image):
    return tf.reverse(image, axis=[2])


def _sound(image, result):
    """Bool `(batch,)`: results that are restorations of their images (see `Restorer`)."""
    change = tf.reduce_mean(tf.abs(result - image), axis=(1, 2, 3))
    return change <= MAX_MEAN_CHANGE  # NaN compares false


def _plausible(flow):
    """Bool `(batch,)`: flows that are finite and not longer than the picture."""
    size = tf.shape(flow)
    limit = tf.cast(tf.maximum(_LONGEST_AT_LEAST, size[1] + size[2]), tf.float32)
    return tf.reduce_max(tf.abs(flow), axis=(1, 2, 3)) <= limit


def _choose(chosen, these, those):
    """`these` for the images that are `chosen`, bool `(batch,)`; `those` for the others."""
    ones = tf.ones(these.shape.rank - 1, tf.int32)
    shape = tf.concat([tf.shape(chosen), ones], axis=0)
    return tf.where(tf.reshape(chosen, shape), these, those)
