"""Several runs that were trained alike but for some settings, side by side on the same images."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.evaluation.experiments.base import Experiment, Found, Fraction, captioned, quality
from tfdeblur.evaluation.experiments.cases import Case
from tfdeblur.evaluation.experiments.pictures import Row, curves
from tfdeblur.evaluation.experiments.report import ExperimentReport, Reference, Values
from tfdeblur.evaluation.experiments.seeds import METRICS, Means, order_in_words, paired, spread
from tfdeblur.evaluation.report import gain
from tfdeblur.evaluation.report_parts import mean
from tfdeblur.restorers.protocol import Restored

_IN_A_ROW = 4  # restored images of a panel


@dataclass(frozen=True)
class TrainedRun:
    """A run to compare with others.

    Attributes:
        restorer: `Restorer` or `BlindRestorer` of its network.
        facts: what to say of it, JSON values.
        curve: what it measured while training, (epochs, mean PSNR in dB).
        kind: what it has in common with those that differ in their seed alone; "": its name.
        seed: of its training.
    """

    restorer: Callable[[np.ndarray], Restored]
    facts: dict[str, Any] = field(default_factory=dict)
    curve: Sequence[tuple[float, float]] = ()
    kind: str = ""
    seed: int = 0


class Ablation(Experiment):
    """PSNR, SSIM and seconds of every run on the same images, and the difference to the first.

    Args:
        runs: name of a variant -> its run, at least one; the first is what others are held to.
        references: published numbers of the same variants.
        notes: sentences a reader must know.
        settings: what all runs have in common, JSON values.
    """

    name = "ablation"
    title = "runs trained alike but for what their names say"

    def __init__(
        self,
        runs: Mapping[str, TrainedRun],
        references: Sequence[Reference] = (),
        notes: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        if not runs:
            raise InvalidInput("`runs` must hold at least one run. Received: none")
        super().__init__(**settings)
        self.references = tuple(references)
        self.notes = tuple(notes)
        self._runs = dict(runs)
        self._traced: set[tuple[int, ...]] = set()

    def measure(self, case: Case, progress: Fraction) -> Found:
        """See `Experiment`."""
        rows: dict[str, Values] = {"blurred": quality(case.sharp, case.blurred)}
        found, images = Found(rows), {}
        for number, (name, run) in enumerate(self._runs.items(), 1):
            if case.blurred.shape not in self._traced:  # tracing is no part of what a call takes
                run.restorer(case.blurred)
            restored = run.restorer(case.blurred)
            images[name] = restored.image
            values = quality(case.sharp, restored.image)
            gained = gain(rows["blurred"]["psnr_rgb_u8"], values["psnr_rgb_u8"])
            rows[name] = {**values, "gain_db": gained, "seconds": restored.seconds}
            found.tell(restored, name)
            progress(number / len(self._runs))
        self._traced.add(case.blurred.shape)
        found.pictures = _pictures(case, images, rows)
        return found

    def summary(self, report: ExperimentReport) -> dict[str, Any]:
        """What each run was, how kinds differ, and whether published numbers have their order.

        Of single runs the difference to the first over all images so far; of kinds with several
        seeds mean, spread and the difference to the first kind over the seeds.
        """
        found: dict[str, Any] = {name: run.facts for name, run in self._runs.items() if run.facts}
        means = {metric: self._means(report, metric) for metric in METRICS}
        psnr = means[METRICS[0]]
        if any(len(seeds) > 1 for seeds in psnr.values()):
            found |= _of_seeds(means)
        else:
            first, *others = self._runs
            for other in others:
                found[f"{other} against {first}"] = _difference(report, first, other)
        published = {
            kind: row["psnr_rgb_u8"]
            for reference in self.references
            for kind, row in reference.rows.items()
            if "psnr_rgb_u8" in row
        }
        if order := order_in_words(psnr, published):
            found["order"] = order
        return found

    def _means(self, report: ExperimentReport, metric: str) -> Means:
        """Kind -> seed -> mean over the images so far."""
        found: dict[str, dict[int, float]] = {}
        for name, run in self._runs.items():
            value = report.mean(name, metric)
            if value is not None and math.isfinite(value):
                found.setdefault(run.kind or name, {})[run.seed] = value
        return found

    def pictures(self, report: ExperimentReport) -> dict[str, np.ndarray]:
        """What each run measured while it was trained."""
        lines = {name: run.curve for name, run in self._runs.items() if run.curve}
        return {f"{self.name}-curves": curves(lines, ("epochs", "PSNR, dB"))} if lines else {}


def _of_seeds(means: Mapping[str, Means]) -> dict[str, Any]:
    """Mean and spread of each kind, in each metric, and what others gain over the first."""
    psnr = means[METRICS[0]]
    found: dict[str, Any] = {}
    for kind, seeds in psnr.items():
        spreads = {metric: spread(list(means[metric][kind].values())) for metric in METRICS}
        found[f"{kind}, {len(seeds)} seeds"] = spreads
    first, *others = psnr
    for other in others:
        if difference := paired(psnr[first], psnr[other]):
            found[f"{other} against {first}, over seeds"] = difference
    return found


def _difference(report: ExperimentReport, first: str, other: str) -> dict[str, Any]:
    """Of the images' PSNR: paired, as what is hard for one run is hard for the other."""
    before, after = (report.values(name, "psnr_rgb_u8") for name in (first, other))
    differences = [gain(*pair) for pair in zip(before, after, strict=True)]
    found: dict[str, Any] = {"dB": mean(differences)}
    if len(differences) > 1 and all(map(math.isfinite, differences)):
        found["standard error"] = statistics.stdev(differences) / math.sqrt(len(differences))
    found["better on"] = f"{sum(one > 0 for one in differences)} of {len(differences)}"
    return found


def _pictures(
    case: Case, images: Mapping[str, np.ndarray], rows: Mapping[str, Values]
) -> list[Row]:
    """Some runs a row, each between the blurred and the sharp image."""
    names = list(images)
    return [
        {
            captioned("blurred", rows): case.blurred,
            **{captioned(name, rows): images[name] for name in names[start : start + _IN_A_ROW]},
            "sharp": case.sharp,
        }
        for start in range(0, len(names), _IN_A_ROW)
    ]
