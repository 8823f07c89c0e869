"""Filling RP-GAN's buffer: when, by which parts, and what is told meanwhile."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import tensorflow as tf

logger = logging.getLogger(__name__)


class Filler:
    """Fills a trainer's buffer, and may prepare the next filling in a thread meanwhile.

    Args:
        trainer: `RPGANTrainer`; its `samples` gives the stream.
        beside: whether to use a thread.
    """

    def __init__(self, trainer, beside):
        self._trainer, self._beside = trainer, beside
        self._ahead: tuple[int, Future] | None = None
        self._threads = ThreadPoolExecutor(1) if beside else None
        self._closed = False
        levels = trainer.levels

        def first(observed, known):
            flow = levels.flow(observed, known)
            return flow, levels.first(observed, flow)

        def further(observed, flow, deconvolved, level):
            return levels.further(trainer.frozen, observed, flow, deconvolved, level)

        self._first = tf.function(first, reduce_retracing=True)
        self._further = tf.function(further, reduce_retracing=True)

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

    def __call__(self, done: int, total: int) -> None:
        """Is told of the work done."""
        self._check()
        now = time.monotonic()
        if now - self._told < self._seconds:
            return
        self._told = now
        left = (now - self._begun) * (total - done) / max(done, 1)
        self._tell(f"  {self._what}: {done:,} of {total:,} samples, about {left:.0f} s left")
