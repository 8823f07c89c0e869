"""Windows that MAXIM's grid is laid over, where an image has more than one (keras only).

The published network cuts any image into 16 x 16 cells, so a large image has cells far larger than
those it was taught with. Chu et al., Improving Image Restoration by Revisiting Global Information
Aggregation, ECCV 2022, arXiv:2112.04491, give such networks the size of training back.
"""

from typing import Any, NamedTuple

import numpy as np
from keras import ops

BLOCK = 64  # pixels at full size; windows begin and end at multiples of them


class Cells(NamedTuple):
    """What is mixed at one scale.

    Args:
        size: int, cells of the grid along each axis, and pixels of a block.
        unit: int, pixels that `BLOCK` pixels at full size have at this scale.
    """

    size: int
    unit: int


class Windows(NamedTuple):
    """How one axis is cut: equally long windows that overlap where it is no multiple of them.

    Args:
        count: int, windows.
        taken: int `(count * length,)`, the block that stands at each place of all windows.
        cells: int `(count, made)`, of each window those cells of the grid that are wanted of it;
            None: all.
        kept: int `(blocks,)`, where each block stands in the wanted cells of all windows: of the
            window whose middle is nearest.
    """

    count: Any
    taken: Any
    cells: Any
    kept: Any


ONE_WINDOW = Windows(1, None, None, None)  # the whole axis; nothing is moved


def lay_windows(blocks, window, size):
    """Covers an axis by as few windows as do, evenly placed.

    Args:
        blocks: int or scalar tensor, length of the axis.
        window: int, blocks of each; of all where that is less.
        size: int, cells of the grid along the axis. Where it is a multiple of `window`, cells that
            nobody keeps are left out.
    """
    known = isinstance(blocks, int)
    if known and blocks <= window:
        return ONE_WINDOW
    xp = np if known else ops
    count, length = -(-blocks // window), xp.minimum(blocks, window)
    starts = xp.arange(count) * (blocks - length) // xp.maximum(count - 1, 1)
    # Block `ends[i]` is the first that is nearer to the next window's middle than to this one's.
    ends = (starts[:-1] + length + starts[1:]) // 2
    begins = xp.concatenate([xp.zeros_like(starts[:1]), ends])
    most = xp.max(xp.concatenate([ends, xp.zeros_like(starts[:1]) + blocks]) - begins)
    most = most if size % window == 0 else length
    first = xp.minimum(begins - starts, length - most)  # of the wanted blocks in each window
    # Windows of more than one have `size / window` cells a block; a single one has all its own.
    some = (count > 1) & (size % window == 0)
    made = xp.where(some, most * (size // window), size)
    cells = first[:, None] * (size // window) + xp.arange(made)[None, :]
    place = xp.arange(blocks)
    at = xp.sum(xp.where(place[:, None] >= ends[None, :], 1, 0), axis=1)
    kept = at * most + place - xp.take(starts + first, at)
    taken = xp.reshape(starts[:, None] + xp.arange(length)[None, :], (-1,))
    return Windows(count, taken, cells, kept)


def blocks_at(x, places, axis, unit):
    """The blocks of `unit` pixels along `axis` that stand at `places`; all where that is None."""
    if places is None:
        return x
    shape = ops.shape(x)
    split = (*shape[:axis], shape[axis] // unit, unit, *shape[axis + 1 :])
    found = ops.take(ops.reshape(x, split), places, axis=axis)
    return ops.reshape(found, (*shape[:axis], ops.shape(found)[axis] * unit, *shape[axis + 1 :]))
