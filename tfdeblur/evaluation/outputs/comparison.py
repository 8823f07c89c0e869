"""What a comparison of systems found: values per image, means, pairs of systems, failures."""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from tfdeblur.evaluation.outputs.protocols import Protocol
from tfdeblur.evaluation.outputs.statistics import (
    LEVEL,
    RESAMPLES,
    Mean,
    Paired,
    compare_two,
    sequence_of,
    summarize,
)
from tfdeblur.evaluation.report import gain, json_number
from tfdeblur.evaluation.report_parts import write_json

FORMAT = 1  # of the JSON file; raised when a key changes its meaning
BLURRED = "blurred"  # the name under which the input itself is scored


@dataclass(frozen=True)
class ImageResult:
    """One image: values of the blurred input and of every system that has one.

    Attributes:
        name: of the pair.
        height, width: pixels.
        values: system -> metric -> value; `BLURRED` is the input.
        confidence: system -> what it says of itself, 0..1, where it says something.
        places: system -> `(top, left)` of the squares where its error is largest.
        pictures: kind of picture -> file, relative to the page; empty without a page.
        remarks: system -> what else there is to say.
        motion: system -> longest motion that it estimated, pixels, where it says something.
    """

    name: str
    height: int
    width: int
    values: dict[str, dict[str, float]]
    confidence: dict[str, float] = field(default_factory=dict)
    places: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)
    motion: dict[str, float] = field(default_factory=dict)

    @property
    def sequence(self) -> str:
        """What the image belongs to."""
        return sequence_of(self.name)


@dataclass(frozen=True)
class OutputFailure:
    """A result that has no score, a file that belongs to no pair, and why.

    Attributes:
        system: whose it is; "" where the pair itself is broken.
        name: of the pair, or of the file.
        kind: "missing", "unusable", "extra" or "pair".
        reason: for people.
    """

    system: str
    name: str
    kind: str
    reason: str


@dataclass
class Comparison:
    """All that was found; grows while the images are scored.

    Attributes:
        data, split: what was measured on.
        protocol: how.
        systems: name -> folder or model.
        count: pairs that there were to do.
        settings, machine: facts for the JSON file.
        images, failures: grow image by image.
    """

    data: str
    split: str | None
    protocol: Protocol
    systems: dict[str, str]
    count: int
    settings: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    images: list[ImageResult] = field(default_factory=list)
    failures: list[OutputFailure] = field(default_factory=list)

    @property
    def all_systems(self) -> list[str]:
        """The blurred input, then the systems as they were given."""
        return [BLURRED, *self.systems]

    @property
    def is_complete(self) -> bool:
        """True if every pair has a score of every system, and no file was left over."""
        return not self.failures and self.count == len(self.images)

    def values(self, system: str, metric: str) -> dict[str, float]:
        """Image -> value, of the images that a system has and that are large enough for one."""
        return {
            image.name: image.values[system][metric]
            for image in self.images
            if system in image.values and not math.isnan(image.values[system][metric])
        }

    def is_whole(self, system: str, metric: str) -> bool:
        """Whether a system has a value of every image whose input has one."""
        return self.values(system, metric).keys() == self.values(BLURRED, metric).keys()

    def gain_db(self, image: ImageResult, system: str) -> float:
        """PSNR that a system gained on an image over its input, dB."""
        main = self.protocol.main
        return gain(image.values[BLURRED][main], image.values[system][main])

    @property
    def sequences(self) -> dict[str, str]:
        """Image -> what it belongs to."""
        return {image.name: image.sequence for image in self.images}

    def means(self) -> dict[str, dict[str, Mean]]:
        """System -> metric -> mean over its images."""
        return self._means(None)

    def sequence_means(self) -> dict[str, dict[str, dict[str, Mean]]]:
        """Sequence -> system -> metric -> mean."""
        names = dict.fromkeys(self.sequences.values())
        return {name: self._means(name) for name in names}

    def pairs(self) -> list[Paired]:
        """Every two systems, the blurred input included, in every metric."""
        sequences = self.sequences
        return [
            compare_two(
                (first, self.values(first, metric)),
                (second, self.values(second, metric)),
                metric,
                sequences,
            )
            for first, second in combinations(self.all_systems, 2)
            for metric in self.protocol.metrics
        ]

    def _means(self, sequence: str | None) -> dict[str, dict[str, Mean]]:
        """System -> metric -> mean over the images of a sequence, or over all."""
        of = self.sequences
        found: dict[str, dict[str, Mean]] = {}
        for system in self.all_systems:
            found[system] = {}
            for metric in self.protocol.metrics:
                values = self.values(system, metric)
                names = [name for name in values if sequence in (None, of[name])]
                found[system][metric] = summarize(
                    [values[name] for name in names], [of[name] for name in names]
                )
        return found

    def to_dict(self) -> dict[str, Any]:
        """The whole comparison as JSON values; numbers that JSON lacks are text or null."""
        return {
            "format": FORMAT,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "data": {"name": self.data, "split": self.split, "count": self.count},
            "protocol": self.protocol.name,
            "metrics": dict(self.protocol.metrics),
            "systems": {BLURRED: "the input itself", **self.systems},
            "settings": self.settings,
            "machine": self.machine,
            "complete": self.is_complete,
            "interval": {"level": LEVEL, "resamples": RESAMPLES, "seed": 0},
            "mean": _deep(self.means()),
            "sequences": _deep(self.sequence_means()),
            "pairs": [_deep(vars(pair)) for pair in self.pairs()],
            "images": [_image(image) for image in self.images],
            "failures": [vars(failure) for failure in self.failures],
        }

    def write_json(self, path: str | Path) -> None:
        """Writes `to_dict` to `path`: all of it, or nothing. An older file is replaced.

        Raises:
            DataError: if it cannot be written.
        """
        write_json(self.to_dict(), path)


def _image(image: ImageResult) -> dict[str, Any]:
    return {
        "name": image.name,
        "sequence": image.sequence,
        "height": image.height,
        "width": image.width,
        "values": _deep(image.values),
        **({"confidence": _deep(image.confidence)} if image.confidence else {}),
        **({"longest_motion": _deep(image.motion)} if image.motion else {}),
        **({"remarks": image.remarks} if image.remarks else {}),
    }


def _deep(value: Any) -> Any:
    """Nested values of the report as JSON values."""
    if isinstance(value, dict):
        return {key: _deep(one) for key, one in value.items()}
    if isinstance(value, Mean):
        return _deep(vars(value))
    return json_number(value) if isinstance(value, float) else value
