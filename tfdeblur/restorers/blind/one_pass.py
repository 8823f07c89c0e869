"""One pass of blind deblurring: estimate the motion, then deconvolve and clean up by turns.

TensorFlow operations only. `BlindRestorer` runs it with networks in tiles, and exported
signatures wrap it with whole networks, so that what is served and what is computed locally cannot
drift apart.
"""

import dataclasses
import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

from tfdeblur.errors import InvalidInput
from tfdeblur.operators import LinearOperator, MotionBlur, canonical_flow
from tfdeblur.operators.kernels import check_rasterizer
from tfdeblur.operators.motion_blur import DEFAULT_BUDGET_BYTES
from tfdeblur.restorers.blind.confidence import explained
from tfdeblur.restorers.graph import inference_body
from tfdeblur.solvers import half_quadratic
from tfdeblur.solvers.conjugate_gradient import check_stopping
from tfdeblur.solvers.solution import Solution

Estimate = Callable[[tf.Tensor], tf.Tensor]
Clean = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class BlindSettings:
    """How the half-quadratic loop runs; stored beside the networks that were trained with it.

    Args:
        betas: numbers > 0, one per level, dimensionless; the weight of the last level's result
            against the observed image. The paper lets them increase.
        known_betas: the same where the motion is not estimated but given, as many as `betas`:
            an exact one bears much smaller numbers, and needs them. None: `betas`.
        tolerance: float > 0, relative residual at which a deconvolution is done.
        max_steps: int >= 1, largest number of iterations of a deconvolution.
        rasterizer: as for `operators.MotionBlur`.

    Raises:
        InvalidInput: if an argument is not one of the above.

    Source: the motion-flow paper, Eqn 3. It names no numbers but three levels.
    """

    betas: tuple[float, ...]
    tolerance: float = 1e-3
    max_steps: int = 50
    rasterizer: str = "gong2018"
    known_betas: tuple[float, ...] | None = None

    def __post_init__(self):
        object.__setattr__(self, "betas", _checked_betas("betas", self.betas))
        known = self.known_betas
        if isinstance(known, list | tuple) and not known:  # says that there are none, too
            known = None
        if known is not None:
            known = _checked_betas("known_betas", known)
            if len(known) != len(self.betas):
                raise InvalidInput(
                    f"`known_betas` must be as many as `betas`, {len(self.betas)}. "
                    f"Received: known_betas={known!r}"
                )
        object.__setattr__(self, "known_betas", known)
        check_stopping(self.tolerance, self.max_steps)
        check_rasterizer(self.rasterizer)

    def for_known_flow(self) -> "BlindSettings":
        """The settings of a loop whose motion is given: its `betas` are `known_betas`."""
        return dataclasses.replace(self, betas=self.known_betas or self.betas, known_betas=None)

    def first_levels(self, levels: int) -> "BlindSettings":
        """The settings of the first so many levels, of either schedule."""
        known = self.known_betas and self.known_betas[:levels]
        return dataclasses.replace(self, betas=self.betas[:levels], known_betas=known)

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON values; `from_json` takes them."""
        known = None if self.known_betas is None else list(self.known_betas)
        return {**dataclasses.asdict(self), "betas": list(self.betas), "known_betas": known}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "BlindSettings":
        """The settings that `to_json` returned.

        Raises:
            InvalidInput: if a key is unknown, `betas` is missing or a value is not what it must be.
        """
        valid = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(values, Mapping) or "betas" not in values:
            raise InvalidInput(
                f"Settings must be an object with `betas` and, if wanted, others of {valid}. "
                f"Received: {values!r}"
            )
        unknown = sorted(set(values) - set(valid))
        if unknown:
            raise InvalidInput(f"Unknown keys {unknown}; valid ones are {valid}.")
        return cls(**values)


def _checked_betas(name: str, betas) -> tuple[float, ...]:
    checked = tuple(betas) if isinstance(betas, list | tuple) else ()
    if not checked or not all(_is_positive(beta) for beta in checked):
        raise InvalidInput(
            f"`{name}` must be numbers > 0, one per level and at least one. "
            f"Received: {name}={betas!r}"
        )
    return checked


def _is_positive(beta) -> bool:
    number = isinstance(beta, numbers.Real) and not isinstance(beta, bool)
    return number and 0 < beta < math.inf


class BlindPass(NamedTuple):
    """Result of `blind_pass`; a named tuple of tensors, so a `tf.function` can return it.

    Attributes:
        image: float32 `(batch, height, width, 3)`, as the last cleaning gave it, not clipped.
        flow: float32 `(batch, height, width, 2)`, pixels, canonical: the motion that was undone.
        confidence: float32 `(batch, height, width)` in [0, 1], see `confidence.explained`.
        score: float32 `(batch,)` in [0, 1], the same for whole images.
        levels: per level `(deconvolved, cleaned)`, each like `image`.
        steps: int32 `(levels, batch)`, iterations of each deconvolution.
        residual: float32 `(levels, batch)`, their relative residuals, dimensionless.
        converged: bool `(levels, batch)`, whether those are at most the tolerance.
    """

    image: tf.Tensor
    flow: tf.Tensor
    confidence: tf.Tensor
    score: tf.Tensor
    levels: tuple[tuple[tf.Tensor, tf.Tensor], ...]
    steps: tf.Tensor
    residual: tf.Tensor
    converged: tf.Tensor


def blind_pass(
    observed: tf.Tensor,
    estimate: Estimate | None,
    clean: Clean,
    settings: BlindSettings,
    flow: tf.Tensor | None = None,
    *,
    keep_levels: bool = True,
    memory_budget_bytes: int = DEFAULT_BUDGET_BYTES,
) -> BlindPass:
    """Restores images once: flow, operator, and the levels of half-quadratic splitting.

    Works eagerly and inside a `tf.function`, also where sizes are unknown.

    Args:
        observed: O, float32 `(batch, height, width, 3)` in [0, 1], the blurred images. In a
            further pass ("global iteration") the result of the one before.
        estimate: images -> flow, float32 `(batch, height, width, 2)`, pixels, of either sign, at
            any size (`estimator`); not called where `flow` is given.
        clean: `(deconvolved, observed)` -> images like `observed`, at any size, not clipped
            (`cleaner`): the prior.
        settings: of the loop.
        flow: float32 `(batch, height, width, 2)`, pixels: the motion, where it is known.
        keep_levels: whether to return the images of all levels; `levels` is empty otherwise.
        memory_budget_bytes: int > 0, for `MotionBlur`, bytes.

    Returns:
        `BlindPass`.

    Raises:
        InvalidInput: if an argument is not one of the above, or the flow is not finite (looked at
            where values are known, not inside graphs).

    Source: the motion-flow paper, figure 2, Eqns 3 and 4. Confidence is ours.
    """
    observed = tf.convert_to_tensor(observed)
    if flow is None:
        if estimate is None:
            raise InvalidInput("`estimate` is needed where no `flow` is given.")
        flow = estimate(observed)
    flow = canonical_flow(tf.convert_to_tensor(flow))
    K = MotionBlur(flow, settings.rasterizer, memory_budget_bytes=memory_budget_bytes)
    prior, levels = recorded(clean, keep_levels)
    found = half_quadratic(
        K, observed, prior, settings.betas, settings.tolerance, settings.max_steps
    )
    return finished(found, flow, levels, K, observed)


def recorded(clean: Clean, keep_levels: bool) -> tuple[Clean, list]:
    """`clean` as it is, and a list that fills with `(deconvolved, cleaned)` if they are kept."""
    levels: list[tuple[tf.Tensor, tf.Tensor]] = []

    def prior(deconvolved, observed):
        cleaned = clean(deconvolved, observed)
        if keep_levels:
            levels.append((deconvolved, cleaned))
        return cleaned

    return prior, levels


def finished(found: Solution, flow, levels, K: LinearOperator, observed) -> BlindPass:
    """The whole result, with how much of `observed` the image explains if K blurs it."""
    # Clipped for this: what people get to see is to explain the photograph.
    confidence, score = explained(K, tf.clip_by_value(found.value, 0.0, 1.0), observed)
    return BlindPass(found.value, flow, confidence, score, tuple(levels), *found[1:])


def estimator(sen) -> Estimate:
    """The `estimate` of `blind_pass` made of a SEN: pads to its size multiple and crops back."""
    return inference_body(sen)


def cleaner(generator) -> Clean:
    """The `clean` of `blind_pass` made of a generator, whose input is both images concatenated."""
    body = inference_body(generator, channels=6)

    def clean(deconvolved, observed):
        return body(tf.concat([deconvolved, observed], axis=-1))

    return clean
