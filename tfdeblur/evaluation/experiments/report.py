"""What an experiment found: numbers of every variant on every image, their means, references."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tfdeblur.evaluation.report import PROTOCOLS, json_number
from tfdeblur.evaluation.report_base import Failure
from tfdeblur.evaluation.report_parts import data_line, finite_mean, machine_line, write_json

FORMAT = 1  # of the JSON file; raised when a key changes its meaning

Values = Mapping[str, float]
Column = tuple[str, str, str]  # heading, variant, name of the number

# Name of a number -> digits it is shown with, and what it says to a reader of the report.
METRICS: dict[str, tuple[int, str]] = {
    "psnr_rgb_u8": (2, PROTOCOLS["psnr_rgb_u8"]),
    "ssim_gauss": (4, PROTOCOLS["ssim_gauss"]),
    "ssim_matlab3d": (4, PROTOCOLS["ssim_matlab3d"]),
    "ssim": (4, "which of its many definitions is not said"),
    "gain_db": (2, "dB, psnr_rgb_u8 of the restored image less that of the blurred one"),
    "score": (4, "confidence of the image in [0, 1]: how well re-blurring explains the input"),
    "flow_length": (2, "pixels, mean length of the estimated motions"),
    "seconds": (2, "wall time up to this variant, first call of each size not counted"),
    "flow_mse": (2, "pixels^2, canonical flows, mean over both components"),
    "end_point_error": (2, "pixels, canonical flows, mean distance"),
    "sign_free_epe": (2, "pixels, distance to the flow or its opposite"),
}


@dataclass(frozen=True)
class Reference:
    """Published numbers to hold ours beside; measured by others, on other data.

    Attributes:
        source: where they stand, and on which data they were measured.
        rows: variant -> name of a number -> value.
    """

    source: str
    rows: dict[str, Values]


@dataclass(frozen=True)
class ImageResult:
    """One image.

    Attributes:
        name: of the image.
        height, width: pixels.
        rows: variant -> name of a number (`METRICS`) -> value.
        seconds: wall time of the whole measurement.
        remarks: what went otherwise than expected, such as a solve that did not converge.
        degenerate: True if the model's output was unusable and the blurred image was kept.
    """

    name: str
    height: int
    width: int
    rows: dict[str, Values]
    seconds: float
    remarks: tuple[str, ...] = ()
    degenerate: bool = False


@dataclass
class ExperimentReport:
    """Results of an experiment; grows while it runs.

    Attributes:
        experiment, title: name on the command line, and one line that says what it shows.
        model, data, split: what was measured, on what.
        count: images that there were to do.
        settings, machine: what the numbers depend on, JSON values.
        references: published numbers.
        notes: sentences a reader must know.
        images, failures: grow image by image.
        summary: further numbers over all images, JSON values or floats.
        seconds: wall time until now.
    """

    experiment: str
    title: str
    model: str
    data: str
    split: str | None = None
    count: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    notes: tuple[str, ...] = ()
    images: list[ImageResult] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def is_complete(self) -> bool:
        """True if every image has numbers."""
        return not self.failures and self.count == len(self.images)

    @property
    def variants(self) -> list[str]:
        """Names of the rows, in the order of the first image that has them."""
        return list(dict.fromkeys(name for image in self.images for name in image.rows))

    @property
    def metrics(self) -> list[str]:
        """Names of the numbers that were measured, in the order of `METRICS`."""
        found = {name for image in self.images for row in image.rows.values() for name in row}
        return [name for name in METRICS if name in found]

    def mean(self, variant: str, metric: str) -> float | None:
        """Mean over the images that have this number, infinite ones left out; None if none has."""
        values = self.values(variant, metric)
        return finite_mean(values) if values else None

    def values(self, variant: str, metric: str) -> list[float]:
        """One number per image that has it."""
        rows = (image.rows.get(variant, {}) for image in self.images)
        return [row[metric] for row in rows if metric in row]

    def to_dict(self) -> dict[str, Any]:
        """The whole report as JSON values; numbers that JSON lacks become "inf", "-inf", "nan"."""
        return {
            "format": FORMAT,
            "experiment": self.experiment,
            "title": self.title,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "model": self.model,
            "data": {"name": self.data, "split": self.split, "count": self.count},
            "settings": self.settings,
            "metrics": {name: METRICS[name][1] for name in self.metrics},
            "machine": self.machine,
            "seconds": self.seconds,
            "complete": self.is_complete,
            "mean": {
                "count": len(self.images),
                "rows": _numbers({name: self._means(name) for name in self.variants}),
            },
            "summary": _numbers(self.summary),
            "images": [_image(image) for image in self.images],
            "failures": [{"name": bad.name, "reason": bad.reason} for bad in self.failures],
            "references": [
                {"source": one.source, "rows": _numbers(one.rows)} for one in self.references
            ],
            "notes": list(self.notes),
        }

    def write_json(self, path: str | Path) -> None:
        """Writes `to_dict` to `path`: all of it, or nothing. An older file is replaced.

        Raises:
            DataError: if it cannot be written.
        """
        write_json(self.to_dict(), path)

    def table(self) -> str:
        """Means over images, one row a variant, with the published numbers beside; for people."""
        rows = [[name, *self._cells(self._means(name))] for name in self.variants]
        lines = _aligned([[f"mean of {_images(len(self.images))}", *self.metrics], *rows])
        for reference in self.references:
            names = [name for name in METRICS if _has(reference, name)]
            rows = [
                [variant, *(_show(name, row.get(name)) for name in names)]
                for variant, row in reference.rows.items()
            ]
            lines += ["", f"published: {reference.source}"]
            lines += _aligned([["", *names], *rows])
        return "\n".join(lines)

    def table_of_images(self, columns: Sequence[Column]) -> str:
        """One row an image, one column a number of a variant; for people."""
        rows = []
        for image in self.images:
            values = [image.rows.get(variant, {}).get(metric) for _, variant, metric in columns]
            cells = [_show(c[2], value) for c, value in zip(columns, values, strict=True)]
            rows.append([image.name, *cells])
        return "\n".join(_aligned([["image", *(head for head, _, _ in columns)], *rows]))

    def facts(self) -> str:
        """Data set, split, count, model, machine: what a reader must know about the table."""
        done = len(self.images)
        # What was not asked for goes without saying; the JSON file has all of it.
        asked = {key: v for key, v in self.settings.items() if v not in (None, False, 0)}
        lines = {
            "data": data_line(self.data, self.split, done, self.count),
            "model": self.model,
            "settings": ", ".join(f"{key} {value}" for key, value in asked.items()),
            **{name: METRICS[name][1] for name in self.metrics},
            "machine": machine_line(self.machine),
            "took": f"{self.seconds:.1f} s",
            "unusable": self._unusable(),
        }
        width = max(map(len, lines)) + 2
        text = [f"{name:<{width}}{value}" for name, value in lines.items() if value]
        return "\n".join([*text, *(f"note: {note}" for note in self.notes)])

    def _unusable(self) -> str:
        count = sum(image.degenerate for image in self.images)
        return f"output for {_images(count)}; the blurred one was counted" if count else ""

    def _means(self, variant: str) -> dict[str, float]:
        means = {name: self.mean(variant, name) for name in self.metrics}
        return {name: value for name, value in means.items() if value is not None}

    def _cells(self, row: Values) -> list[str]:
        return [_show(name, row.get(name)) for name in self.metrics]


def _has(reference: Reference, metric: str) -> bool:
    return any(metric in row for row in reference.rows.values())


def _images(count: int) -> str:
    return f"{count} image" + ("" if count == 1 else "s")


def _show(metric: str, value: float | None) -> str:
    return "" if value is None else f"{value:.{METRICS[metric][0]}f}"


def _aligned(rows: Iterable[list[str]]) -> list[str]:
    """Columns of equal width: the first to the left, numbers to the right."""
    rows = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        numbers = (f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join([f"{row[0]:<{widths[0]}}", *numbers]).rstrip())
    return lines


def _image(image: ImageResult) -> dict[str, Any]:
    return {
        "name": image.name,
        "height": image.height,
        "width": image.width,
        "seconds": image.seconds,
        "rows": _numbers(image.rows),
        "degenerate": image.degenerate,
        "remarks": list(image.remarks),
    }


def _numbers(value: Any) -> Any:
    """`value` with numbers that JSON lacks as text, through all dictionaries and lists."""
    if isinstance(value, Mapping):
        return {key: _numbers(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return json_number(value)
    return value
