"""One patch of a photograph, blurred as the world blurs it: shake, objects, light, the camera.

Source: Carbajal et al. (see `dynamic_objects`) for a convolution per object, in light; all
    shares and ranges are `DynamicBlur`'s. The sharp half is the middle of the exposure, by time.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from tfdeblur.data.degrade import Degradation, degrade, expose
from tfdeblur.data.dynamic_objects import SHAPES, composite, draw_mask
from tfdeblur.data.dynamic_paths import Path, blur, draw_path, reach_of
from tfdeblur.data.dynamic_settings import DynamicBlur
from tfdeblur.data.flows import random_generator
from tfdeblur.errors import InvalidInput
from tfdeblur.image.codec import to_uint8

LARGEST = 1800  # pixels on the longer side, to which larger photographs are brought
_SMALLEST_OF_LARGE = 1100
_SMALLEST_SCALE = 0.75
_STREAM = 0x64796E  # keeps these draws apart from others that begin with the same numbers
_GAMMA = 2.2
_LIGHT = (np.arange(256) / 255).astype(np.float32) ** np.float32(_GAMMA)
_TURN, _FACTORS = 0.35, (0.5, 1.5)  # of a changing shake, from one side to the other
_ON_UNBLURRED = 0.25  # part of the noise's and JPEG's shares there
_JPEG_BLOCK = 16  # pixels, with colour at half the resolution


@dataclass(frozen=True)
class Drawn:
    """What is done to a patch.

    Attributes:
        shake: paths of the camera: none where nothing is blurred; one; or three, at one side of
            the patch, in the middle and at the other side.
        across: direction from the one side to the other, radians.
        objects: kind of each object (see `dynamic_objects.SHAPES`) and its path.
        linear: whether light is blurred, level^2.2, and not levels.
        gain: >= 1, by which both halves are multiplied before they are clipped.
        noise: standard deviation, in units of [0, 1]; 0: none.
        jpeg: quality 1 to 100; None: not compressed.
        half: whether the blurred half has half the resolution.
    """

    shake: tuple[Path, ...] = ()
    across: float = 0.0
    objects: tuple[tuple[str, Path], ...] = ()
    linear: bool = False
    gain: float = 1.0
    noise: float = 0.0
    jpeg: int | None = None
    half: bool = False

    def describe(self) -> str:
        """Returns what was done, in a few words for people."""
        words = ["shake " + " to ".join(f"{path.length:.0f}" for path in self.shake[::2])]
        if not self.shake:
            words = ["not blurred"]
        elif self.shake[0].waves is not None:
            words[0] += " squiggle"
        words += [f"{kind} {path.length:.0f}" for kind, path in self.objects]
        words += ["light"] * self.linear + [f"gain {self.gain:.1f}"] * (self.gain > 1)
        words += [f"noise {self.noise:.3f}"] * (self.noise > 0)
        words += [f"JPEG {self.jpeg}"] * (self.jpeg is not None) + ["half"] * self.half
        return ", ".join(words)


def draw(generator: np.random.Generator, settings: DynamicBlur) -> Drawn:
    """Draws what is done to a patch."""
    chance = generator.random(8)
    blurred = chance[0] >= settings.unblurred
    rate = 1.0 if blurred else _ON_UNBLURRED
    noise = generator.uniform(settings.noise_least, settings.noise_most)
    quality = int(generator.integers(settings.jpeg_least, settings.jpeg_most + 1))
    camera = Drawn(
        noise=float(noise) if chance[1] < rate * settings.noise else 0.0,
        jpeg=quality if chance[2] < rate * settings.jpeg else None,
    )
    if not blurred:
        return camera
    law = settings.extent, settings.bow, settings.squiggles
    shake: tuple[Path, ...] = (draw_path(generator, *law),)
    if chance[3] < settings.varying:
        turn, factor = _TURN * generator.standard_normal(), generator.uniform(*_FACTORS)
        # One in the middle: of two alone the blur there would be a cross, not one line.
        shake = tuple(shake[0].altered(t * turn, factor**t) for t in (0.0, 0.5, 1.0))
    objects = []
    if chance[4] < settings.objects:
        for _ in range(int(generator.integers(1, 3))):
            # Every other one is a segment.
            kind = SHAPES[min(int(generator.integers(4)), 2)]
            objects.append((kind, draw_path(generator, *law)))
    gain = generator.uniform(1, settings.brightest)
    return dataclasses.replace(
        camera,
        shake=shake,
        across=generator.uniform(0, 2 * math.pi),
        objects=tuple(objects),
        linear=bool(chance[5] < settings.linear),
        gain=float(gain) if chance[6] < settings.bright else 1.0,
        half=bool(chance[7] < settings.half),
    )


def blur_patch(
    photograph: np.ndarray, size: tuple[int, int], seed: Sequence[int], settings: DynamicBlur
) -> tuple[np.ndarray, np.ndarray, Drawn]:
    """Cuts a patch out of a photograph and blurs it; a pure function of its arguments.

    The photograph is shrunk to between 0.75 and 1 of its size, one of 1800 pixels to between 1100
    and 1800, as far as the patch and what is blurred into it allow. Beyond its border it is
    continued by its mirror image.

    Args:
        photograph: uint8 `(height, width, 3)`, RGB, at least `size`.
        size: `(height, width)` of the patch, pixels.
        seed: ints >= 0.
        settings: what is drawn.

    Returns:
        `(blurred, sharp, drawn)`: uint8 `(height, width, 3)` twice, and what was done.

    Raises:
        InvalidInput: if `photograph` is smaller than `size`.
    """
    if photograph.shape[0] < size[0] or photograph.shape[1] < size[1]:
        raise InvalidInput(
            f"`photograph` must be at least {size[1]}x{size[0]} pixels. Received: "
            f"shape={photograph.shape}"
        )
    generator = random_generator([_STREAM, *seed])
    drawn = draw(generator, settings)
    kernels = [path.kernel() for path in drawn.shake]
    own = [path.kernel() for _, path in drawn.objects]
    reach = max([reach_of(kernel) for kernel in kernels + own], default=0)
    levels = _cut(photograph, size, reach, settings.places, generator)
    masks = [draw_mask(generator, kind, levels) for kind, _ in drawn.objects]
    light = _LIGHT[levels] if drawn.linear else levels * np.float32(1 / 255)
    behind = partial(_blur_background, kernels=kernels, across=drawn.across, reach=reach)
    inside = levels[reach : reach + size[0], reach : reach + size[1]]
    sharp, blurred = inside, inside
    if drawn.shake:
        blurred = _develop(composite(light, masks, own, behind, reach), drawn)
    if drawn.gain > 1:
        sharp = _develop(light[reach : reach + size[0], reach : reach + size[1]], drawn)
    return to_uint8(_record(blurred, drawn, generator)), to_uint8(sharp), drawn


def _cut(
    photograph: np.ndarray,
    size: tuple[int, int],
    reach: int,
    places: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """A patch of a shrunk copy, with `reach` pixels around it: uint8."""
    lengths = np.array(photograph.shape[:2])
    scale = generator.uniform(_SMALLEST_SCALE, 1)
    if lengths.max() >= LARGEST:
        scale = generator.uniform(_SMALLEST_OF_LARGE, LARGEST) / lengths.max()
    least = float(((np.array(size) + 2 * reach) / lengths).max())
    scale = min(1.0, max(scale, least))
    shrunk = np.maximum(np.round(scale * lengths).astype(int), size)
    slack = shrunk - size
    # Away from the border where there is room: nothing need be made up there.
    border = np.where(slack >= 2 * reach, reach, 0)
    windows = []
    for _ in range(places):
        begin = border + generator.integers(0, slack - 2 * border + 1)
        first = np.maximum(begin - reach, 0)
        last = np.minimum(begin + size + reach, shrunk)
        (top, left), (bottom, right) = np.minimum(np.rint(np.stack([first, last]) / scale), lengths)
        window = photograph[int(top) : int(bottom), int(left) : int(right)]
        windows.append((_detail(window), window, last - first, reach - (begin - first)))
    _, window, (height, width), (above, before) = max(windows, key=lambda found: found[0])
    if scale < 1:
        window = cv2.resize(window, (int(width), int(height)), interpolation=cv2.INTER_AREA)
    below, after = (int(x) for x in np.array(size) + 2 * reach - (height, width) - (above, before))
    kind = cv2.BORDER_REFLECT_101
    return np.asarray(cv2.copyMakeBorder(window, int(above), below, int(before), after, kind))


def _detail(window: np.ndarray) -> float:
    """How much is to be seen: the mean difference of pixels beside each other, in levels."""
    green = window[::2, :, 1].astype(np.int16)
    return float(np.abs(np.diff(green, axis=1)).mean())


def _blur_background(
    image: np.ndarray, kernels: Sequence[np.ndarray], across: float, reach: int
) -> np.ndarray:
    """The blur of the camera's shake, by one kernel or changing over three."""
    if len(kernels) == 1:
        return blur(image, kernels[0], reach)
    size = image.shape[0] - 2 * reach, image.shape[1] - 2 * reach
    parts = [
        weight[..., np.newaxis] * blur(image, kernel, reach)
        for weight, kernel in zip(_weights(size, across), kernels, strict=True)
    ]
    return np.sum(parts, axis=0)


