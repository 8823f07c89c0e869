"""What reports of a data set have in common, whatever was measured on its images."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from tfdeblur.evaluation.report_parts import mean, write_json

FORMAT = 1  # of the JSON file; raised when a key changes its meaning


class Timed(Protocol):
    """A score of one image: what every report asks of it."""

    @property
    def seconds(self) -> float: ...  # noqa: D102 (of the call for this image)


Score = TypeVar("Score", bound=Timed)


@dataclass(frozen=True)
class Failure:
    """A pair that has no score, or no panel, and why."""

    name: str
    reason: str


@dataclass
class MeasuredReport(Generic[Score]):
    """Scores of a data set; grows while the evaluation runs.

    Attributes:
        data: what was measured on: a folder or the name of a data set.
        model: what was measured: a preset, a run folder or a file.
        split: of the data set; None if it has none.
        count: images that there were to do; None if not known.
        settings: anything else the numbers depend on (tile, precision, …), JSON values.
        machine: facts about the machine (`timing.machine_facts`), JSON values.
        images, failures: grow image by image.
        first_call_seconds: "HEIGHTxWIDTH" -> seconds of the first call with this size, which
            traces and compiles and is therefore in no other number here.
        protocols: name of a number -> what it says to a reader of the report.
    """

    protocols: ClassVar[Mapping[str, str]] = {}

    data: str
    model: str
    split: str | None = None
    count: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    images: list[Score] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    first_call_seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """True if every image has a score."""
        return not self.failures and self.count in (None, len(self.images))

    @property
    def mean_seconds(self) -> float:
        """Mean over images of the seconds per image."""
        return mean(score.seconds for score in self.images)

    def to_dict(self) -> dict[str, Any]:
        """The whole report as JSON values; numbers that JSON lacks are text or null."""
        return {
            "format": FORMAT,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "data": {"name": self.data, "split": self.split, "count": self.count},
            "model": self.model,
            "settings": self.settings,
            "protocols": dict(self.protocols),
            "machine": self.machine,
            "complete": self.is_complete,
            "mean": {"count": len(self.images), **self._means()},
            **self._more(),
            "images": [self._image(score) for score in self.images],
            "failures": [{"name": bad.name, "reason": bad.reason} for bad in self.failures],
            "first_call_seconds": self.first_call_seconds,
        }

    def write_json(self, path: str | Path) -> None:
        """Writes `to_dict` to `path`: all of it, or nothing. An older file is replaced.

        Raises:
            DataError: if it cannot be written.
        """
        write_json(self.to_dict(), path)

    def _means(self) -> dict[str, Any]:
        """Means over the images, JSON values."""
        raise NotImplementedError

    def _image(self, score: Score) -> dict[str, Any]:
        """One image, JSON values."""
        raise NotImplementedError

    def _more(self) -> dict[str, Any]:
        """What else the report holds, JSON values."""
        return {}
