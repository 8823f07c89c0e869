"""Random camera shake: a smooth path of the camera and how it moves every pixel."""

import math

import cv2
import numpy as np

from tfdeblur.data.flows import Seed, random_generator
from tfdeblur.errors import InvalidInput

# A path is a sum of waves of one half, two halves, ... periods over the exposure, the faster
# the smaller: a drift with some tremor on it.
_WAVES = 3
# Sizes of the path's coordinates relative to each other: turns about the three axes, radians,
# and translations along them, in units of the distance to the scene. A hand mostly turns.
_SIZES = np.array([1.0, 1.0, 1.0, 0.3, 0.3, 0.3])
_SMALLEST_PART = 0.25  # of the largest extent
_FINE_STEPS = 256


def random_shake(
    seed: Seed,
    height: int,
    width: int,
    max_extent: float = 23,
    samples: int | None = None,
    focal_length: float | None = None,
) -> np.ndarray:
    """Draws a camera shake; a pure function of its arguments.

    The camera turns and moves (six coordinates) in front of a plane parallel to the sensor.
    Each pose maps the frame to itself by a homography. Displacements count from the middle
    of the exposure, where they are 0: the sharp image is the one that a short exposure would
    have taken then, as the middle frame is of averaged frames. Their mean is not 0.

    Args:
        seed: int >= 0 or several of them.
        height: int >= 1, pixels.
        width: int >= 1, pixels.
        max_extent: > 0, ceiling on width and height of the box around a pixel's path, pixels.
            The largest box of a shake is uniform between a quarter of it and all of it.
        samples: int >= 1, poses, at equal intervals of time; None: as many as bring them
            within a pixel of each other everywhere. The path is the same for any number.
        focal_length: >= 4 `max_extent`, so that turns stay small, pixels; None: the longer side
            of the frame, at least 8 `max_extent`.

    Returns:
        float32 `(samples, height, width, 2)`, pixels, u right and v down, for
        `operators.PathBlur`.

    Raises:
        InvalidInput: if an argument is not what it must be.

    Source: the six-dimensional paths that Köhler et al., ECCV 2012, recorded of shaking hands;
        the random path is ours and is not fitted to them.
    """
    if not 0 < max_extent < math.inf:
        raise InvalidInput(
            f"`max_extent` must be above 0 pixels. Received: max_extent={max_extent!r}"
        )
    if focal_length is None:
        focal_length = float(max(height, width, 8 * max_extent))
    if not 4 * max_extent <= focal_length < math.inf:
        raise InvalidInput(
            f"`focal_length` must be at least 4 `max_extent`, {4 * max_extent:g} pixels. "
            f"Received: focal_length={focal_length!r}"
        )
    for name, count in {"height": height, "width": width, "samples": samples}.items():
        if count is not None and (int(count) != count or count < 1):
            raise InvalidInput(
                f"`{name}` must be a whole number, at least 1. Received: {name}={count!r}"
            )
    uniform = random_generator(seed).random(1 + 2 * _WAVES * len(_SIZES))
    extent = max_extent * (_SMALLEST_PART + (1 - _SMALLEST_PART) * uniform[0])
    waves = uniform[1:].reshape(2, _WAVES, len(_SIZES))

    right, down = (width - 1) / 2, (height - 1) / 2
    corners = np.array([-right, right]), np.array([-down, down])[:, None]
    fine = _path(waves, np.linspace(0, 1, _FINE_STEPS + 1))
    scale = _scale_to(extent, fine, *corners, focal_length)
    if samples is None:
        steps = np.diff(_displacements(scale * fine, *corners, focal_length), axis=0)
        speed = _FINE_STEPS * np.linalg.norm(steps, axis=-1).max()  # pixels per exposure
        samples = max(1, math.ceil(speed))
    poses = scale * _path(waves, (np.arange(samples) + 0.5) / samples)
    columns, rows = np.arange(width) - right, np.arange(height)[:, None] - down
    return _displacements(poses, columns, rows, focal_length)


def _path(waves: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Poses `(times, 6)` relative to the one at time 1/2, the middle of the exposure."""
    amplitudes, phases = 2 * waves[0] - 1, 2 * np.pi * waves[1]

    def poses(times: np.ndarray) -> np.ndarray:
        number = np.arange(1, _WAVES + 1)[:, None]
        angles = np.pi * number * times[:, None, None] + phases
        return _SIZES * (amplitudes / number**2 * np.cos(angles)).sum(axis=1)

    return poses(times) - poses(np.array([0.5]))


def _scale_to(
    extent: float, poses: np.ndarray, columns: np.ndarray, rows: np.ndarray, focal_length: float
) -> float:
    """The factor for `poses` with which the largest box around a path has the given extent.

    Paths are longest at the corners of the frame, so these are enough.
    """
    # Displacements are proportional to small poses; each round mends what is left of that.
    scale = 1e-3 / focal_length
    for _ in range(5):
        paths = _displacements(scale * poses, columns, rows, focal_length)
        scale *= extent / np.ptp(paths, axis=0).max()
    return 0.999 * scale


def _displacements(
    poses: np.ndarray, columns: np.ndarray, rows: np.ndarray, focal_length: float
) -> np.ndarray:
    """How poses `(samples, 6)` move pixels given relative to the optical axis.

    Returns:
        float32 `(samples, height, width, 2)`, pixels.
    """
    size = np.broadcast_shapes(columns.shape, rows.shape)
    moved = np.empty((len(poses), *size, 2), np.float32)
    for pose, displacement in zip(poses, moved, strict=True):
        # A plane at distance 1: points X become R X + t (0, 0, 1) X.
        homography = cv2.Rodrigues(pose[:3])[0]
        homography[:, 2] += pose[3:]
        x, y, z = (a * columns + b * rows + c * focal_length for a, b, c in homography)
        displacement[..., 0] = focal_length * x / z - columns
        displacement[..., 1] = focal_length * y / z - rows
    return moved
