"""What experiments take from a restoration: numbers and pictures of its levels."""

from collections.abc import Callable, Mapping, Sequence

from tfdeblur.evaluation.experiments.base import Fraction, captioned, quality
from tfdeblur.evaluation.experiments.cases import Case
from tfdeblur.evaluation.experiments.pictures import Row
from tfdeblur.evaluation.experiments.report import Values
from tfdeblur.restorers.blind.restorer import BlindRestorer
from tfdeblur.restorers.blind.results import BlindRestored
from tfdeblur.restorers.protocol import Stage


def part(progress: Fraction, index: int = 0, count: int = 1) -> Callable[[int, int], None]:
    """`progress(done, total)` of run `index` of `count`, as a fraction of all of them."""
    return lambda done, total: progress((index + done / max(1, total)) / count)


def levels_of(restored: BlindRestored, case: Case, restorer: BlindRestorer) -> Sequence[Stage]:
    """The levels of a pass; where its output was unusable and so are they, the blurred image."""
    if restored.stages:
        return restored.stages
    numbers = range(1, len(restorer.settings.betas) + 1)
    return [Stage(1, level, case.blurred, case.blurred) for level in numbers]


def stage_rows(stages: Sequence[Stage], case: Case, prefix: str = "") -> dict[str, Values]:
    """Quality of each level: variant -> numbers; deconvolved first, then cleaned."""
    rows: dict[str, Values] = {}
    for stage in stages:
        name = f"{prefix}level {stage.level}"
        rows[f"{name} deconvolved"] = quality(case.sharp, stage.deconvolved)
        rows[name] = quality(case.sharp, stage.restored)
    return rows


def stage_pictures(
    stages: Sequence[Stage], case: Case, rows: Mapping[str, Values], prefix: str = ""
) -> list[Row]:
    """Two rows, cleaned above deconvolved: blurred | level 1 | ... | sharp."""
    pictures: list[Row] = []
    for kind, what in (("restored", ""), ("deconvolved", " deconvolved")):
        row = {captioned("blurred", rows): case.blurred}
        for stage in stages:
            caption = captioned(f"{prefix}level {stage.level}{what}", rows)
            row[caption] = getattr(stage, kind)
        pictures.append({**row, "sharp": case.sharp})
    return pictures
