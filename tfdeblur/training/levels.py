"""What is around RP-GAN's generator in training: SEN's flows, and deconvolution by levels."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfdeblur.image.padding import crop_back, pad_to_multiple
from tfdeblur.operators import LinearOperator, MotionBlur, canonical_flow
from tfdeblur.solvers import deconvolve, half_quadratic

Network = Callable[..., tf.Tensor]


class Levels:
    """Deconvolution and generator by turns, on batches of crops and on whole frames.

    No Keras object: what holds it does not write the SEN in it into its backups.

    Args:
        sen: `SEN`, used for inference.
        betas: floats > 0, weight of the anchor, one a level.
        known_betas: the same for images whose flow is the true one; None: `betas`.
        tolerance, max_steps: as for `solvers.deconvolve`.
        rasterizer: as for `operators.MotionBlur`.

    Images are float32 `(batch, height, width, 3)` in [0, 1], deconvolved ones not clipped; flows
    float32 `(batch, height, width, 2)`, pixels, canonical.

    Source: the motion-flow paper, Eqns 3 and 4, figure 2.
    """

    def __init__(
        self,
        sen: Network,
        betas: Sequence[float],
        tolerance: float = 1e-3,
        max_steps: int = 50,
        rasterizer: str = "gong2018",
        known_betas: Sequence[float] | None = None,
    ) -> None:
        self.sen = sen
        self.betas = tuple(betas)
        self.known_betas = tuple(known_betas or betas)
        self._stopping: dict[str, Any] = {"tolerance": tolerance, "max_steps": max_steps}
        self._rasterizer = rasterizer

    def flow(self, observed: tf.Tensor, known: tf.Tensor | None = None) -> tf.Tensor:
        """SEN's flow of blurred images, or the known one where it is no NaN."""
        padded, size = pad_to_multiple(observed, getattr(self.sen, "size_multiple", 64))
        estimated = crop_back(tf.cast(self.sen(padded, training=False), tf.float32), size)
        flow = canonical_flow(estimated)
        return flow if known is None else tf.where(tf.math.is_finite(known), known, flow)

    def first(
        self,
        observed: tf.Tensor,
        flow: tf.Tensor,
        known: tf.Tensor | None = None,
        blur: LinearOperator | None = None,
    ) -> tf.Tensor:
        """I_1: what the generator sees at level 1.

        Args:
            observed, flow: O and its flow.
            known: bool `(batch,)`, whether that is the true one; None: nowhere.
            blur: in the place of `MotionBlur(flow)`.
        """
        blur = blur or MotionBlur(flow, self._rasterizer)
        return deconvolve(blur, observed, observed, self._beta(1, known), **self._stopping).value

    def further(
        self,
        generator: Network,
        observed: tf.Tensor,
        flow: tf.Tensor,
        known: tf.Tensor,
        first: tf.Tensor,
        level: int,
    ) -> tf.Tensor:
        """I_level: what the generator sees there, if it restored at the levels before.

        Args:
            generator: `(batch, height, width, 6)` -> image, used for inference.
            observed, flow, known, first: O, its flow, whether that is the true one, and I_1.
            level: int >= 2.
        """
        blur, prior = MotionBlur(flow, self._rasterizer), prior_of(generator)
        deconvolved = first
        for number in range(2, level + 1):
            anchor, beta = prior(deconvolved, observed), self._beta(number, known)
            deconvolved = deconvolve(blur, observed, anchor, beta, **self._stopping).value
        return deconvolved

    def _beta(self, level: int, known: tf.Tensor | None) -> float | tf.Tensor:
        ours, trusting = self.betas[level - 1], self.known_betas[level - 1]
        return ours if known is None else tf.where(known, trusting, ours)

    def restore(self, generator: Network, observed: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Deconvolved and restored images of every level, restored ones not clipped either."""
        levels: list[tuple[tf.Tensor, tf.Tensor]] = []
        prior = prior_of(generator)

        def recorded(deconvolved: tf.Tensor, observed: tf.Tensor) -> tf.Tensor:
            levels.append((deconvolved, prior(deconvolved, observed)))
            return levels[-1][1]

        blur = MotionBlur(self.flow(observed), self._rasterizer)
        half_quadratic(blur, observed, recorded, self.betas, **self._stopping)
        return levels


def is_known(flow: tf.Tensor) -> tf.Tensor:
    """Bool `(batch,)`: whether a batch of samples brought the true flow (no NaN) of each."""
    return tf.reduce_all(tf.math.is_finite(flow), axis=[1, 2, 3])


def prior_of(generator: Network) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The generator as `solvers.half_quadratic` wants it, for images of any size."""
    multiple = getattr(generator, "size_multiple", 4)

    def prior(deconvolved: tf.Tensor, observed: tf.Tensor) -> tf.Tensor:
        seen, size = pad_to_multiple(tf.concat([deconvolved, observed], axis=-1), multiple)
        return crop_back(tf.cast(generator(seen, training=False), tf.float32), size)

    return prior
