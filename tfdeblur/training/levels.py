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
    ) -> None:
        self.sen = sen
        self.betas = tuple(betas)
        self._stopping: dict[str, Any] = {"tolerance": tolerance, "max_steps": max_steps}
        self._rasterizer = rasterizer

    def flow(self, observed: tf.Tensor, known: tf.Tensor | None = None) -> tf.Tensor:
        """SEN's flow of blurred images, or the known one where it is no NaN."""
        padded, size = pad_to_multiple(observed, getattr(self.sen, "size_multiple", 64))
        estimated = crop_back(tf.cast(self.sen(padded, training=False), tf.float32), size)
        flow = canonical_flow(estimated)
        return flow if known is None else tf.where(tf.math.is_finite(known), known, flow)

    def first(
        self, observed: tf.Tensor, flow: tf.Tensor, blur: LinearOperator | None = None
    ) -> tf.Tensor:
        """I_1: what the generator sees at level 1; `blur` in the place of `MotionBlur(flow)`."""
        blur = blur or MotionBlur(flow, self._rasterizer)
        return deconvolve(blur, observed, observed, self.betas[0], **self._stopping).value

    def further(
        self, generator: Network, observed: tf.Tensor, flow: tf.Tensor, first, level: int
    ) -> tf.Tensor:
        """I_level: what the generator sees there, if it restored at the levels before.

        Args:
            generator: `(batch, height, width, 6)` -> image, used for inference.
            observed, flow, first: O, its flow, and I_1.
            level: int >= 2.
        """
        blur, prior = MotionBlur(flow, self._rasterizer), prior_of(generator)
        deconvolved = first
        for beta in self.betas[1:level]:
            anchor = prior(deconvolved, observed)
            deconvolved = deconvolve(blur, observed, anchor, beta, **self._stopping).value
        return deconvolved

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


def prior_of(generator: Network) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The generator as `solvers.half_quadratic` wants it, for images of any size."""
    multiple = getattr(generator, "size_multiple", 4)

    def prior(deconvolved: tf.Tensor, observed: tf.Tensor) -> tf.Tensor:
        seen, size = pad_to_multiple(tf.concat([deconvolved, observed], axis=-1), multiple)
        return crop_back(tf.cast(generator(seen, training=False), tf.float32), size)

    return prior
