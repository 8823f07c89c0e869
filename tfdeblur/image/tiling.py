"""Restoring a large image in tiles: plan, cut, feathered blend.

All tiles of a plan have one size, so a network meets one shape. They start at multiples of
the network's own stride, so its pooling grids fall as they would on the whole image. In the
zone that two tiles share, the outer part of each is thrown away (a network's result near a
border lacks context) and a cos^2 ramp in the middle leads from one to the other; there is no
ramp at the image's border. Tiles are asked for one after the other and blended by
`a + weight * (b - a)`: weights sum to 1 by construction, and equal tiles blend exactly.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tfdeblur.errors import InvalidInput

OVERLAP = 64  # pixels at each side of a tile that a neighbour covers too
RAMP = 32  # pixels over which one tile fades into the next
GRAIN = 32  # tile sizes are multiples of this, pixels

# (first, second, weights of the second) -> blended, all `(rows, columns, channels)` or broadcast
Blend = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


class Tiling(NamedTuple):
    """What tiles must be; the arguments of `plan_tiles` beside the size of the image.

    Attributes:
        tile: int, the largest side of a tile, pixels; or None.
        max_pixels: int, the most pixels of a tile, or None. The whole image is one tile
            where it fits both limits.
        multiple: int >= 1, the network's stride, pixels.
        overlap: int, pixels at each side of a tile that a neighbour covers too; at least
            the reach of the network's context, plus half of `RAMP`.
    """

    tile: int | None = None
    max_pixels: int | None = None
    multiple: int = 16
    overlap: int = OVERLAP


@dataclass(frozen=True)
class TilePlan:
    """Where the tiles of one image lie.

    Attributes:
        height, width: int, pixels of the image.
        tile_height, tile_width: int, pixels of every tile; more than the image where that
            is no multiple of the network's stride: the tile is then cut at the border, for
            the network's own padding to fill.
        rows, columns: first row (column) of each tile, from 0, growing.
    """

    height: int
    width: int
    tile_height: int
    tile_width: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return len(self.rows) * len(self.columns)

    @property
    def tile_pixels(self) -> int:
        """Pixels of one tile, padding included."""
        return self.tile_height * self.tile_width


def smallest_tile(multiple: int = 16, overlap: int = OVERLAP) -> int:
    """The smallest side a tile can have, pixels, for a network of this stride."""
    grain = math.lcm(GRAIN, multiple)
    return -(-(2 * overlap + grain) // grain) * grain


def plan_tiles(
    height: int,
    width: int,
    *,
    tile: int | None = None,
    max_pixels: int | None = None,
    multiple: int = 16,
    overlap: int = OVERLAP,
) -> TilePlan:
    """Covers an image by as little work as fits the limit.

    Args:
        height, width: int >= 1, pixels.
        tile, max_pixels, multiple, overlap: see `Tiling`.

    Raises:
        InvalidInput: if a limit is too small for the overlap.
    """
    grain = math.lcm(GRAIN, multiple)
    heights = _axis_choices(height, grain, multiple, overlap)
    widths = _axis_choices(width, grain, multiple, overlap)
    best = None
    for tile_height, rows in heights:
        for tile_width, columns in widths:
            area = tile_height * tile_width
            if tile is not None and max(tile_height, tile_width) > max(tile, multiple):
                continue
            if max_pixels is not None and area > max_pixels:
                continue
            cost = (area * len(rows) * len(columns), len(rows) * len(columns))
            if best is None or cost < best[0]:
                best = cost, TilePlan(height, width, tile_height, tile_width, rows, columns)
            break  # more columns only add overlap
    if best is None:
        smallest = smallest_tile(multiple, overlap)
        text = (
            f"`tile` must be at least {smallest} pixels, and the memory budget must hold "
            f"{smallest} x {smallest} pixels: tiles overlap by {overlap} at each side. "
            f"Received: tile={tile}, pixels within the budget={max_pixels}"
        )
        if max_pixels is not None and 0 < max_pixels < smallest**2:
            times = math.ceil(10 * smallest**2 / max_pixels) / 10
            text += f". Give a memory budget {times:g} times as large."
        raise InvalidInput(text)
    return best[1]


def _axis_choices(
    length: int, grain: int, multiple: int, overlap: int
) -> list[tuple[int, tuple[int, ...]]]:
    """Ways to cover one axis, fewest tiles first: `(tile length, starts)`."""
    padded = -(-length // multiple) * multiple
    choices: list[tuple[int, tuple[int, ...]]] = [(padded, (0,))]
    size, smallest = padded, smallest_tile(multiple, overlap)
    count = 2
    while size > smallest:
        # n tiles that share 2 * overlap cover n * size - (n - 1) * 2 * overlap.
        size = -(-(padded + (count - 1) * 2 * overlap) // (count * grain)) * grain
        size = max(size, smallest)
        starts = _starts(padded, size, multiple, overlap)
        if size < choices[-1][0]:
            choices.append((size, starts))
        count += 1
    return choices


def _starts(padded: int, size: int, multiple: int, overlap: int) -> tuple[int, ...]:
    """Evenly spread starts, each a multiple of `multiple`, neighbours sharing 2 * overlap."""
    if size >= padded:
        return (0,)
    stride = (size - 2 * overlap) // multiple * multiple
    steps = -(-(padded - size) // stride)
    return tuple((padded - size) * i // (steps * multiple) * multiple for i in range(steps + 1))


def ramp_weights(first_end: int, second_start: int) -> tuple[int, np.ndarray]:
    """Where one tile fades into the next along an axis.

    Args:
        first_end, second_start: int, pixels: the zone that both tiles cover is
            `second_start..first_end`.

    Returns:
        Start of the ramp, pixels, and float32 weights of the second tile along it; before
        the ramp they are 0, after it 1. The first tile's are one minus these.
    """
    shared = first_end - second_start
    length = min(RAMP, shared)
    angle = (np.arange(length) + 0.5) / max(length, 1) * (np.pi / 2)
    start = second_start + (shared - length) // 2
    return start, np.square(np.sin(angle)).astype(np.float32)


def blend_images(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Fades from one picture into another, float32; where both are equal they stay exactly so."""
    return first + weights * (second - first)


