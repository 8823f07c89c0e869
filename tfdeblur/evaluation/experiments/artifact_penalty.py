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
    notes = (
        "the motion-flow paper shows pictures (figure 10) and no numbers; one run of each kind "
        "says little: two runs of one kind differ as well",
    )

    def __init__(self, models: Mapping[str, Model], **settings: Any) -> None:
        super().__init__(list(models.values()), **settings)
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
        """PSNR that each further level adds after the first, mean over images, dB."""
        added = {}
        for name in self._restorers:
            levels = [v for v in report.variants if v.startswith(f"{name}, ")]
            means = [report.mean(v, "psnr_rgb_u8") for v in levels if "deconvolved" not in v]
            if len(means) > 1 and means[0] is not None and means[-1] is not None:
                added[f"dB from the first level to the last, {name}"] = means[-1] - means[0]
        return added
