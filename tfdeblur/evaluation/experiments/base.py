"""What all experiments have in common, and the loop that runs them."""

import logging
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tfdeblur.errors import TfdeblurError
from tfdeblur.evaluation.experiments.cases import Case, Cases
from tfdeblur.evaluation.experiments.models import Model
from tfdeblur.evaluation.experiments.pictures import Row, panel
from tfdeblur.evaluation.experiments.report import (
    Column,
    ExperimentReport,
    ImageResult,
    Reference,
    Values,
)
from tfdeblur.evaluation.gopro import METRICS
from tfdeblur.evaluation.panels import panel_path
from tfdeblur.evaluation.report_base import Failure
from tfdeblur.evaluation.report_parts import make_folder
from tfdeblur.evaluation.timing import machine_facts
from tfdeblur.image.atomic import write_atomically
from tfdeblur.image.codec import encode_image
from tfdeblur.restorers.protocol import DegenerateOutputWarning, NotConvergedWarning, Restored

logger = logging.getLogger(__name__)

Fraction = Callable[[float], None]


@dataclass
class Found:
    """What an experiment measured on one image.

    Attributes:
        rows: variant -> numbers (`report.METRICS`).
        pictures: rows of images with captions, as `pictures.panel` takes them.
        remarks, degenerate: see `ImageResult`.
    """

    rows: dict[str, Values] = field(default_factory=dict)
    pictures: Sequence[Row] = ()
    remarks: list[str] = field(default_factory=list)
    degenerate: bool = False

    def tell(self, restored: Restored, variant: str = "") -> None:
        """Takes over what a restoration says about itself, under the name of its variant."""
        prefix = f"{variant}: " if variant else ""
        if remark := getattr(restored, "remark", ""):
            self.remarks.append(prefix + remark)
        self.degenerate |= bool(restored.degenerate)


class Experiment:
    """An experiment: what is done to each image, and what all images together say.

    Args:
        models: whose settings and notes the report shall hold; one without settings is fine.
        settings: more of what the numbers depend on, JSON values.

    Attributes:
        name: on the command line, and of the files that are written.
        title: one line that says what it shows.
        references: published numbers to hold the results beside.
        notes: sentences a reader must know.
        settings: what the numbers depend on, JSON values.
        interrupted: set by an experiment that was stopped within an image and kept what it had.
    """

    name = ""
    title = ""
    references: tuple[Reference, ...] = ()
    notes: tuple[str, ...] = ()
    interrupted = False

    def __init__(self, models: Sequence[Model] = (), **settings: Any) -> None:
        self.settings: dict[str, Any] = {}
        for model in models:
            self.settings |= model.settings
            self.notes = (*self.notes, *model.notes)
        self.settings |= settings

    def measure(self, case: Case, progress: Fraction) -> Found:
        """Measures one image; calls `progress` with the fraction that is done, 0..1."""
        raise NotImplementedError

    def columns(self, report: ExperimentReport) -> list[Column]:
        """What people are shown of every image: PSNR, but not of what comes before cleaning."""
        return [
            (name, name, "psnr_rgb_u8")
            for name in report.variants
            if "deconvol" not in name and report.values(name, "psnr_rgb_u8")
        ]

    def summary(self, report: ExperimentReport) -> dict[str, Any]:
        """Further numbers over all images so far, JSON values or floats."""
        return {}

    def pictures(self, report: ExperimentReport) -> dict[str, np.ndarray]:
        """Pictures over all images: name -> uint8 `(height, width, 3)` RGB."""
        return {}


def run_experiment(
    experiment: Experiment,
    cases: Cases,
    out: str | Path,
    on_progress: Callable[[ExperimentReport, float], None] | None = None,
    *,
    model: str = "",
    data: str = "",
    split: str | None = None,
) -> ExperimentReport:
    """Runs an experiment on every image; what is finished is on disk after each of them.

    Args:
        experiment: what to do.
        cases: what to do it on.
        out: folder, made if missing, for NAME.json, panels/IMAGE.png and pictures over all
            images; files of the same names are replaced.
        on_progress: called as `on_progress(report, fraction)`, with the part of the image in work
            that is done, and after each image with 0; keeping the report is a way to keep the
            finished part of an experiment that is interrupted.
        model, data, split: what the report says was measured.

    Returns:
        `ExperimentReport`. An image that cannot be read or is too small is in `failures`; the
        others are done.

    Raises:
        DataError: if the results cannot be written.
    """
    report = ExperimentReport(
        experiment.name,
        experiment.title,
        model,
        data,
        split,
        len(cases),
        settings={"size": cases.size, **experiment.settings},
        machine=machine_facts(),
        references=experiment.references,
        notes=experiment.notes,
    )
    out, start = Path(out), time.perf_counter()
    make_folder(out)

    def tell(fraction: float) -> None:
        if on_progress is not None:
            on_progress(report, fraction)

    for name, load in cases:
        try:
            result, pictures = _measured(experiment, load, tell)
        except TfdeblurError as error:
            report.failures.append(Failure(name, str(error)))
            logger.debug("%s failed", name, exc_info=True)
        else:
            report.images.append(result)
            report.summary = experiment.summary(report)
            write_panel(out / "panels", name, pictures)
        report.seconds = time.perf_counter() - start
        report.write_json(out / f"{experiment.name}.json")
        for file, image in experiment.pictures(report).items():
            write_atomically(out / f"{file}.png", encode_image(image, None, "png"))
        tell(0.0)
        if experiment.interrupted:
            raise KeyboardInterrupt
    return report


def write_panel(folder: Path, name: str, rows: Sequence[Row]) -> Path | None:
    """Writes the pictures of one image as `folder/NAME.png`; nothing where there are none.

    Raises:
        DataError: if it cannot be written.
    """
    if not rows:
        return None
    path = panel_path(folder, name)
    make_folder(path.parent)
    write_atomically(path, encode_image(panel(rows), None, "png"))
    return path


def quality(sharp: np.ndarray, image: np.ndarray) -> dict[str, float]:
    """PSNR and SSIM of an image as a saved 8-bit PNG holds it, name of the protocol -> value.

    Args:
        sharp: uint8 `(height, width, 3)`.
        image: the same shape, uint8 or float in [0, 1].
    """
    return {name: float(metric(sharp, image)[0]) for name, metric in METRICS.items()}


def captioned(variant: str, rows: Mapping[str, Values]) -> str:
    """The caption of a picture: the variant and its PSNR."""
    return f"{variant}  {rows[variant]['psnr_rgb_u8']:.2f} dB"


def _measured(
    experiment: Experiment, load: Callable[[], Case], tell: Fraction
) -> tuple[ImageResult, Sequence[Row]]:
    start = time.perf_counter()
    case = load()
    with warnings.catch_warnings():
        # The report has them as remarks of the image; warnings on top would say it twice.
        for category in (DegenerateOutputWarning, NotConvergedWarning):
            warnings.simplefilter("ignore", category)
        found = experiment.measure(case, tell)
    height, width = case.sharp.shape[:2]
    seconds = time.perf_counter() - start
    result = ImageResult(
        case.name, height, width, found.rows, seconds, tuple(found.remarks), found.degenerate
    )
    return result, found.pictures
