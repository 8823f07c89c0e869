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
        count, length: int, windows and blocks of each.
        taken: int `(count * length,)`, the block that stands at each place of all windows.
        kept: int `(blocks,)`, the place of each block: in the window whose middle is nearest.
    """

    count: Any
    length: Any
    taken: Any
    kept: Any


def lay_windows(blocks, window):
    """Covers an axis by as few windows as do, evenly placed.

    Args:
        blocks: int or scalar tensor, length of the axis.
        window: int, blocks of each; of all where that is less.

    Returns:
        Windows; None where one is known to be enough.
    """
    known = isinstance(blocks, int)
    if known and blocks <= window:
        return None
    xp = np if known else ops
    count, length = -(-blocks // window), xp.minimum(blocks, window)
    starts = xp.arange(count) * (blocks - length) // xp.maximum(count - 1, 1)
    taken = xp.reshape(starts[:, None] + xp.arange(length)[None, :], (-1,))
    ends = (starts[:-1] + length + starts[1:]) // 2
    place = xp.arange(blocks)
    at = xp.sum(xp.where(place[:, None] >= ends[None, :], 1, 0), axis=1)
    return Windows(count, length, taken, at * length + place - xp.take(starts, at))


def taken(x, windows, axis, unit):
    """`x` with its windows one after the other along `axis`."""
    return x if windows is None else _blocks(x, windows.taken, axis, unit)


def put_back(x, windows, axis, unit):
    """Undoes `taken`: each pixel from the window whose middle is nearest."""
    return x if windows is None else _blocks(x, windows.kept, axis, unit)


def _blocks(x, places, axis, unit):
    shape = ops.shape(x)
    split = (*shape[:axis], shape[axis] // unit, unit, *shape[axis + 1 :])
    found = ops.take(ops.reshape(x, split), places, axis=axis)
    return ops.reshape(found, (*shape[:axis], ops.shape(found)[axis] * unit, *shape[axis + 1 :]))
