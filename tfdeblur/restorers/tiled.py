"""A network that is run on images of any size, whole or in tiles, within a memory budget."""

import numbers
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from tfdeblur.errors import InvalidInput
from tfdeblur.image.tiling import (
    OVERLAP,
    Blend,
    TilePlan,
    Tiling,
    blend_images,
    plan_tiles,
    restore_in_tiles,
    smallest_tile,
)
from tfdeblur.restorers.constants import wants_constants
from tfdeblur.restorers.graph import (
    arithmetic,
    inference_function,
    levels_function,
    operations_in_turn,
    size_multiple,
)
from tfdeblur.restorers.memory import bytes_per_pixel, give_back
from tfdeblur.restorers.precision import chosen_precision

# Pixels, the side of a tile that nobody asked for: four tiles of 3840 x 2160 where a network's
# pixels are cheapest. Bi-Skip (preset biskip) takes 1.3 to 1.5 times the seconds of the whole that
# way, and half of the memory beside what the process has anyway.
LARGEST = 2112
_UNPLANNED_PIXELS = 256 * 256  # fits every budget: no need to probe the network first


def tiles_matter(network) -> bool:
    """Whether a network restores tiles otherwise than the whole, farther in than they overlap.

    So say those that mix over the whole picture, `sees_whole_image`; group norm does as well.
    """
    return bool(getattr(network, "sees_whole_image", False)) or (
        getattr(network, "norm", "") == "group"
    )


def _check_numbers(tile: Any, memory_budget_bytes: Any, smallest: int) -> None:
    if not isinstance(memory_budget_bytes, numbers.Real):
        raise InvalidInput(
            "`memory_budget_bytes` must be a number of bytes. "
            f"Received: memory_budget_bytes={memory_budget_bytes!r}"
        )
    if tile is not None and (not isinstance(tile, numbers.Integral) or int(tile) < smallest):
        raise InvalidInput(
            f"`tile` must be at least {smallest} pixels, as tiles overlap. Received: tile={tile!r}"
        )


class TiledNetwork:
    """Runs a network on whole images where they fit the budget, else in tiles.

    Args:
        network: callable `(image, training=False)`, as for `restorers.graph.inference_function`.
        tile: int, the largest side of a tile, pixels; None: as the budget allows, up to `LARGEST`.
        memory_budget_bytes: int, working memory of one call, bytes.
        precision: as for `restorers.precision.chosen_precision`; the attribute is the chosen one.
        channels: int, of the input.
        outputs: int, channels of the output.
        overlap: int, pixels at each side of a tile that a neighbour covers too; None: as many as
            the network needs, its `overlap`, or `image.tiling.OVERLAP` where it has none.
        blend: how neighbouring tiles fade into each other, see `image.tiling`.

    Raises:
        InvalidInput: if `precision` is unknown, `tile` leaves nothing beside the overlap, or one of
            the numbers is none.
    """

    def __init__(
        self,
        network,
        *,
        tile: int | None,
        memory_budget_bytes: int,
        precision: str,
        channels: int = 3,
        outputs: int = 3,
        overlap: int | None = None,
        blend: Blend = blend_images,
    ):
        precision = chosen_precision(precision, network)
        self._multiple = size_multiple(network)
        overlap = int(getattr(network, "overlap", OVERLAP)) if overlap is None else overlap
        smallest = smallest_tile(self._multiple, overlap)
        _check_numbers(tile, memory_budget_bytes, smallest)
        self.network = network
        self.tile = tile
        self.memory_budget_bytes = memory_budget_bytes
        self.precision = precision
        self.channels = channels
        self.outputs = outputs
        self.overlap = overlap
        self.blend = blend
        self._function = inference_function(network, channels)
        self._made: list = []  # of these functions, those whose graphs are there

    @cached_property
    def max_pixels(self) -> int:
        """Pixels that one call may have within the budget.

        Where tiles change the result they are those of float32 in any arithmetic, which is then
        no more than arithmetic: the preset `maxim` seemed to lose 0.12 dB by bfloat16, and lost
        it by larger tiles.
        """
        planned = "float32" if tiles_matter(self.network) else self.precision
        per_pixel = bytes_per_pixel(self.network, planned, self.channels)
        return int(self.memory_budget_bytes / per_pixel)

    @property
    def tiling(self) -> Tiling:
        """What the tiles of images are that do not fit every budget anyway."""
        tile = self.tile
        if tile is None:
            tile = max(LARGEST, smallest_tile(self._multiple, self.overlap))
        return Tiling(tile, self.max_pixels, self._multiple, self.overlap)

    def plan(self, height: int, width: int) -> TilePlan:
        """Returns the tiles that an image of this size is cut into."""
        small = height * width <= _UNPLANNED_PIXELS
        tiling = Tiling(self.tile, None, self._multiple, self.overlap) if small else self.tiling
        return plan_tiles(height, width, **tiling._asdict())

    def run(self, images: np.ndarray) -> np.ndarray:
        """The network on `(batch, h, w, channels)` float32, as a whole; not clipped."""
        with arithmetic(self.precision), operations_in_turn(self.network):
            self._make(self._function, images)
            return self._function(tf.constant(images)).numpy()

    def _make(self, function, images: np.ndarray) -> None:
        """Makes a graph that holds its weights, once, on a single pixel.

        TensorFlow copies such a graph several times on the way, which leaves 0.3 GB of freed memory
        with the C library; it goes before the tensors of a large image come.
        """
        if function in self._made or not wants_constants(self.network):
            return
        function(tf.constant(images[:1, :1, :1]))
        give_back()
        self._made.append(function)

    @cached_property
    def _levels_function(self):
        return levels_function(self.network, self.channels)

    def run_levels(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The network on uint8 `(batch, h, w, channels)`, in float32, as a whole.

        Returns:
            uint8, clipped and rounded; and float32 `(batch,)`, the mean change of each image.
        """
        with arithmetic("float32"), operations_in_turn(self.network):
            self._make(self._levels_function, images)
            levels, change = self._levels_function(tf.constant(images))
            return levels.numpy(), change.numpy()

    def in_tiles(
        self,
        image: np.ndarray,
        plan: TilePlan,
        run: Callable[[np.ndarray], np.ndarray] | None = None,
        after_tile: Callable[[], None] = lambda: None,
    ) -> np.ndarray:
        """The network on one image `(height, width, channels)`, tile by tile.

        Args:
            image: of any kind that `run` takes.
            plan: from `plan`, for this size.
            run: on batches, in the place of this class's own.
            after_tile: called after each tile.

        Returns:
            float32 `(height, width, outputs)`, not clipped.
        """
        run = self.run if run is None else run
        return restore_in_tiles(
            image,
            plan,
            lambda tile: run(tile[None])[0],
            after_tile,
            channels=self.outputs,
            blend=self.blend,
        )
