"""Figures 2 and 4 of the Bi-Skip paper: which architecture fits one image faster and better."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfdeblur.errors import InvalidInput
from tfdeblur.evaluation.experiments.base import (
    Experiment,
    Found,
    Fraction,
    captioned,
    quality,
)
from tfdeblur.evaluation.experiments.cases import Case
from tfdeblur.evaluation.experiments.pictures import curves
from tfdeblur.evaluation.experiments.report import ExperimentReport
from tfdeblur.metrics import psnr_rgb_u8
from tfdeblur.networks.bi_skip import VARIANTS, BiSkip

INPUTS = ("noise", "blurred")
SHOWN = (1000, 2400)  # steps whose images the paper shows
_NOISE = 0.1  # of the range of an image, as deep image priors take it


class DeepPrior(Experiment):
    """Fits one network of each variant, from random weights, to one sharp image at a time.

    Args:
        variants: of `networks.BiSkip`; "S" is the paper's Skip, "BS" its Bi-Skip.
        source: what the network is fed with, always the same: "noise" (figure 2) or the
            "blurred" image (figure 4).
        steps: int >= 1, updates of Adam.
        rate: float > 0, its learning rate.
        width: float > 0, factor on all channels.
        seed: int >= 0, of weights and noise.
        every: int >= 1, steps between the points of the curve.

    Raises:
        InvalidInput: if `source` is neither, or there are no variants.

    Source: Zhang et al., Bi-Skip, 2019, section 3.1. It gives pictures and no numbers, and neither
        learning rate nor loss; ours are Adam at `rate` and the mean of squares.
    """

    name = "deep-prior"
    title = "how fast and how well an architecture fits one image"
    notes: tuple[str, ...] = (
        "no network sees any other image: what differs between the variants is their architecture "
        "alone, their number of weights included",
        "the Bi-Skip paper (figures 2 and 4) shows pictures at 1000 and 2400 steps and no numbers",
    )

    def __init__(
        self,
        variants: Sequence[str] = ("S", "BS"),
        source: str = "noise",
        steps: int = SHOWN[-1],
        rate: float = 1e-3,
        width: float = 1.0,
        seed: int = 0,
        every: int = 20,
    ) -> None:
        if source not in INPUTS or not variants or not set(variants) <= set(VARIANTS):
            raise InvalidInput(
                f"`source` must be one of {', '.join(INPUTS)}, `variants` at least one of "
                f"{', '.join(VARIANTS)}. Received: source={source!r}, variants={list(variants)}"
            )
        super().__init__(
            variants=list(variants), input=source, steps=steps, rate=rate, width=width, seed=seed
        )
        self._variants, self._source, self._steps = tuple(variants), source, steps
        self._rate, self._width, self._seed, self._every = rate, width, seed, every
        self._points: dict[str, dict[int, list[float]]] = {name: {} for name in variants}

    def measure(self, case: Case, progress: Fraction) -> Found:
        """See `Experiment`; Ctrl-C ends it early, with what was found by then."""
        case = _whole_cells(case)
        image = self._input(case)
        found, row = Found(), {"input": image}
        for i, variant in enumerate(self._variants):
            done = 0

            def tell(step: int, i: int = i) -> None:
                progress((i + step / self._steps) / len(self._variants))

            try:
                for done, fitted in self._fit(variant, image, case, tell):
                    name = f"{variant}, {done} steps"
                    found.rows[name] = quality(case.sharp, fitted)
                    row[captioned(name, found.rows)] = fitted
            except KeyboardInterrupt:
                self.interrupted = True
                found.remarks.append(f"{variant}: interrupted after the results of {done} steps")
                break
        found.pictures = [{**row, "sharp": case.sharp}]
        return found

    def _input(self, case: Case) -> np.ndarray:
        if self._source == "blurred":
            return case.blurred
        random = np.random.default_rng(self._seed).random(case.sharp.shape, np.float32)
        return np.float32(_NOISE) * random

    def _fit(
        self, variant: str, image: np.ndarray, case: Case, tell: Callable[[int], None]
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Yields `(steps, image)` for those of `SHOWN` and the last."""
        step = _step_of(variant, self._width, self._rate, self._seed, image, case.sharp)
        for done in range(1, self._steps + 1):
            fitted = step()
            if done % self._every == 0 or done in (1, self._steps):
                psnr = float(psnr_rgb_u8(case.sharp, fitted)[0])
                self._points[variant].setdefault(done, []).append(psnr)
                tell(done)
            if done in SHOWN or done == self._steps:
                yield done, fitted.numpy()

    def summary(self, report: ExperimentReport) -> dict[str, Any]:
        """The curves: for every variant [steps, mean PSNR over the images so far]."""
        return {f"curve of {name}": points for name, points in self._curves().items()}

    def pictures(self, report: ExperimentReport) -> dict[str, np.ndarray]:
        """The curves."""
        return {f"{self.name}-curves": curves(self._curves(), ("steps", "PSNR, dB"))}

    def _curves(self) -> dict[str, list[tuple[float, float]]]:
        return {
            name: [(step, statistics.fmean(values)) for step, values in sorted(points.items())]
            for name, points in self._points.items()
        }


def _step_of(
    variant: str, width: float, rate: float, seed: int, image: np.ndarray, sharp: np.ndarray
) -> Callable[[], tf.Tensor]:
    """One update; returns the image before it, float32 `(height, width, 3)`, not clipped."""
    keras.utils.set_random_seed(seed)
    network = BiSkip(variant=variant, width=width)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(network.trainable_variables)
    fed, wanted = (tf.constant(x[None], tf.float32) for x in (image, sharp / np.float32(255)))

    @tf.function(autograph=False)
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            fitted = network(fed, training=True)  # one image: its own statistics are the right ones
            loss = tf.reduce_mean(tf.square(fitted - wanted))
        variables = network.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return fitted[0]

    return step


def _whole_cells(case: Case) -> Case:
    """The upper left part whose sides are multiples of what the network asks for."""
    multiple = BiSkip.size_multiple
    height, width = (side // multiple * multiple for side in case.sharp.shape[:2])
    if min(height, width) < multiple:
        raise InvalidInput(
            f"{case.name}: images must be at least {multiple}x{multiple} pixels. "
            f"Received: {case.sharp.shape[0]}x{case.sharp.shape[1]} (height x width)"
        )
    return Case(case.name, case.blurred[:height, :width], case.sharp[:height, :width])
