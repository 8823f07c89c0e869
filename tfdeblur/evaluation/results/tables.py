"""Tables of reports: one for each protocol and set of images, whoever was measured on it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tfdeblur.errors import DataError

BLURRED = "blurred"
_SAME = 1e-3  # of values: the same input, scored in float32 or in float64
_UNSAID = ("protocol", "precision")  # settings that are no part of a row's name

Scores = dict[str, dict[str, float]]  # image -> metric -> value


@dataclass
class System:
    """One row.

    Attributes:
        name: of the row.
        scores: image -> metric -> value.
        seconds: mean wall time for an image; None where it was not measured.
        report: name of the file it is from.
    """

    name: str
    scores: Scores
    seconds: float | None
    report: str

    def is_same(self, other: "System") -> bool:
        """Whether both have the same scores on the same images: what was measured is one system."""
        return self.scores.keys() == other.scores.keys() and all(
            _alike(scores, other.scores[name]) for name, scores in self.scores.items()
        )

    def is_twin(self, other: "System") -> bool:
        """Whether both are one system: "first" may be how another report calls "runs/first"."""
        return _one_path(self.name, other.name) and self.is_same(other)

    def merge(self, other: "System") -> None:
        """Adds what another report says of the same system: metrics, seconds, its folder."""
        for name, scores in other.scores.items():
            self.scores[name] = {**scores, **self.scores[name]}
        self.seconds = other.seconds if self.seconds is None else self.seconds
        self.name = max(self.name, other.name, key=len)


@dataclass
class Table:
    """What was measured by one protocol on one set of images.

    Attributes:
        protocol, data, split: as the reports say.
        metrics: name -> what it says to a reader.
        count: images that there were to do.
        systems: the rows; `BLURRED`, where there is one, is the first.
        notes: what a reader must know, one sentence each.
    """

    protocol: str
    data: str
    split: str | None
    metrics: dict[str, str]
    count: int | None
    systems: list[System]
    notes: list[str] = field(default_factory=list)

    @property
    def blurred(self) -> Scores:
        """Scores of the input; empty where there are none."""
        first = self.systems[0]
        return first.scores if first.name == BLURRED else {}

    @property
    def images(self) -> list[str]:
        """Names of all images that have a score."""
        return list(dict.fromkeys(name for system in self.systems for name in system.scores))

    def takes(self, other: "Table") -> bool:
        """Whether both were measured on the same images, by what the input scores there."""
        if (self.protocol, self.split) != (other.protocol, other.split):
            return False
        if not _one_path(self.data, other.data):
            return False
        ours, theirs = self.blurred, other.blurred
        same = bool(ours) and ours.keys() == theirs.keys()
        return same and all(_alike(scores, theirs[name]) for name, scores in ours.items())

    def take(self, other: "Table") -> None:
        """Adds the rows of another report on the same images."""
        self.metrics = {**self.metrics, **other.metrics}
        self.data = max(self.data, other.data, key=len)
        known = {system.name for system in self.systems}
        for system in other.systems:
            if system.name == BLURRED:
                mine = self.blurred
                mine.update({name: {**one, **mine[name]} for name, one in system.scores.items()})
                continue
            twin = next((one for one in self.systems if one.is_twin(system)), None)
            if twin is not None:
                twin.merge(system)
                continue
            if system.name in known:
                system.name = f"{system.name} ({system.report})"
            self.systems.append(system)
        self.notes += [note for note in other.notes if note not in self.notes]


def _one_path(ours: str, theirs: str) -> bool:
    """Whether both may name one folder: of absolute paths reports keep the last part alone."""
    short, long = sorted((ours, theirs), key=len)
    return long == short or long.endswith((f"/{short}", f"\\{short}"))


def _alike(ours: Mapping[str, float], theirs: Mapping[str, float]) -> bool:
    common = ours.keys() & theirs.keys()
    return bool(common) and all(
        ours[metric] == theirs[metric] or abs(ours[metric] - theirs[metric]) <= _SAME
        for metric in common
    )


def tables_of(reports: Mapping[str, dict[str, Any]]) -> list[Table]:
    """Tables of evaluations, those on the same images in one, in order of protocol and data.

    Args:
        reports: name of a file -> its values, of evaluations.

    Raises:
        DataError: if a report lacks what reports hold.
    """
    tables: list[Table] = []
    for name, report in sorted(reports.items()):
        try:
            table = _table(name, report)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{name} is a damaged report: {error!r}.") from error
        known = next((one for one in tables if one.takes(table)), None)
        if known is None:
            tables.append(table)
        else:
            known.take(table)
    return sorted(tables, key=lambda one: (one.protocol, one.data, one.split or ""))


def _table(name: str, report: dict[str, Any]) -> Table:
    if "systems" in report:
        protocol, metrics = report["protocol"], report["metrics"]
        systems = list(_compared(name, report))
    else:
        metrics = report["protocols"]
        protocol = "flow" if "flow_mse" in metrics else report["settings"].get("protocol", "gopro")
        systems = list(_measured(name, report, list(metrics)))
    data = report["data"]
    return Table(
        *(protocol, data["name"], data["split"], dict(metrics), data["count"], systems),
        list(_notes(name, report)),
    )


def _compared(name: str, report: dict[str, Any]) -> Iterator[System]:
    """Rows of systems side by side."""
    for system in report["systems"]:
        scores = {
            image["name"]: _numbers(image["values"][system])
            for image in report["images"]
            if system in image["values"]
        }
        yield System(system, scores, None, name)


def _measured(name: str, report: dict[str, Any], metrics: list[str]) -> Iterator[System]:
    """Rows of one model that was measured by itself."""
    images = report["images"]
    label = ", ".join([report["model"], *_asked(report["settings"])])
    seconds = report["mean"]["seconds"]
    if "flow_mse" in metrics:
        scores = {image["name"]: _numbers({m: image[m] for m in metrics}) for image in images}
        yield System(label, scores, seconds, name)
        return
    for kind, system in (("blurred", BLURRED), ("restored", label)):
        scores = {image["name"]: _numbers({m: image[m][kind] for m in metrics}) for image in images}
        yield System(system, scores, None if kind == "blurred" else seconds, name)


def _asked(settings: Mapping[str, Any]) -> Iterable[str]:
    for key, value in settings.items():
        if key not in _UNSAID and value not in (None, False):
            yield key.replace("_", " ") + ("" if value is True else f" {value}")


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Values as numbers; those that are none, as of images too small for one, are left out."""
    numbers = {name: float(value) for name, value in values.items() if value is not None}
    return {name: value for name, value in numbers.items() if not math.isnan(value)}


def _notes(name: str, report: dict[str, Any]) -> Iterator[str]:
    machine = report["machine"]
    whose = report.get("model") or ", ".join(one for one in report["systems"] if one != BLURRED)
    precision = report["settings"].get("precision")
    where = [f"{machine.get('cpu', '?')}, {machine.get('cores', '?')} cores"]
    where += [f"TensorFlow {machine.get('tensorflow', '?')}", *([precision] if precision else [])]
    yield f"{whose}: measured {report['created'][:10]} on {', '.join(where)} ({name})"
    if failures := report["failures"]:
        yield f"{name}: {len(failures)} not scored, such as {failures[0]['name']}"
    elif not report["complete"]:
        yield f"{name}: stopped before its end"
    if constant := report.get("constant_flow"):
        yield f"{name}: the best constant flow has a flow_mse of {constant['flow_mse']:.2f}"
