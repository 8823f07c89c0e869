"""Filling RP-GAN's buffer: when, by which parts, and what is told meanwhile."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import tensorflow as tf
from keras import ops

from tfdeblur.training.levels import is_known

logger = logging.getLogger(__name__)


class Filler:
    """Fills a trainer's buffer when it is time, and gives out the batches in it.

    It may prepare the next filling in a thread meanwhile.

    Args:
        trainer: `RPGANTrainer`; its `samples` gives the stream.
        beside: whether to use a thread.
    """

    def __init__(self, trainer, beside):
        self._trainer, self._beside = trainer, beside
        self._ahead: tuple[int, Future] | None = None
        self._threads = ThreadPoolExecutor(1) if beside else None
        self._closed = False
        self._batches = None
        levels = trainer.levels

        def first(observed, known):
            flow, trusted = levels.flow(observed, known), is_known(known)
            return flow, trusted, levels.first(observed, flow, trusted)

        def further(*sample):
            return levels.further(trainer.frozen, *sample)

        self._first = tf.function(first, reduce_retracing=True)
        self._further = tf.function(further, reduce_retracing=True)

    def batches(self, step):
        """What step number `step` on the buffer (from 0) takes its batch from.

        Copies the generator and fills the buffer where it is time; after a restart it fills the
        buffer again, by the copy that was made before.
        """
        trainer = self._trainer
        cycle, step = divmod(step, trainer.replay.steps)
        if whole(trainer.cycle) != cycle:
            trainer.frozen.set_weights(trainer.generator.get_weights())
            trainer.cycle.assign(cycle)
        if trainer.replay.cycle != cycle:
            self.fill(cycle)
            self._batches = None
        if self._batches is None:
            self._batches = self._batches_from(step)
        return self._batches

    def _batches_from(self, start):
        """The batches that are left of this filling, from number `start` on."""
        replay = self._trainer.replay

        def generate():
            yield from map(replay.train_batch, range(start, replay.steps))

        shape = (replay.batch, *replay.train_batch(0)[0].shape[1:])
        signature = (tf.TensorSpec(shape, tf.float32),) * 3
        batches = tf.data.Dataset.from_generator(generate, output_signature=signature)
        strategy = tf.distribute.get_strategy()
        if strategy.num_replicas_in_sync > 1:
            batches = strategy.experimental_distribute_dataset(batches)
        return iter(batches)

    def fill(self, cycle):
        """Makes filling `cycle` and puts it into the buffer.

        Raises:
            KeyboardInterrupt: if the trainer's interrupt is set meanwhile.
        """
        replay = self._trainer.replay
        logger.info("Filling the buffer with %s samples (no. %d).", len(replay.levels), cycle + 1)
        prepared = self._prepared(cycle)
        progress = EveryFewSeconds(logger.info, "further levels", self._check)
        replay.fill(cycle, prepared, self._further, progress)
        if self._threads is not None:
            self._ahead = cycle + 1, self._threads.submit(self._prepare, cycle + 1, True)

    def _prepared(self, cycle):
        if self._ahead is not None and self._ahead[0] == cycle:
            prepared = self._ahead[1].result()
            self._ahead = None
            return prepared
        return self._prepare(cycle)

    def _prepare(self, cycle, quiet=False):
        tell = logger.debug if quiet else logger.info
        progress = EveryFewSeconds(tell, "level 1", self._check)
        return self._trainer.replay.prepare(cycle, self._trainer.samples, self._first, progress)

    def close(self):
        """Ends what is prepared in the thread: nobody will ask for it."""
        self._closed = True
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)

    def _check(self):
        interrupt = self._trainer.interrupt
        if self._closed or (interrupt is not None and interrupt.is_set()):
            raise KeyboardInterrupt


def whole(variable):
    """The value of an integer variable, also of one that is mirrored on several devices."""
    return int(ops.convert_to_numpy(variable))


class EveryFewSeconds:
    """Tells how far a filling is, not more often than every few seconds.

    Args:
        tell: called with a line of text.
        what: str, what is being made.
        seconds: float, least time between two lines.
        check: called each time; raises to stop the work.
    """

    def __init__(
        self, tell: Callable[[str], None], what: str, check: Callable[[], None], seconds=10.0
    ) -> None:
        self._tell, self._what, self._check, self._seconds = tell, what, check, seconds
        self._begun = self._told = time.monotonic()
        self._first: int | None = None  # samples of the first batch, whose time went into compiling

    def __call__(self, done: int, total: int) -> None:
        """Is told of the work done."""
        self._check()
        now = time.monotonic()
        if self._first is None:
            self._first, self._begun = done, now
        if now - self._told < self._seconds:
            return
        self._told = now
        text = f"  {self._what}: {done:,} of {total:,} samples"
        if done > self._first:
            left = (now - self._begun) * (total - done) / (done - self._first)
            text += f", about {left:.0f} s left"
        self._tell(text)
