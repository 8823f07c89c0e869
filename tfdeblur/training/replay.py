"""RP-GAN's replay buffer: samples of all levels, made by a frozen generator.

Everything in it is a function of (stream of samples, SEN, frozen generator, cycle): after a restart
it is made again, the same.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfdeblur.errors import InvalidInput

Samples = Callable[[int, int], Iterable[tuple[tf.Tensor, tf.Tensor, tf.Tensor]]]
OnProgress = Callable[[int, int], None]


@dataclass
class Prepared:
    """Samples as far as they do not depend on the generator.

    Attributes:
        observed, sharp: uint8 `(size, crop, crop, 3)`.
        flow: float32 `(size, crop, crop, 2)`, pixels, canonical.
        known: bool `(size,)`, whether that is the true one, not SEN's.
        deconvolved: float16 `(size, crop, crop, 3)`, level 1.
    """

    observed: np.ndarray
    sharp: np.ndarray
    flow: np.ndarray
    known: np.ndarray
    deconvolved: np.ndarray


class ReplayBuffer:
    """A fixed number of samples, in exact shares of all levels, and the order to train in.

    Args:
        size: int >= `batch`, samples.
        level_shares: floats that sum to 1, share of each level, from 1 up.
        batch: int >= 1, samples a step.
        passes: int >= 1, how often each sample is trained on.
        seed: int, of the order.

    Raises:
        InvalidInput: if a number is none of these.

    Attributes:
        levels: int `(size,)`, level of each sample; sorted.
        steps: int, training steps before it must be filled again.
        cycle: int or None, number of the filling that is in it.

    Source: the motion-flow paper, section 6.2: 1,000 samples, 50 % of level 1, 30 % of level 2 and
        20 % of level 3, trained on for 3 epochs in random order.
    """

    def __init__(
        self, size: int, level_shares: Sequence[float], batch: int, passes: int, seed: int
    ) -> None:
        for name, value, least in (
            ("batch", batch, 1),
            ("size", size, batch),
            ("passes", passes, 1),
        ):
            if value < least:
                raise InvalidInput(f"`{name}` must be at least {least}. Received: {name}={value}")
        self.batch, self.passes, self.seed = batch, passes, seed
        self.levels = np.repeat(np.arange(1, len(level_shares) + 1), split(size, level_shares))
        self.steps = passes * (size // batch)
        self.cycle: int | None = None
        self._samples: Prepared | None = None

    def prepare(
        self,
        cycle: int,
        samples: Samples,
        first: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor]],
        on_progress: OnProgress = lambda done, total: None,
    ) -> Prepared:
        """Makes the part of filling `cycle` that needs no generator; changes nothing.

        Args:
            cycle: int >= 0; filling c is made of samples c * size to (c + 1) * size - 1.
            samples: called as `samples(start, stop)`, gives batches of `(blurred, sharp, flow)`,
                as `data.blind_pairs`; only whole ones, so a few more than are needed are asked for.
            first: `(blurred, flow)` -> `(flow, whether it is the true one, level 1)`.
            on_progress: called as `on_progress(done, total)` in samples.
        """
        size, parts = len(self.levels), []
        done, start = 0, cycle * size
        for blurred, sharp, known in samples(start, start - (-size // self.batch) * self.batch):
            flow, trusted, deconvolved = first(blurred, known)
            images = to_levels(blurred), to_levels(sharp)
            parts.append((*images, flow.numpy(), trusted.numpy(), half(deconvolved)))
            done += len(parts[-1][0])
            on_progress(min(done, size), size)
        return Prepared(*(np.concatenate(part)[:size] for part in zip(*parts, strict=True)))

    def fill(
        self,
        cycle: int,
        prepared: Prepared,
        further: Callable[..., tf.Tensor],
        on_progress: OnProgress = lambda done, total: None,
    ) -> None:
        """Takes the samples in, those of level 2 and up after the work of the frozen generator.

        Args:
            cycle: int, as for `prepare`.
            prepared: what `prepare` made for it; it is changed.
            further: `(observed, flow, known, level 1, level)` -> deconvolved images of that level.
            on_progress: as for `prepare`.
        """
        done = int(np.count_nonzero(self.levels == 1))
        for level in range(2, int(self.levels[-1]) + 1):
            places = np.flatnonzero(self.levels == level)
            for start in range(0, len(places), self.batch):
                part = places[start : start + self.batch]
                observed = to_float(prepared.observed[part])
                first = tf.constant(prepared.deconvolved[part], tf.float32)
                flow, known = tf.constant(prepared.flow[part]), tf.constant(prepared.known[part])
                deconvolved = further(observed, flow, known, first, level)
                prepared.deconvolved[part] = half(deconvolved)
                done += len(part)
                on_progress(done, len(self.levels))
        self._samples, self.cycle = prepared, cycle

    def train_batch(self, step: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Batch `step` (from 0) of this filling.

        Returns:
            `(deconvolved, observed, sharp)`, float32 `(batch, crop, crop, 3)`.

        Raises:
            RuntimeError: if the buffer was never filled, or `step` is past its end.
        """
        if self._samples is None or not 0 <= step < self.steps:
            raise RuntimeError(f"The buffer must be filled before step {step} of {self.steps}.")
        number, step = divmod(step, len(self.levels) // self.batch)
        order = np.random.default_rng([self.seed, self.cycle, number]).permutation(len(self.levels))
        part = order[step * self.batch : (step + 1) * self.batch]
        kept = self._samples
        deconvolved = tf.constant(kept.deconvolved[part], tf.float32)
        return deconvolved, to_float(kept.observed[part]), to_float(kept.sharp[part])


def split(size: int, shares: Sequence[float]) -> list[int]:
    """`size` in whole parts, each within 1 of its share, the first ones rounded up first."""
    exact = np.array(shares, float) * size
    parts = np.floor(exact + 1e-9).astype(int)
    largest = np.argsort(parts - exact, kind="stable")
    parts[largest[: size - parts.sum()]] += 1
    return parts.tolist()


def to_levels(image: tf.Tensor) -> np.ndarray:
    """[0, 1] to 8-bit levels, which training images are made of."""
    return np.round(255.0 * image.numpy()).astype(np.uint8)


def to_float(levels: np.ndarray) -> tf.Tensor:
    """8-bit levels to [0, 1], as the stream of samples gives them."""
    return tf.cast(tf.constant(levels), tf.float32) / 255.0


def half(image: tf.Tensor) -> np.ndarray:
    """As float16: rounded by an eighth of an 8-bit level at most."""
    return image.numpy().astype(np.float16)
