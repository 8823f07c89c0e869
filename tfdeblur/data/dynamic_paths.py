"""Paths along which an image moves during an exposure, and the blur that each makes.

A hand moves nearly straight within an exposure, at uneven speed. All positions count from the one
in the middle of the exposure, by time: what is sharp there is the target. A path that is slow at
its beginning therefore lies mostly on one side of the origin.
"""

import dataclasses
import math
from dataclasses import dataclass

import cv2
import numpy as np

_WAVES = 3  # of a squiggle: one to three periods over the exposure
_FINE_STEPS = 128
_POINTS_PER_PIXEL = 4
_MOST_UNEVEN = 0.8  # amplitude of the speed around its mean of 1


@dataclass(frozen=True)
class Path:
    """How an image moves during an exposure, which lasts from time 0 to 1.

    Attributes:
        length: > 0, pixels along the path.
        angle: of its main direction, radians, from the right to below.
        bow: height of the arc, as a part of the length, of either sign.
        uneven: amplitude of the speed around its mean, in [0, 1); 0 is an even speed.
        cycles, phase: of the speed: periods over the exposure, and radians.
        waves: amplitudes and phases `(2, waves, 2)` of a squiggle; None for an arc.
    """

    length: float
    angle: float = 0.0
    bow: float = 0.0
    uneven: float = 0.0
    cycles: float = 1.0
    phase: float = 0.0
    waves: np.ndarray | None = None

    def positions(self, times: np.ndarray) -> np.ndarray:
        """Where the image is, relative to the middle of the exposure.

        Args:
            times: float `(n,)` in [0, 1].

        Returns:
            float `(n, 2)`, pixels to the right and down; (0, 0) at time 1/2.
        """
        scale = self.length
        if self.waves is not None:  # what waves add to the length has no formula
            fine = self._shape(np.linspace(0, 1, _FINE_STEPS + 1))
            scale /= np.linalg.norm(np.diff(fine, axis=0), axis=1).sum()
        return scale * (self._shape(np.asarray(times, float)) - self._shape(np.array([0.5])))

    def kernel(self) -> np.ndarray:
        """How long the image is at each place: the blur's kernel, for a true convolution.

        Returns:
            float32 `(2 a + 1, 2 b + 1)`, >= 0, sum 1; its centre is the middle of the exposure.
        """
        fine = self.positions(np.linspace(0, 1, _FINE_STEPS + 1))
        fastest = _FINE_STEPS * np.linalg.norm(np.diff(fine, axis=0), axis=1).max()
        # An odd number: the middle of the exposure is one of the points.
        count = 2 * math.ceil(_POINTS_PER_PIXEL * fastest / 2) + 1
        return _splat(self.positions((np.arange(count) + 0.5) / count))

    def altered(self, turn: float, factor: float) -> "Path":
        """The same path, turned by `turn` radians and `factor` times as long."""
        return dataclasses.replace(self, angle=self.angle + turn, length=factor * self.length)

    def _shape(self, times: np.ndarray) -> np.ndarray:
        """The path `(n, 2)` from any origin; of length 1, for a squiggle of any length."""
        rate = 2 * math.pi * self.cycles

        def travelled(t: np.ndarray) -> np.ndarray:
            """The integral of the speed, 1 + uneven sin(rate t + phase)."""
            return t - self.uneven / rate * (np.cos(rate * t + self.phase) - math.cos(self.phase))

        part = travelled(times) / travelled(np.array([1.0]))
        along, across = part, 4 * self.bow * part * (1 - part)
        if self.waves is not None:
            amplitudes, phases = self.waves
            number = np.arange(1, _WAVES + 1)[:, None]
            angles = 2 * math.pi * number * times[:, None, None] + phases
            along, across = (
                np.stack([along, across]) + (amplitudes / number * np.sin(angles)).sum(axis=1).T
            )
        c, s = math.cos(self.angle), math.sin(self.angle)
        return np.stack([c * along - s * across, s * along + c * across], axis=-1)


def draw_path(generator: np.random.Generator, extent: float, bow: float, squiggles: float) -> Path:
    """Draws a path: nearly straight, or with probability `squiggles` not.

    Args:
        generator: is drawn from.
        extent: >= 0, pixels; the length is 1 + extent u^1.5, u uniform.
        bow: >= 0, standard deviation of the bow.
        squiggles: in [0, 1].
    """
    u = generator.random(5)
    waves = None
    if generator.random() < squiggles:
        amplitudes = 0.3 * generator.standard_normal((_WAVES, 2))
        waves = np.stack([amplitudes, 2 * math.pi * generator.random((_WAVES, 2))])
    return Path(
        length=1 + extent * u[0] ** 1.5,
        angle=2 * math.pi * u[1],
        bow=bow * float(generator.standard_normal()),
        uneven=_MOST_UNEVEN * u[2],
        cycles=0.5 + 0.5 * u[3],
        phase=2 * math.pi * u[4],
        waves=waves,
    )


def blur(image: np.ndarray, kernel: np.ndarray, reach: int) -> np.ndarray:
    """Convolves where all pixels that are needed are there.

    Args:
        image: float32 `(height + 2 reach, width + 2 reach, channels)`.
        kernel: float32 `(2 a + 1, 2 b + 1)`, from `Path.kernel`.
        reach: int >= a and b, pixels of the image that are cut off on each side.

    Returns:
        float32 `(height, width, channels)`.
    """
    height, width = (length - 2 * reach for length in image.shape[:2])
    blurred = np.zeros((height, width, *image.shape[2:]), np.float32)
    down, right = (side // 2 for side in kernel.shape)
    # Paths are thin, about two pixels with weight for each one of their length: adding shifted
    # images takes a third of the time of a Fourier transform, and of OpenCV's filter as well.
    for row, column in np.argwhere(kernel):
        top, left = reach + down - row, reach + right - column
        part = image[top : top + height, left : left + width]
        cv2.scaleAdd(part, float(kernel[row, column]), blurred, blurred)
    return blurred


def reach_of(kernel: np.ndarray) -> int:
    """Pixels that a blur takes in beyond an image, on each side."""
    return max(kernel.shape) // 2


def _splat(points: np.ndarray) -> np.ndarray:
    """Shares each point's weight among the four pixels around it, by nearness."""
    right, down = np.ceil(np.abs(points).max(axis=0)).astype(int)
    kernel = np.zeros((2 * down + 1, 2 * right + 1))
    corner = np.floor(points).astype(int)
    part = points - corner
    for column in (0, 1):
        for row in (0, 1):
            weight = np.abs(1 - column - part[:, 0]) * np.abs(1 - row - part[:, 1])
            some = weight > 0  # a point on the last pixel has no next one
            place = corner[some, 1] + row + down, corner[some, 0] + column + right
            np.add.at(kernel, place, weight[some])
    return (kernel / kernel.sum()).astype(np.float32)
