"""BlindRestorer: SEN, the solver and a generator, ready to restore images of any size."""

import numbers
import time
from collections.abc import Callable
from typing import overload

from tfdeblur.errors import InvalidInput
from tfdeblur.image.tiling import blend_flows, smallest_tile
from tfdeblur.restorers.blind.image import BlindImage, BlindPlan, WorkCounter
from tfdeblur.restorers.blind.one_pass import BlindSettings
from tfdeblur.restorers.blind.results import BlindRestored, joined, single, warn
from tfdeblur.restorers.calling import Images, Told, call_on
from tfdeblur.restorers.describing import described
from tfdeblur.restorers.graph import size_multiple
from tfdeblur.restorers.images import check_image
from tfdeblur.restorers.kind import CONFIDENCE, FLOW, SOLVER, STAGES
from tfdeblur.restorers.known_flow import Flow, checked_flow
from tfdeblur.restorers.precision import chosen_precision
from tfdeblur.restorers.reading import ImageLike
from tfdeblur.restorers.tiled import TiledNetwork

# 1280 x 720 runs whole (the process peaks at 2.9 GB, full width, float32), and the matrix of
# 2560 x 1440 pixels with motions of 23 fits its third: larger pictures are solved in parts.
DEFAULT_BUDGET_BYTES = 3_000_000_000
# Pixels. SEN sees farther than networks that clean up: flows of a trained one (one stack, width
# 0.25, a photograph of GOPRO, 11 pixels on average) in tiles and as a whole differed by at most
# 9.5, 2.8, 1.7 and 0.3 pixels with overlaps of 64, 128, 192 and 256.
SEN_OVERLAP = 256


