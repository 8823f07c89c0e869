"""A kind of restorers that this project has not: what a file of one must hold, and no more."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfdeblur.errors import DataError
from tfdeblur.restorers.kind import CONFIDENCE, Kind
from tfdeblur.restorers.protocol import Restored

FILE = "gain.json"


@dataclass(frozen=True)
class Amplified(Restored):
    score: float = 0.25


class Amplifier:
    """Multiplies levels by a number."""

    reports = frozenset({CONFIDENCE})

    def __init__(self, gain, passes=1):
        self.gain = gain
        self.passes = passes

    def __call__(self, image, *, progress=None):
        full = 1.0 if image.dtype.kind == "f" else float(np.iinfo(image.dtype).max)
        brighter = np.minimum(image * self.gain**self.passes, full)
        result = Amplified(
            image=(brighter if full == 1 else np.round(brighter)).astype(image.dtype),
            confidence=np.full(image.shape[:2], 0.25, np.float32),
            passes=self.passes,
        )
        if progress is not None:
            progress(1, 1)
        return result

    def plan(self, height, width):
        return ()


class Gain(Kind):
    """A folder that holds the number."""

    name = "gain"
    restorer = "Amplifier"
    takes = ("passes", "slope")
    reports = Amplifier.reports

    def recognises(self, place):
        return place.holds(FILE)

    def open(self, place, options):
        try:
            gain = json.loads((place.folder / FILE).read_text())["gain"]
        except (ValueError, KeyError) as error:
            raise DataError(f"{place.folder / FILE} is damaged: {error}") from error
        return Amplifier(gain * options.get("slope", 1), options.get("passes", 1))


def write_gain(folder: Path, gain: float) -> Path:
    """Makes a model of that kind."""
    folder.mkdir()
    (folder / FILE).write_text(json.dumps({"gain": gain}))
    return folder
