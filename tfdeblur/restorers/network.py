"""Restorer: a network, ready to restore images of any size within a memory budget."""

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Unpack, overload

import numpy as np

from tfdeblur.image.levels import to_float
from tfdeblur.image.tiling import TilePlan, Tiling
from tfdeblur.models.shipped import default_model
from tfdeblur.restorers.calling import Images, Told, call_on
from tfdeblur.restorers.describing import described
from tfdeblur.restorers.images import MAX_MEAN_CHANGE, as_kind, check_image, is_degenerate
from tfdeblur.restorers.memory import DEFAULT_BUDGET_BYTES
from tfdeblur.restorers.open import open_restorer
from tfdeblur.restorers.options import Options, Precision
from tfdeblur.restorers.protocol import DegenerateOutputWarning, Restored
from tfdeblur.restorers.reading import ImageLike
from tfdeblur.restorers.tiled import TiledNetwork

if TYPE_CHECKING:
    from tfdeblur.restorers.blind.restorer import BlindRestorer
    from tfdeblur.restorers.passes import InPasses


class Restorer:
    """Restores images with a network, whole where they fit the budget, else in tiles.

    Args:
        network: callable `(image, training=False)`: float32 `(batch, height, width, 3)` in
            [0, 1] to the same shape, such as `tfdeblur.networks.BiSkip`.
        tile: int, the largest side of a tile, pixels; None: as the budget allows, at most 2112.
            Networks that normalise over the whole picture (`norm="group"`) restore tiles a little
            differently than the whole; those with batch norm or none do not.
        memory_budget_bytes: int, working memory of one network call, bytes. The default
            keeps a process that restores 3840 x 2160 below 3 GB.
        precision: "float32"; "bfloat16", for CPUs that have AVX-512 BF16 or AMX (see
            `restorers.graph.arithmetic`; on GPUs use a Keras policy); or "auto": bfloat16 on
            those where `network.bfloat16_costs_db`, which the card of a preset says, is below
            `restorers.precision.MOST_COST_DB`, else float32. The attribute is what was chosen.
        self_ensemble: whether to average over the 8 turns and mirrorings of each image
            (8 times the work, slightly better results).

    Call arguments:
        image: `(height, width, 3)` or `(batch, height, width, 3)`, at least 1 x 1; float in
            [0, 1], uint8 or uint16 over their full range. Or the path of a file, an image of
            Pillow, or a list of any of these, whose sizes may differ (`restorers.calling`).
        progress: called as `progress(done_tiles, total_tiles)` after each tile, for a list as
            `progress(done_images, total_images)`; True: a line on stderr.

    Returns:
        `Restored`, or a list of them for a list. The output for an image is degenerate if any
        value is NaN or infinite, or if it differs from the input by more than `MAX_MEAN_CHANGE`
        on average, before clipping. Such an image is returned unchanged, with a
        `DegenerateOutputWarning`.

    Raises:
        InvalidInput: if an argument is not one of the above.
    """

    reports: frozenset[str] = frozenset()
    source: str = ""  # where its weights come from, in words

    def __init__(
        self,
        network,
        *,
        tile: int | None = None,
        memory_budget_bytes: int = DEFAULT_BUDGET_BYTES,
        precision: str = "auto",
        self_ensemble: bool = False,
    ):
        self.network = network
        self.tile = tile
        self.memory_budget_bytes = memory_budget_bytes
        self.self_ensemble = self_ensemble
        self._tiled = TiledNetwork(
            network, tile=tile, memory_budget_bytes=memory_budget_bytes, precision=precision
        )
        self.precision: str = self._tiled.precision

    @overload
    @classmethod
    def from_preset(
        cls,
        name_or_path: Literal["maxim", "maxim-gopro", "biskip", "biskip-fast"] | None = None,
        *,
        tile: int | None = ...,
        memory_budget_bytes: int | None = ...,
        precision: Precision = ...,
        self_ensemble: bool = ...,
    ) -> "Restorer": ...

    @overload
    @classmethod
    def from_preset(
        cls, name_or_path: str | os.PathLike[str] | None = None, **options: Unpack[Options]
    ) -> "Restorer | InPasses | BlindRestorer": ...

    @classmethod
    def from_preset(cls, name_or_path=None, **options):
        """Opens a shipped preset, a preset's folder, a run folder or a `.keras` file.

        Args:
            name_or_path: name of a folder in `tfdeblur/weights`; or path of a folder that
                `preset_files.save_preset` wrote, of a run folder (it holds `generator.keras`)
                or of a `.keras` file. None: `models.shipped.DEFAULT_PRESET`.
            **options: those of `restorers.options.RestoringOptions` that the model's kind takes;
                here `tile`, `memory_budget_bytes`, `precision`, `self_ensemble` and `passes`.

        Returns:
            `Restorer`, `InPasses` where several are asked for, or the restorer of another kind:
            `restorers.blind.restorer.BlindRestorer` for a folder of RP-GAN.

        Raises:
            InvalidInput: if nothing of that name exists, or an option is not for this model.
            DataError: if a run has no networks yet, a file cannot be loaded, or this
                installation lacks the default preset.
        """
        return open_restorer(default_model() if name_or_path is None else name_or_path, options)

    @overload
    def __call__(self, image: ImageLike, *, progress: Told = None) -> Restored: ...

    @overload
    def __call__(self, image: Images, *, progress: Told = None) -> list[Restored]: ...

    def __call__(self, image, *, progress=None):
        """Restores an image, a batch or a list; arguments and errors: see the class."""
        return call_on(self._restore, image, progress)

    def __repr__(self) -> str:
        ensemble = ("self-ensemble",) if self.self_ensemble else ()
        return described(self, self.network, self.precision, *ensemble)

    def plan(self, height: int, width: int) -> TilePlan:
        """Returns the tiles that an image of this size is restored in."""
        return self._tiled.plan(height, width)

    @cached_property
    def max_pixels(self) -> int:
        """Pixels that one network call may have within the budget."""
        return self._tiled.max_pixels

    @property
    def tiling(self) -> Tiling:
        """What its tiles are, where an image is cut."""
        return self._tiled.tiling

    def _restore(self, image, progress: Callable[[int, int], None] | None) -> Restored:
        start = time.perf_counter()
        image = check_image(image)
        batch = image if image.ndim == 4 else image[None]
        plan = self.plan(*batch.shape[1:3])
        counter = _Counter(plan.tiles * len(batch), progress)
        restored = np.empty_like(batch)
        degenerate: list[bool] = []
        for part in self._parts(len(batch), plan):
            degenerate += self._restore_part(batch[part], restored[part], plan, counter)
        if any(degenerate):
            places = [i for i, bad in enumerate(degenerate) if bad]
            of = f"images {places} of the batch" if image.ndim == 4 else "the image"
            warnings.warn(
                f"The network's output for {of} is degenerate (not finite, or changed by more "
                f"than {MAX_MEAN_CHANGE} on average); the input is returned in its place.",
                DegenerateOutputWarning,
                stacklevel=5,  # the caller of `__call__`
            )
        return Restored(
            image=restored.reshape(image.shape),
            seconds=time.perf_counter() - start,
            degenerate=tuple(degenerate) if image.ndim == 4 else degenerate[0],
        )

    def _parts(self, images: int, plan: TilePlan):
        """Slices of a batch that are restored together: several small images at once."""
        together = 1
        if plan.tiles == 1 and images > 1:
            together = max(1, self.max_pixels // plan.tile_pixels)
        return (slice(i, i + together) for i in range(0, images, together))

    def _restore_part(self, images, restored, plan, counter) -> list[bool]:
        """Restores images into `restored`; says for each whether it was degenerate."""
        if self._rounds_in_graph(images, plan):
            levels, changes = self._tiled.run_levels(images)
            bad = [not change <= MAX_MEAN_CHANGE for change in changes]
            for image, result, target, is_bad in zip(images, levels, restored, bad, strict=True):
                target[...] = image if is_bad else result
                counter.advance()
            return bad
        if plan.tiles == 1:
            results = list(self._run(images))
            for _ in images:
                counter.advance()
        else:
            results = [
                self._tiled.in_tiles(image, plan, self._run, counter.advance) for image in images
            ]
        degenerate = []
        for image, result, target in zip(images, results, restored, strict=True):
            degenerate.append(is_degenerate(image, result))
            target[...] = image if degenerate[-1] else as_kind(result, image.dtype)
        return degenerate

    def _rounds_in_graph(self, images: np.ndarray, plan: TilePlan) -> bool:
        """Whether the graph may round: not what is averaged or blended later, nor in bfloat16."""
        whole = plan.tiles == 1 and not self.self_ensemble
        return whole and images.dtype == np.uint8 and self.precision == "float32"

    def _run(self, images: np.ndarray) -> np.ndarray:
        """Runs the network on `(batch, h, w, 3)` of any kind; float32, not clipped."""
        images = to_float(images)
        if not self.self_ensemble:
            return self._tiled.run(images)
        total = np.zeros_like(images)
        for turns in range(4):
            for mirrored in (1, -1):
                turned = np.rot90(images[:, :, ::mirrored], turns, axes=(1, 2))
                total += np.rot90(self._tiled.run(turned), -turns, axes=(1, 2))[:, :, ::mirrored]
        return total / 8


@dataclass
class _Counter:
    """Counts tiles and tells the caller."""

    total: int
    progress: Callable[[int, int], None] | None
    done: int = 0

    def advance(self) -> None:
        self.done += 1
        if self.progress:
            self.progress(self.done, self.total)
