"""Images that a service takes in parts only: how they are cut, sent several at a time, blended."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.image.tiling import (
    OVERLAP,
    TilePlan,
    blend_flows,
    blend_images,
    plan_tiles,
    restore_in_tiles,
    smallest_tile,
)

# A client does not know the network: 64 is a multiple of the stride of each that is shipped.
STRIDE = 64  # pixels

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def plan_by_pixels(height: int, width: int, max_pixels: int, overlap: int = OVERLAP) -> TilePlan:
    """Covers an image by tiles of at most `max_pixels`; by one where it has no more itself.

    Models count an image as they pad it, so it is counted here as padded to `STRIDE`. Where that
    is too much, but the image itself is not, and tiles cannot be that small, it is sent whole.

    Raises:
        InvalidInput: if `max_pixels` does not hold a tile with its overlap.
    """
    least = smallest_tile(STRIDE, overlap)
    room = max_pixels if max_pixels >= least**2 else 0
    if padded_pixels(height, width) <= room or height * width <= max_pixels < least**2:
        return TilePlan(height, width, height, width, (0,), (0,))
    if max_pixels < least**2:
        raise InvalidInput(
            f"`max_pixels` must be at least {least**2} ({least} x {least}) for an image that is "
            f"larger, as tiles overlap by {overlap} at each side. Received: max_pixels={max_pixels}"
        )
    return plan_tiles(height, width, max_pixels=max_pixels, multiple=STRIDE, overlap=overlap)


def padded_pixels(height: int, width: int) -> int:
    """Pixels of an image as a model that pads to multiples of `STRIDE` counts them."""
    return (-(-height // STRIDE) * STRIDE) * (-(-width // STRIDE) * STRIDE)


def plan_by_side(height: int, width: int, side: int, overlap: int = OVERLAP) -> TilePlan:
    """Covers an image by tiles of exactly `side` x `side` pixels.

    Returns:
        A plan for the image extended to the plan's `height` and `width` (see `extended`).

    Raises:
        InvalidInput: if a tile leaves nothing beside its overlap.
    """
    grain = STRIDE if side % STRIDE == 0 else 1
    if side < 2 * overlap + grain:
        raise InvalidInput(
            f"`overlap` must leave something of the model's tiles of {side} pixels. "
            f"Received: overlap={overlap}"
        )
    axes = []
    for length in (height, width):
        padded = max(side, -(-length // grain) * grain)
        stride = (side - 2 * overlap) // grain * grain
        steps = max(1, -(-(padded - side) // stride))
        starts = ((padded - side) * i // (steps * grain) * grain for i in range(steps + 1))
        axes.append((padded, tuple(sorted(set(starts)))))
    (rows_end, rows), (columns_end, columns) = axes
    return TilePlan(rows_end, columns_end, side, side, rows, columns)


def extended(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """`image` mirrored at its lower and right edge, as often as it takes, to this size."""
    more = (height - image.shape[0], width - image.shape[1])
    return (
        image if not any(more) else np.pad(image, ((0, more[0]), (0, more[1]), (0, 0)), "reflect")
    )


def send_tiles(
    image: np.ndarray,
    plan: TilePlan,
    send: Callable[[np.ndarray], np.ndarray],
    executor: Executor,
    concurrency: int,
    *,
    channels: int,
    after_tile: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """Restores an image in tiles, several of them under way at a time.

    Args:
        image: `(height, width, 3)`, of the size of `plan`.
        send: maps a tile to `(h, w, channels)` of any real type: picture (3 channels), then
            motion flow (2), then others.
        executor: runs `send`.
        concurrency: int >= 1, tiles under way at a time.
        after_tile: called after each tile, in this thread.

    Returns:
        float32 `(height, width, channels)`, in the units of what `send` returned. As many tiles
        are held at a time as are under way.
    """
    tiles = (
        image[top : top + plan.tile_height, left : left + plan.tile_width]
        for top in plan.rows
        for left in plan.columns
    )
    with Ahead(executor, send, tiles, concurrency) as results:
        return restore_in_tiles(
            image,
            plan,
            lambda tile: next(results),  # asked for in the same order
            after_tile,
            channels=channels,
            blend=_blend,
        )


class Ahead(Iterator[_Out]):
    """`map(function, values)`, some calls ahead of the reader; leaving it cancels the rest."""

    def __init__(
        self,
        executor: Executor,
        function: Callable[[_In], _Out],
        values: Iterable[_In],
        concurrency: int,
    ):
        self._calls = (executor.submit(function, value) for value in values)
        self._concurrency = concurrency
        self._waiting: deque[Future[_Out]] = deque()

    def __next__(self) -> _Out:
        while len(self._waiting) < self._concurrency:
            call = next(self._calls, None)
            if call is None:
                break
            self._waiting.append(call)
        if not self._waiting:
            raise StopIteration
        return self._waiting.popleft().result()

    def __enter__(self) -> "Ahead[_Out]":
        return self

    def __exit__(self, *error: object) -> None:
        for call in self._waiting:
            call.cancel()


def _blend(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Fades pictures and all else plainly; motion flows, channels 3 and 4, by their nearer sign."""
    blended = blend_images(first, second.astype(np.float32, copy=False), weights)
    if first.shape[-1] > 4:
        blended[..., 3:5] = blend_flows(first[..., 3:5], second[..., 3:5], weights)
    return blended