def blend_flows(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Fades from one motion flow into another, float32 `(rows, columns, 2)`, pixels.

    (u, v) and (-u, -v) are the same blur, and estimates of two tiles may differ in that: the
    second takes the sign that is nearer to the first, else their mean would be no motion at all.
    """
    opposite = np.sum(first * second, axis=-1, keepdims=True) < 0
    return blend_images(first, np.where(opposite, -second, second), weights)


def restore_in_tiles(
    image: np.ndarray,
    plan: TilePlan,
    restore_tile: Callable[[np.ndarray], np.ndarray],
    after_tile: Callable[[], None] = lambda: None,
    *,
    channels: int | None = None,
    blend: Blend = blend_images,
) -> np.ndarray:
    """Restores the tiles of `image` one after the other and blends them.

    At any time one tile, one row of tiles and the result are held.

    Args:
        image: `(height, width, channels)`, any dtype `restore_tile` takes.
        plan: from `plan_tiles`, for this size.
        restore_tile: maps `(h, w, channels)` to float32 of the same size. Tiles at the lower
            and right border may be smaller than the plan's by less than the stride.
        after_tile: called after each tile.
        channels: int, of what `restore_tile` returns; None: as many as `image` has.
        blend: how neighbours fade into each other: `blend_images` or `blend_flows`.

    Returns:
        float32 `(height, width, channels)`, as `restore_tile` returned it, not clipped.
    """
    channels = image.shape[-1] if channels is None else channels
    result = np.empty((*image.shape[:2], channels), np.float32)
    done = 0  # rows before this are final or hold the tile row above
    for i, top in enumerate(plan.rows):
        bottom = min(top + plan.tile_height, plan.height)
        strip = np.empty((bottom - top, *result.shape[1:]), np.float32)
        _restore_row(image[top:bottom], strip, plan, restore_tile, after_tile, blend)
        end = plan.rows[i - 1] + plan.tile_height if i else None
        _blend(result, strip, top, end, done, blend)
        done = bottom
    return result


def _restore_row(image, strip, plan, restore_tile, after_tile, blend):
    """Fills `strip` from the tiles of one row of them."""
    columns = strip.swapaxes(0, 1)
    done = 0
    for j, left in enumerate(plan.columns):
        right = min(left + plan.tile_width, plan.width)
        restored = np.asarray(restore_tile(image[:, left:right]))
        end = plan.columns[j - 1] + plan.tile_width if j else None
        _blend(columns, restored.swapaxes(0, 1), left, end, done, blend)
        done = right
        after_tile()


def _blend(target, piece, start, previous_end, done, blend):
    """Lays `piece` into `target` from `start` on, along axis 0, in place."""
    stop = start + len(piece)
    if previous_end is None:
        target[start:stop] = piece
        return
    ramp_start, weights = ramp_weights(min(previous_end, done), start)
    ramp_end = ramp_start + len(weights)
    zone = target[ramp_start:ramp_end]
    zone[...] = blend(zone, piece[ramp_start - start : ramp_end - start], weights[:, None, None])
    target[ramp_end:stop] = piece[ramp_end - start :]
