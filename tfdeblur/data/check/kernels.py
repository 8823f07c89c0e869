"""The blur kernel between two images, place by place, and what its shape tells.

Each of n averaged frames adds 1/n of the kernel's mass where the scene stood at that time. So the
mass on one side of the sharp frame's place, along the path, is the time on that side, whatever the
speed: equal on both sides if the sharp frame is the middle one, 4/8 and 3/8 if it is the fifth of
eight.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

RADIUS = 32  # pixels, the longest reach of a kernel
TILE = 256  # pixels a side
_REGULARIZATION = 1e-2  # of the mean power of the gradients
_NOISE = 6.0  # a kernel's own places stand out of its noise by this factor,
_FAINT = 0.04  # and out of nothing by this part of its peak


@dataclass(frozen=True)
class Kernel:
    """What is known of one place.

    Attributes:
        mass: of the kernel around the origin; 1 where it explains the blur.
        length: pixels, of the path, as if it were a line of even mass.
        imbalance: mass on the side of the origin that `direction` points to less that on the
            other, -1..1.
        ends: how far the path reaches on its shorter side, of that on its longer side, 0..1.
        direction: `(across, down)` of the path, length 1, pointing right.
        width: variance across the path, of that along it, 0..1.
        centroid: `(across, down)`, pixels from the sharp image's place to the blur's middle.
        elsewhere: the same, where most of the mass does not reach the origin; else None.
        residual: part of the second image's gradients that the kernel leaves over.
    """

    mass: float
    length: float
    imbalance: float
    ends: float
    direction: tuple[float, float]
    width: float
    centroid: tuple[float, float]
    elsewhere: tuple[float, float] | None
    residual: float


def kernels_of(of: np.ndarray, to: np.ndarray) -> list[Kernel]:
    """Kernels that blur one image into the other, in tiles that cover the image.

    Args:
        of, to: float32 `(height, width)`, gray, of the same shape, at least 64 pixels a side.
    """
    side = min(TILE, *of.shape)
    tops, lefts = (_starts(size, side) for size in of.shape)
    return [
        _measure(*_estimate(of[place], to[place]))
        for place in (np.s_[i : i + side, j : j + side] for i in tops for j in lefts)
    ]


def senses(kernels: Sequence[Kernel]) -> np.ndarray:
    """+1 where the direction of a kernel is that of most, -1 where it is the reverse.

    A path has two directions, and which of them points right is chance where motion is upright: a
    little to the left in one place, to the right in the next.

    Args:
        kernels: of the places of one picture, n >= 1.

    Returns:
        float64 `(n,)`, to multiply by what has the sign of `direction`.
    """
    directions = np.array([kernel.direction for kernel in kernels])
    axis = np.linalg.eigh(directions.T @ directions)[1][:, -1]
    return np.where(directions @ axis < 0, -1.0, 1.0)


def _starts(size: int, side: int) -> np.ndarray:
    return np.linspace(0, size - side, max(1, round(1.4 * size / side))).astype(int)


def _estimate(of: np.ndarray, to: np.ndarray) -> tuple[np.ndarray, float]:
    """Least squares on gradients, in the Fourier domain: the kernel, and what it leaves over."""
    window = np.outer(*2 * [np.hanning(of.shape[0])]).astype(np.float32)
    spectra = [
        [
            np.fft.rfft2(np.diff(image, axis=axis, append=np.take(image, [-1], axis)) * window)
            for axis in (0, 1)
        ]
        for image in (of, to)
    ]
    power = np.sum([np.abs(one) ** 2 for one in spectra[0]], axis=0)
    mean = float(power.mean())
    if mean == 0:
        return np.zeros((2 * RADIUS + 1,) * 2), 1.0
    across = np.sum([np.conj(a) * b for a, b in zip(*spectra, strict=True)], axis=0)
    whole = np.fft.fftshift(np.fft.irfft2(across / (power + _REGULARIZATION * mean), s=of.shape))
    middle, radius = of.shape[0] // 2, min(RADIUS, of.shape[0] // 2 - 1)
    reach = slice(middle - radius, middle + radius + 1)
    kernel = whole[reach, reach]
    kept = np.zeros_like(whole)
    kept[reach, reach] = kernel
    transfer = np.fft.rfft2(np.fft.ifftshift(kept))
    left = sum(float(np.sum(np.abs(b - transfer * a) ** 2)) for a, b in zip(*spectra, strict=True))
    total = sum(float(np.sum(np.abs(b) ** 2)) for b in spectra[1])
    return kernel, left / total if total else 1.0


def _measure(kernel: np.ndarray, residual: float) -> Kernel:
    radius = kernel.shape[0] // 2
    down, across = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    there = _stands_out(kernel)
    elsewhere = _largest_elsewhere(kernel, there, across, down)
    own = kernel * _around_origin(there)
    mass, positive = float(own.sum()), np.maximum(own, 0)
    total = float(positive.sum())
    if total <= 0 or mass <= 0:
        return Kernel(0.0, 0.0, 0.0, 0.0, (1.0, 0.0), 1.0, (0.0, 0.0), elsewhere, residual)
    weights = positive / total
    mixed = float((weights * across * down).sum())
    spread = [
        [float((weights * across**2).sum()), mixed],
        [mixed, float((weights * down**2).sum())],
    ]
    (small, large), vectors = np.linalg.eigh(spread)
    right, below = vectors[:, 1]
    if right < 0 or (right == 0 and below < 0):
        right, below = -right, -below
    along = across * right + down * below
    return Kernel(
        mass,
        float(np.sqrt(max(large, 0.0) * 12)),
        float((own * np.clip(along, -1, 1)).sum()) / mass,
        _ends(along, weights),
        (float(right), float(below)),
        float(max(small, 0.0) / large) if large > 0 else 1.0,
        (float((weights * across).sum()), float((weights * down).sum())),
        elsewhere,
        residual,
    )


def _stands_out(kernel: np.ndarray) -> np.ndarray:
    """uint8, 1 where a kernel is more than noise."""
    smooth = cv2.blur(kernel, (3, 3))
    noise = float(np.median(np.abs(smooth))) / 0.6745
    there = smooth > max(_NOISE * noise, _FAINT * float(smooth.max()))
    return there.astype(np.uint8)


def _around_origin(there: np.ndarray) -> np.ndarray:
    """The part that hangs together with the origin, small gaps closed."""
    radius = there.shape[0] // 2
    there = there.copy()
    there[radius - 1 : radius + 2, radius - 1 : radius + 2] = 1
    labels = _parts(there)[1]
    return labels == labels[radius, radius]


def _parts(there: np.ndarray) -> tuple[int, np.ndarray]:
    closed = cv2.morphologyEx(there, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return cv2.connectedComponents(closed, connectivity=8)


def _ends(along: np.ndarray, weights: np.ndarray) -> float:
    """How far the shorter side of the path reaches, of the longer one."""
    order = np.argsort(along, axis=None)
    below = np.cumsum(weights.ravel()[order])
    low, high = np.interp([0.02, 0.98], below, along.ravel()[order])
    return float(np.clip(min(-low, high) / max(-low, high, 1e-9), 0, 1))


def _largest_elsewhere(
    kernel: np.ndarray, there: np.ndarray, across: np.ndarray, down: np.ndarray
) -> tuple[float, float] | None:
    """Centroid of the largest part, if it holds half of what is there and is not at the origin."""
    count, labels = _parts(there)
    if count < 2:
        return None
    masses = [float(kernel[labels == label].sum()) for label in range(1, count)]
    own = labels == 1 + int(np.argmax(masses))
    radius = kernel.shape[0] // 2
    if max(masses) < 0.5 or own[radius - 2 : radius + 3, radius - 2 : radius + 3].any():
        return None
    weights = np.maximum(kernel * own, 0)
    return (
        float((weights * across).sum() / weights.sum()),
        float((weights * down).sum() / weights.sum()),
    )
