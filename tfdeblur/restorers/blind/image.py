"""The passes of blind deblurring over one image: networks in tiles, the solver in parts."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from tfdeblur.image.levels import to_float
from tfdeblur.image.tiling import TilePlan
from tfdeblur.operators import canonical_flow
from tfdeblur.restorers.blind.one_pass import BlindPass, BlindSettings, blind_pass
from tfdeblur.restorers.blind.parts import pass_in_parts, plan_parts
from tfdeblur.restorers.blind.results import Found
from tfdeblur.restorers.images import as_kind, is_degenerate
from tfdeblur.restorers.known_flow import longest_motion
from tfdeblur.restorers.memory import give_back
from tfdeblur.restorers.protocol import Stage
from tfdeblur.restorers.tiled import TiledNetwork

STILL = 1.0  # pixels: up to this length K is the identity, so there is nothing to undo


class BlindPlan(NamedTuple):
    """Tiles of both networks for one size of images."""

    sen: TilePlan
    generator: TilePlan


class Parts(Protocol):
    """What is used of a `BlindRestorer`; see there."""

    sen: TiledNetwork
    generator: TiledNetwork
    settings: BlindSettings
    passes: int
    early_stop: bool
    matrix_budget_bytes: int


class WorkCounter:
    """Counts units of work, image by image, and tells the caller."""

    def __init__(self, images: int, units: int, progress: Callable[[int, int], None] | None):
        self.units = units
        self.total = images * units
        self.progress = progress
        self.done = 0
        self.images = 0

    def advance(self, to: int | None = None) -> None:
        """One unit more, or up to `to`."""
        self.done = self.done + 1 if to is None else to
        if self.progress:
            self.progress(self.done, self.total)

    def finish_image(self) -> None:
        """What an image did not need counts as done: passes may end early."""
        self.images += 1
        if self.done < self.images * self.units:
            self.advance(to=self.images * self.units)


class BlindImage:
    """One image on its way through a `BlindRestorer`.

    Args:
        restorer: its networks and settings.
        image: `(height, width, 3)`, of any kind that a `Restorer` takes.
        plan: of the restorer, for this size.
        counter: told of every unit of work.
        keep_stages: whether to keep the images of all levels.
    """

    def __init__(
        self,
        restorer: Parts,
        image: np.ndarray,
        plan: BlindPlan,
        counter: WorkCounter,
        keep_stages: bool,
    ):
        self.restorer = restorer
        self.plan = plan
        self.counter = counter
        self.keep_stages = keep_stages
        self.kind = image.dtype
        self.current = to_float(image)  # what the next pass takes
        size = image.shape[:2]
        self.found = Found(image, np.zeros((*size, 2), "float32"), np.zeros(size, "float32"))

    def run(self, known: np.ndarray | None) -> Found:
        """All passes; `known`: the flow of the first, if the user gave one."""
        for number in range(1, self.restorer.passes + 1):
            why = self._pass(number, known if number == 1 else None)
            if why and number == 1 and not self.found.passes:
                self.found.degenerate = True
                self.found.remarks = [f"left as it was: {why}"]
            elif why:
                self.found.remarks.append(why)
            if why:
                break
        if self.found.passes:
            self.found.image = as_kind(self.current, self.kind)
        return self.found

    def _pass(self, number: int, known: np.ndarray | None) -> str:
        """One pass; returns why no further one is to follow, or ""."""
        flow = self._estimate() if known is None else canonical_flow(known)
        limit = longest_motion(*flow.shape[:2])
        if not np.abs(flow).max() <= limit:  # NaN compares false
            return f"{self._left_out(number)}the estimated motion is not finite, or above {limit}"
        if number == 1:
            self.found.flow = flow
        stops = self.restorer.early_stop
        length = float(np.hypot(flow[..., 0], flow[..., 1]).mean())
        if stops and number > 1 and length < STILL:
            return f"stopped after pass {number - 1}: {length:.2g} pixels of motion are left"
        settings = self.restorer.settings
        settings = settings if known is None else settings.for_known_flow()
        done = self._solve(flow, settings)
        result, score = done.image[0].numpy(), float(done.score[0])
        if is_degenerate(self.current, result):
            return f"{self._left_out(number)}the output is not finite or too far from the input"
        unexplained = stops and self.restorer.passes > 1 and score <= 0
        why = "re-blurring its result explains its input no better than leaving that as it is"
        if unexplained and number > 1:
            return f"{self._left_out(number)}{why}"
        self._accept(number, done, np.clip(result, 0.0, 1.0), score)
        return f"stopped after pass {number}: {why}" if unexplained else ""

    @staticmethod
    def _left_out(number: int) -> str:
        return f"pass {number} was left out: " if number > 1 else ""

    def _estimate(self) -> np.ndarray:
        """SEN's flow of the current image, `(height, width, 2)`, canonical."""
        sen, advance = self.restorer.sen, self.counter.advance
        flow = canonical_flow(sen.in_tiles(self.current, self.plan.sen, after_tile=advance))
        give_back()  # what SEN held, before the matrix comes
        return flow

    def _solve(self, flow: np.ndarray, settings: BlindSettings) -> BlindPass:
        observed = tf.constant(self.current[None])
        share = self.restorer.matrix_budget_bytes
        plan = plan_parts(flow, settings.rasterizer, share)
        if plan is not None and plan.tiles > 1:
            kept = self.keep_stages
            return pass_in_parts(observed, self._clean, settings, flow, plan, keep_levels=kept)
        return blind_pass(
            observed,
            None,
            self._clean,
            settings,
            flow[None],
            keep_levels=self.keep_stages,
            memory_budget_bytes=share,
        )

    def _clean(self, deconvolved, observed):
        self.counter.advance()  # the solve that led here
        seen = np.concatenate([deconvolved[0].numpy(), observed[0].numpy()], axis=-1)
        generator, advance = self.restorer.generator, self.counter.advance
        cleaned = generator.in_tiles(seen, self.plan.generator, after_tile=advance)
        give_back()
        return tf.constant(cleaned[None])

    def _accept(self, number: int, done: BlindPass, image: np.ndarray, score: float) -> None:
        """Takes a pass into the result."""
        found = self.found
        if number == 1:
            found.confidence, found.score = done.confidence[0].numpy(), score
        for level, (deconvolved, restored) in enumerate(done.levels, start=1):
            pictures = (as_kind(x[0].numpy(), self.kind) for x in (deconvolved, restored))
            found.stages.append(Stage(number, level, *pictures))
        residual = done.residual.numpy()[:, 0]
        found.steps += int(done.steps.numpy().sum())
        found.residual = max(found.residual, float(residual.max()))
        if not done.converged.numpy().all():
            found.converged = False
            found.remarks.append(self._advice(number, residual))
        found.passes = number
        self.current = image

    def _advice(self, number: int, residual: np.ndarray) -> str:
        settings, worst = self.restorer.settings, int(residual.argmax())
        return (
            f"not converged: the relative residual is {residual[worst]:.3g} in level {worst + 1} "
            f"of pass {number} after at most {settings.max_steps} steps, the tolerance "
            f"{settings.tolerance:g}. Give more steps, a larger tolerance or larger betas"
        )