def _weights(size: tuple[int, int], across: float) -> np.ndarray:
    """How much each of three paths counts: `(3, height, width)`, piecewise linear, sum 1."""
    rows, columns = (np.linspace(-1, 1, length, dtype=np.float32) for length in size)
    c, s = np.float32(math.cos(across)), np.float32(math.sin(across))
    place = (c * columns + s * rows[:, None]) / (abs(c) + abs(s))  # -1 to 1, corner to corner
    return np.stack([np.maximum(-place, 0), 1 - np.abs(place), np.maximum(place, 0)])


def _develop(light: np.ndarray, drawn: Drawn) -> np.ndarray:
    """Clips light and makes levels of it: float32 in [0, 1]."""
    exposed = expose(light, Degradation(saturation=drawn.gain))
    return np.asarray(cv2.pow(exposed, 1 / _GAMMA)) if drawn.linear else exposed


def _record(image: np.ndarray, drawn: Drawn, generator: np.random.Generator) -> np.ndarray:
    """What a camera makes of levels: noise, half the resolution, JPEG."""
    if drawn.noise:
        noise = Degradation(noise=drawn.noise)
        image = degrade(_as_float(image), noise, int(generator.integers(2**31)))
    height, width = image.shape[:2]
    if drawn.half:
        half = max(1, width // 2), max(1, height // 2)
        image = cv2.resize(image, half, interpolation=cv2.INTER_AREA)
    if drawn.jpeg is not None:
        # A crop of a photograph begins anywhere in a block of JPEG, not at its corner.
        top, left = (int(x) for x in generator.integers(0, _JPEG_BLOCK, 2))
        whole = cv2.copyMakeBorder(_as_float(image), top, 0, left, 0, cv2.BORDER_REFLECT_101)
        image = degrade(whole, Degradation(jpeg_quality=drawn.jpeg), 0)[top:, left:]
    if drawn.half:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
    return image


def _as_float(image: np.ndarray) -> np.ndarray:
    return image * np.float32(1 / 255) if image.dtype == np.uint8 else image
