"""What is drawn where photographs are blurred as the world blurs them; see `dynamic_patch`."""

import dataclasses
import math
from dataclasses import dataclass

from tfdeblur.data.damage_settings import MOST_NOISE, NOISE_UNIT
from tfdeblur.errors import InvalidInput

_SHARES = "unblurred squiggles varying objects linear bright noise jpeg half".split()
_AT_LEAST = {"places": 1, "extent": 0, "bow": 0, "brightest": 1, "noise_least": 0, "jpeg_least": 1}


@dataclass(frozen=True)
class DynamicBlur:
    """The section `dynamic` of a run's settings: of `data.blur` "dynamic".

    Shares are of the patches, from 0 to 1, and drawn independently of each other.

    Attributes:
        places: patches are cut where most is to be seen of so many places in a photograph, at
            least 1: from skies and walls there is nothing to learn.
        extent: a motion is 1 + extent u^1.5 pixels long, u uniform: short ones are the most.
        bow: standard deviation of a path's bow, as a part of its length.
        unblurred: share without any motion, whose target is the input. These have noise and
            JPEG at a quarter of the shares below, and are never of half the resolution.
        squiggles: share of the paths that are no nearly straight line.
        varying: share whose camera shake changes across the patch.
        objects: share with one or two objects that move by themselves.
        linear: share blurred in light (level^2.2) instead of in levels.
        bright: share over-exposed before light is clipped, the target as well.
        brightest: highest factor of that; the lowest is 1.
        noise: share with Gaussian noise.
        noise_least, noise_most: its standard deviation, in units of [0, 1], at most `MOST_NOISE`.
        jpeg: share that pass through JPEG, with colour at half the resolution.
        jpeg_least, jpeg_most: its quality, 1 to 100.
        half: share shrunk to half the resolution and enlarged again, the target not.

    Raises:
        InvalidInput: if a value is out of its range.
    """

    places: int = 2
    extent: float = 26.0
    bow: float = 0.07
    unblurred: float = 0.1
    squiggles: float = 0.1
    varying: float = 0.35
    objects: float = 0.4
    linear: float = 0.35
    bright: float = 0.2
    brightest: float = 1.8
    noise: float = 0.16
    noise_least: float = 0.002
    noise_most: float = 0.02
    jpeg: float = 0.15
    jpeg_least: int = 70
    jpeg_most: int = 98
    half: float = 0.08

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value):
                _refuse(field.name, "a finite number", value)
            if field.name in _SHARES and not 0 <= value <= 1:
                _refuse(field.name, "from 0 to 1", value)
            if value < _AT_LEAST.get(field.name, -math.inf):
                _refuse(field.name, f"at least {_AT_LEAST[field.name]}", value)
        for name in ("noise_least", "noise_most"):
            if getattr(self, name) > MOST_NOISE:
                _refuse(name, NOISE_UNIT, getattr(self, name))
        if self.noise_most < self.noise_least:
            text = f"at least dynamic.noise_least={self.noise_least}"
            _refuse("noise_most", text, self.noise_most)
        if not self.jpeg_least <= self.jpeg_most <= 100:
            text = f"from dynamic.jpeg_least={self.jpeg_least} to 100"
            _refuse("jpeg_most", text, self.jpeg_most)


def _refuse(name: str, text: str, value: float) -> None:
    raise InvalidInput(f"`dynamic.{name}` must be {text}. Received: dynamic.{name}={value}")
