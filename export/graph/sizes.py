"""Sizes of images that an export is for: what fits, what is refused before anything is written."""

from export.graph.self_check import CHECKED_SIZE
from export.graph.served import Served
from tfdeblur import limits
from tfdeblur.errors import InvalidInput
from tfdeblur.image.tiling import smallest_tile


def default_max_pixels(served: Served) -> int:
    """Pixels that a request may have where nobody said: as many as memory should hold."""
    if served.estimates_motion or served.tiling is not None:
        return limits.DEFAULT_PIXELS_OF_A_REQUEST  # they keep to a budget of their own
    return min(
        limits.DEFAULT_PIXELS_OF_A_REQUEST,
        int(limits.DEFAULT_BYTES_OF_WORK / served.bytes_per_pixel),
    )


def check_sizes(warmup, served: Served, max_pixels: int) -> None:
    """What is to be run must fit: sizes of the warm-up, and the picture of the self-check."""
    for what, size in (*(("`warmup`", size) for size in warmup), ("the self-check", CHECKED_SIZE)):
        padded = _padded(size, served.padded_to)
        if padded > max_pixels:
            raise InvalidInput(
                f"`max_pixels` must be at least {padded} for {what} of {size[0]}x{size[1]}, as "
                f"sizes count padded to multiples of {served.padded_to}. "
                f"Received: max_pixels={max_pixels}"
            )


def is_count(value) -> bool:
    """Whether it is a whole number from 1 that TensorFlow can count to."""
    return (
        isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= limits.MOST_COUNTED
    )


def _padded(size: tuple[int, int], multiple: int) -> int:
    height, width = (-(-length // multiple) * multiple for length in size)
    return height * width


def check_largest(
    served: Served, warmup: tuple[tuple[int, int], ...], fixed_tile: int | None
) -> None:
    """For networks that take one size: a server cuts no tiles."""
    most = served.largest
    sizes = [("warmup", size) for size in warmup]
    sizes += [("fixed_tile", (fixed_tile, fixed_tile))] if fixed_tile else []
    for name, size in sizes:
        if most is not None and (size[0] > most[0] or size[1] > most[1]):
            raise InvalidInput(
                f"`{name}` must be at most {most[1]}x{most[0]} pixels (width x height) for this "
                f"network, which takes that size only. Received: {size[1]}x{size[0]}"
            )


def check_tile(side, served: Served, max_pixels: int) -> None:
    """A tile must leave something beside its overlap, and be no larger than a request."""
    if side is None:
        return
    if served.estimates_motion:
        raise InvalidInput(
            "`fixed_tile` is not for RP-GAN: its solver needs whole images. Leave it out."
        )
    least = smallest_tile(*served.size_multiples.values())
    wrong = not is_count(side) or side < least or side % 32
    if wrong or _padded((side, side), served.padded_to) > max_pixels:
        raise InvalidInput(
            f"`fixed_tile` must be a multiple of 32 pixels from {least}, as tiles overlap, and its "
            f"square at most `max_pixels` = {max_pixels}. Received: fixed_tile={side!r}"
        )
