"""Figure 10 of the motion-flow paper: trained with the artifact penalty, and without."""

from collections.abc import Mapping
from typing import Any

from tfdeblur.evaluation.experiments.base import Experiment, Found, Fraction, quality
from tfdeblur.evaluation.experiments.cases import Case
from tfdeblur.evaluation.experiments.models import Model
from tfdeblur.evaluation.experiments.pictures import Row
from tfdeblur.evaluation.experiments.report import ExperimentReport, Values
from tfdeblur.evaluation.experiments.stages import (
    levels_of,
    part,
    stage_pictures,
    stage_rows,
)


class ArtifactPenalty(Experiment):
    """Every level of two models on the same images.

    Args:
        models: "with" and "without" -> model.
        settings: see `Experiment`.
    """

    name = "artifact-penalty"
    title = "every level of a model trained with the artifact penalty, and of one without"
    notes: tuple[str, ...] = (
        "the motion-flow paper shows pictures (figure 10) and no numbers; one run of each kind "
        "says little: two runs of one kind differ as well",
    )

    def __init__(self, models: Mapping[str, Model], **settings: Any) -> None:
        first, *others = models.items()
        # One name, two values: of the further model only what it does otherwise is named.
        otherwise = {
            f"{key} {name}": value
            for name, model in others
            for key, value in model.settings.items()
            if value != first[1].settings.get(key)
        }
        super().__init__([first[1]], **otherwise, **settings)
        self.notes = (*self.notes, *(note for _, model in others for note in model.notes))
        self._restorers = {name: model.restorer for name, model in models.items()}

    def measure(self, case: Case, progress: Fraction) -> Found:
        """See `Experiment`."""
        rows: dict[str, Values] = {"blurred": quality(case.sharp, case.blurred)}
        pictures: list[Row] = []
        found = Found(rows, pictures)
        for i, (name, restorer) in enumerate(self._restorers.items()):
            progress_of_run = part(progress, i, len(self._restorers))
            restored = restorer(case.blurred, keep_stages=True, progress=progress_of_run)
            stages = levels_of(restored, case, restorer)
            rows |= stage_rows(stages, case, f"{name}, ")
            pictures += stage_pictures(stages, case, rows, f"{name}, ")
            found.tell(restored, name)
        return found

    def summary(self, report: ExperimentReport) -> dict[str, Any]:
        """PSNR that the levels after the first add, mean over images, dB."""
        added = {}
        for name in self._restorers:
            levels = [v for v in report.variants if v.startswith(f"{name}, ")]
            cleaned = [v for v in levels if "deconvolved" not in v]
            first, last = (report.mean(cleaned[i], "psnr_rgb_u8") for i in (0, -1))
            if first is not None and last is not None:
                added[f"dB from the first level to the last, {name}"] = last - first
        return added
