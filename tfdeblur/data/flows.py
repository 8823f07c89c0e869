"""Random motion flows of a moving camera, for synthetic training data.

Two laws turn the parameters of a motion into a field. "gong2018" is the one of the released
generator of Gong et al., quirks included: what is called rotation there moves pixels away
from the centre, and what is called zoom moves them around it. "physical" rotates and zooms
as a camera does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.operators.flow import array_module, canonical_flow

LAWS = ("gong2018", "physical")

# Half ranges of the uniform draws of a Motion, in its order, with the rotation as an angle.
STRENGTHS = {
    "strong": (27.0, 27.0, 0.30, 0.30, 15.0, 15.0, math.pi / 70, 5e-3),
    "mild": (19.0, 19.0, 0.25, 0.25, 5.0, 5.0, math.pi / 120, 2e-3),
}
# Makes a zoom proportional to r as long as one proportional to r^1.5 at r = 400 pixels, the
# corners of a 640 x 480 image, for which the half ranges were chosen.
_ZOOM_RATE = math.sqrt(400.0)

Seed = int | Sequence[int]


@dataclass(frozen=True)
class Motion:
    """Parameters of a motion; floats, or tensors that broadcast against an image.

    Args:
        right, down: displacement at the middle of the frame, pixels.
        right_change, down_change: its relative change over the width (to the right) and
            over the height (upwards), dimensionless.
        centre_right, centre_down: shift of the centre of rotation and zoom, pixels.
        rotation: pixels of displacement per pixel of distance from the centre.
        zoom: "gong2018": pixels per pixel^1.5; "physical": pixels per pixel.
    """

    right: Any
    down: Any
    right_change: Any
    down_change: Any
    centre_right: Any
    centre_down: Any
    rotation: Any
    zoom: Any


def random_flow(
    seed: Seed,
    height: int,
    width: int,
    law: str = "gong2018",
    max_extent: float = 23,
    strength: str = "strong",
) -> np.ndarray:
    """Draws the motion flow of a frame; a pure function of its arguments.

    Args:
        seed: int >= 0 or several of them.
        height: int >= 1, pixels.
        width: int >= 1, pixels.
        law: "gong2018" (whole pixels) or "physical" (not rounded).
        max_extent: ceiling on |u| and |v|, pixels; > 0, and >= 1 for "gong2018". The papers'
            data sets have 23 and 46.
        strength: "strong" or "mild", the half ranges of the draws (`STRENGTHS`).

    Returns:
        float32 `(height, width, 2)`, pixels, canonical (u >= 0, and v >= 0 where u = 0).

    Raises:
        InvalidInput: if an argument is not what it must be.

    Source: Gong et al., CVPR 2017, sec. 4.1, and the parameters of the released generator.
        We differ: that one does not limit the extents of a field, although its data sets
        are named by a limit. Here a field whose largest component exceeds `max_extent` is
        scaled down to it as a whole, which keeps directions, before it is rounded.
    """
    return random_flow_with_factor(seed, height, width, law, max_extent, strength)[0]


def random_flow_with_factor(
    seed: Seed,
    height: int,
    width: int,
    law: str = "gong2018",
    max_extent: float = 23,
    strength: str = "strong",
) -> tuple[np.ndarray, float]:
    """`random_flow`, and the factor (0, 1] by which its field was scaled to fit."""
    motion = draw_motion(seed, height, width, law, strength)
    if not (math.isfinite(max_extent) and max_extent > 0):
        raise InvalidInput(
            f"`max_extent` must be a number of pixels above 0. Received: max_extent={max_extent!r}"
        )
    if law == "gong2018" and max_extent < 1:
        raise InvalidInput(
            "`max_extent` must be at least 1 for gong2018, whose flows are whole pixels. "
            f'Received: max_extent={max_extent!r}. Take law="physical" for less.'
        )
    columns, rows = np.arange(width, dtype=float), np.arange(height, dtype=float)[:, None]
    field = np.stack(motion_field(motion, columns, rows, height, width, law), axis=-1)
    if law == "gong2018":
        # Whole pixels below a limit between two are below the lower one.
        field, factor = fit_extent(field, math.floor(max_extent))
        field = np.round(field)
    else:
        field, factor = fit_extent(field, max_extent)
    return canonical_flow(field.astype(np.float32)), float(factor)


def draw_motion(
    seed: Seed, height: int, width: int, law: str = "gong2018", strength: str = "strong"
) -> Motion:
    """Draws the parameters of a motion, each uniform between plus and minus its half range.

    The half ranges are in pixels and do not depend on the size of the frame.

    Args:
        seed, height, width, law, strength: as in `random_flow`.

    Returns:
        Motion of floats.

    Raises:
        InvalidInput: if an argument is not what it must be.
    """
    for name, size in {"height": height, "width": width}.items():
        if isinstance(size, bool) or int(size) != size or size < 1:
            raise InvalidInput(
                f"`{name}` must be a whole number of pixels, at least 1. Received: {name}={size!r}"
            )
    # Only `random`: NumPy keeps its numbers the same over versions, and so our fields.
    motion = motion_from_uniform(random_generator(seed).random(8), law, strength)
    return Motion(**{name: float(value) for name, value in vars(motion).items()})


def motion_from_uniform(uniform: Any, law: str, strength: str = "strong") -> Motion:
    """Scales uniform random numbers to the parameters of a motion.

    Args:
        uniform: float `(..., 8)` in [0, 1), a NumPy array or a tensor. For a batch of fields
            `(batch, 1, 1, 8)`, whose parameters then broadcast against an image.
        law, strength: as in `random_flow`.

    Returns:
        Motion whose parameters have shape `(...)`.

    Raises:
        InvalidInput: if `law` or `strength` is unknown.
    """
    _check_law(law)
    if strength not in STRENGTHS:
        raise InvalidInput(
            f"`strength` must be one of {', '.join(STRENGTHS)}. Received: strength={strength!r}"
        )
    module = array_module(uniform)
    motion = Motion(
        *((2 * uniform[..., i] - 1) * limit for i, limit in enumerate(STRENGTHS[strength]))
    )
    if law == "gong2018":
        return replace(motion, rotation=module.tan(motion.rotation))
    # From half the angle before to half the angle after the middle of the exposure: the chord.
    chord = 2 * module.sin(motion.rotation / 2)
    return replace(motion, rotation=chord, zoom=_ZOOM_RATE * motion.zoom)


def motion_field(
    motion: Motion, columns: Any, rows: Any, height: Any, width: Any, law: str = "gong2018"
) -> tuple[Any, Any]:
    """The displacement of pixels during the exposure, neither limited nor rounded.

    Only arithmetic, so it takes NumPy arrays and tensors alike, and parts of a frame.

    Args:
        motion: what the camera does.
        columns: float, broadcasts against `rows`, 0 to width - 1, pixels.
        rows: float, 0 to height - 1, pixels.
        height, width: size of the whole frame, pixels; of the dtype of the others.
        law: "gong2018" or "physical".

    Returns:
        `(u, v)`, right and down, pixels, either sign.

    Raises:
        InvalidInput: if `law` is unknown.

    Source: as `random_flow`. "gong2018" sets the terms named rotation and zoom as that
        generator renders them: radial, proportional to the distance r from the centre, and
        tangential, proportional to r^1.5. "physical": a turn clockwise, tangential, and a
        zoom outwards, radial, both proportional to r.
    """
    _check_law(law)
    # The generator counts from 1, and its centre is half the size in that count.
    right = columns + 1 - width / 2 - motion.centre_right
    down = rows + 1 - height / 2 - motion.centre_down
    across = (columns + 1) / width - 0.5
    upwards = (height - rows) / height - 0.5
    u = motion.right * (1 + motion.right_change * across)
    v = motion.down * (1 + motion.down_change * upwards)
    if law == "physical":
        u = u + motion.zoom * right - motion.rotation * down
        v = v + motion.zoom * down + motion.rotation * right
        return u, v
    around = motion.zoom * ((right * right + down * down) ** 0.5) ** 0.5
    u = u - motion.rotation * right - around * down
    v = v - motion.rotation * down + around * right
    return u, v


def fit_extent(field: Any, max_extent: float) -> tuple[Any, Any]:
    """Scales every field down whose largest |component| exceeds a limit.

    Args:
        field: float `(..., height, width, 2)`, pixels; a NumPy array or a tensor.
        max_extent: limit on |u| and |v|, pixels, > 0.

    Returns:
        `(field, factor)`: same kind and shape; factor `(...)` in (0, 1], 1 where it fits.
    """
    module = array_module(field)
    largest = (np.max if module is np else module.reduce_max)(abs(field), (-3, -2, -1))
    factor = max_extent / module.maximum(largest, max_extent)
    return field * factor[..., None, None, None], factor


def border(flow: np.ndarray) -> tuple[int, int]:
    """The margin in which a blurred image depends on pixels beyond the frame.

    Args:
        flow: float `(height, width, 2)`, pixels.

    Returns:
        `(rows, columns)` to crop on each side, pixels: half the largest |v| and |u|,
        rounded down.

    Source: Gong et al., CVPR 2017, released generator.
    """
    # One component at a time: NumPy is far slower for both at once.
    columns, rows = (np.abs(flow[..., i]).max() // 2 for i in (0, 1))
    return int(rows), int(columns)


def random_generator(seed: Seed) -> np.random.Generator:
    """A generator of random numbers that is a pure function of its seed.

    Raises:
        InvalidInput: if `seed` is neither an int >= 0 nor a sequence of them.
    """
    try:
        if seed is not None:
            return np.random.default_rng(seed)
    except (TypeError, ValueError):
        pass
    raise InvalidInput(f"`seed` must be a whole number >= 0 or several. Received: seed={seed!r}")


def _check_law(law: str) -> None:
    if law not in LAWS:
        raise InvalidInput(f"`law` must be one of {', '.join(LAWS)}. Received: law={law!r}")
