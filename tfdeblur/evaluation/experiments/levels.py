"""Table 4 of the motion-flow paper: what each level of half-quadratic splitting adds."""

from tfdeblur.evaluation.experiments.base import Experiment, Found, Fraction, quality
from tfdeblur.evaluation.experiments.cases import Case
from tfdeblur.evaluation.experiments.models import Model
from tfdeblur.evaluation.experiments.report import Reference
from tfdeblur.evaluation.experiments.stages import levels_of, part, stage_pictures, stage_rows

TABLE_4 = Reference(
    "the motion-flow paper, table 4, GOPRO test set (1,111 pairs), their weights",
    {
        f"level {level}": {"psnr_rgb_u8": psnr, "ssim": ssim}
        for level, psnr, ssim in (
            (1, 28.77, 0.9273),
            (2, 29.58, 0.9305),
            (3, 29.86, 0.9314),
            (4, 29.83, 0.9312),
            (5, 29.84, 0.9312),
        )
    },
)


class Levels(Experiment):
    """Quality after each level of one run: deconvolved, and cleaned by the generator.

    Args:
        model: with as many levels as shall be shown.
    """

    name = "levels"
    title = "quality after each level of one run"
    references = (TABLE_4,)

    def __init__(self, model: Model) -> None:
        super().__init__([model])
        self._restorer = model.restorer

    def measure(self, case: Case, progress: Fraction) -> Found:
        """See `Experiment`."""
        restored = self._restorer(case.blurred, progress=part(progress), keep_stages=True)
        stages = levels_of(restored, case, self._restorer)
        rows = {"blurred": quality(case.sharp, case.blurred), **stage_rows(stages, case)}
        found = Found(rows, stage_pictures(stages, case, rows))
        found.tell(restored)
        return found