class BlindRestorer:
    """Restores photographs of unknown motion: estimates it, deconvolves and cleans up by turns.

    The networks run whole where they fit the budget, else in tiles, the solver in parts.

    Args:
        sen: estimates the motion, `(batch, h, w, 3)` -> `(batch, h, w, 2)`, such as `networks.SEN`.
        generator: cleans up, `(batch, h, w, 6)` -> `(batch, h, w, 3)`, such as
            `networks.RPGANGenerator` or `networks.BiSkip(images=2)`.
        settings: of the loop that the generator was trained in.
        passes: int >= 1, "global iterations": each further one restores the result of the last.
        levels: int, the first so many of `settings.betas`; None: all.
        tile: int, the largest side of a tile, pixels; None: as the budget allows, at most 2112.
            SEN, which sees farther, takes no smaller ones than its overlap allows.
        memory_budget_bytes: int, working memory for one image, bytes. Two thirds of it bound a
            network call, one third the matrix of the blur: where that is larger the solver takes
            the picture in overlapping parts. Only where motions are so long that no part fits is
            the blur applied without a matrix, many times slower.
        precision: "float32", "bfloat16" or "auto", of both networks (see `Restorer`); the solver
            always runs in float32.
        early_stop: whether to end before `passes` where there seems to be nothing to gain: the
            motion left in a result is below `STILL` on average, or re-blurring a result does not
            explain what it was made from (score 0; if that is a further pass, it is left out).

    Call arguments:
        image: as for `Restorer`.
        flow: the user's own motion, in the place of SEN's in the first pass: float
            `(height, width, 2)`, pixels, or a file of it; for one image only. The loop runs with
            `settings.known_betas` then.
        keep_stages: whether to return the images of all levels; for one image only.
        progress: called as `progress(done, total)` after each tile of a network and each solve.

    Returns:
        `BlindRestored`, its image of the kind of `image`. If the flow or the output of the first
        pass is degenerate (as for `Restorer`; a motion longer than the picture counts as well)
        the image is returned unchanged, with a `DegenerateOutputWarning` and confidence 0 (and no
        motion, if that is what was wrong); if that of a further one is, that pass is left out.

    Raises:
        InvalidInput: if an argument is not one of the above. `flow_files.read_flow` says what it
            raises about files.

    Warns:
        NotConvergedWarning: if a deconvolution ran out of steps.

    Source: the motion-flow paper, figure 2 and section 5. The paper ends after a fixed number of
        global iterations; stopping early without a reference is ours.
    """

    reports: frozenset[str] = frozenset({FLOW, CONFIDENCE, STAGES, SOLVER})
    source: str = ""  # where its weights come from, in words

    def __init__(
        self,
        sen,
        generator,
        settings: BlindSettings,
        *,
        passes: int = 1,
        levels: int | None = None,
        tile: int | None = None,
        memory_budget_bytes: int = DEFAULT_BUDGET_BYTES,
        precision: str = "auto",
        early_stop: bool = True,
    ):
        if not isinstance(passes, numbers.Integral) or passes < 1:
            raise InvalidInput(f"`passes` must be at least 1. Received: passes={passes!r}")
        available = len(settings.betas)
        levels = available if levels is None else levels
        if not isinstance(levels, numbers.Integral) or not 1 <= levels <= available:
            raise InvalidInput(
                f"`levels` must be 1 to {available}, as many as there are `betas`. "
                f"Received: levels={levels!r}"
            )
        self.settings: BlindSettings = settings.first_levels(levels)
        self.passes: int = passes
        self.early_stop: bool = early_stop
        self.memory_budget_bytes: int = memory_budget_bytes
        self.precision: str = chosen_precision(precision, sen, generator)
        self.matrix_budget_bytes: int = memory_budget_bytes // 3
        share = memory_budget_bytes - self.matrix_budget_bytes
        self.generator: TiledNetwork = TiledNetwork(
            generator, tile=tile, memory_budget_bytes=share, precision=self.precision, channels=6
        )
        least = smallest_tile(size_multiple(sen), SEN_OVERLAP)
        self.sen: TiledNetwork = TiledNetwork(
            sen,
            tile=None if tile is None else max(tile, least),
            memory_budget_bytes=share,
            precision=self.precision,
            outputs=2,
            overlap=SEN_OVERLAP,
            blend=blend_flows,
        )

    @overload
    def __call__(
        self,
        image: ImageLike,
        *,
        flow: Flow | None = None,
        keep_stages: bool = False,
        progress: Told = None,
    ) -> BlindRestored: ...

    @overload
    def __call__(
        self,
        image: Images,
        *,
        flow: Flow | None = None,
        keep_stages: bool = False,
        progress: Told = None,
    ) -> list[BlindRestored]: ...

    def __call__(self, image, *, flow=None, keep_stages=False, progress=None):
        """Restores an image, a batch or a list; arguments and errors: see the class."""

        def restore(one, told):
            return self._restore(one, flow, keep_stages, told)

        return call_on(restore, image, progress)

    def __repr__(self) -> str:
        networks = (self.sen.network, self.generator.network)
        turns = f"{self.levels} levels", f"{self.passes} pass{'es' if self.passes > 1 else ''}"
        return described(self, networks, self.precision, *turns)

    def _restore(
        self,
        image,
        flow: Flow | None,
        keep_stages: bool,
        progress: Callable[[int, int], None] | None,
    ) -> BlindRestored:
        start = time.perf_counter()
        image = check_image(image)
        if image.ndim == 4 and (flow is not None or keep_stages):
            raise InvalidInput(
                "`flow` and `keep_stages` are for one image, (height, width, 3). "
                f"Received: image.shape={image.shape}"
            )
        given = None if flow is None else checked_flow(flow, *image.shape[:2])
        batch = image if image.ndim == 4 else image[None]
        plan = self.plan(*batch.shape[1:3])
        counter = WorkCounter(len(batch), self._work(plan, given is not None), progress)
        found = []
        for one in batch:
            found.append(BlindImage(self, one, plan, counter, keep_stages).run(given))
            counter.finish_image()
        warn(found)
        seconds = time.perf_counter() - start
        return joined(found, seconds) if image.ndim == 4 else single(found[0], seconds)

    @property
    def levels(self) -> int:
        """Turns of solver and generator in each pass."""
        return len(self.settings.betas)

    def plan(self, height: int, width: int) -> BlindPlan:
        """Returns the tiles that both networks see an image of this size in."""
        return BlindPlan(self.sen.plan(height, width), self.generator.plan(height, width))

    def _work(self, plan: BlindPlan, known: bool) -> int:
        """Units of work of one image: tiles of SEN, solves, tiles of the generator."""
        levels = len(self.settings.betas) * (1 + plan.generator.tiles)
        return self.passes * (plan.sen.tiles + levels) - (plan.sen.tiles if known else 0)
