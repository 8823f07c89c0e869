"""Tables 2 and 3 of the motion-flow paper: the result goes through the whole system again."""

import numpy as np

from tfdeblur.evaluation.experiments.base import (
    Experiment,
    Found,
    Fraction,
    captioned,
    quality,
)
from tfdeblur.evaluation.experiments.cases import Case
from tfdeblur.evaluation.experiments.models import Model
from tfdeblur.evaluation.experiments.report import Reference, Values
from tfdeblur.evaluation.experiments.stages import part


def _reference(source: str, psnr, ssim, seconds=(None,) * 3) -> Reference:
    rows: dict[str, Values] = {}
    for i, (decibels, similarity, time) in enumerate(zip(psnr, ssim, seconds, strict=True)):
        row = {"psnr_rgb_u8": decibels, "ssim": similarity}
        rows[f"pass {i + 1}"] = row if time is None else {**row, "seconds": time}
    return Reference(source, rows)


GOPRO = _reference(
    "the motion-flow paper, table 2, GOPRO test set (1,111 pairs), their weights and GPU",
    (30.03, 30.96, 31.25),
    (0.9352, 0.9487, 0.9518),
    (17.0, 32.0, 47.0),
)
KOHLER = _reference(
    "the motion-flow paper, table 3, Koehler set (48 images, best match over ground-truth frames: "
    "another protocol), their weights",
    (27.25, 28.46, 29.19),
    (0.8642, 0.8933, 0.9128),
)


class GlobalIterations(Experiment):
    """Quality, seconds and confidence after each pass; nothing stops early.

    Args:
        model: its restorer makes one pass a call.
        passes: int >= 1.
    """

    name = "global-iterations"
    title = "the whole system once, twice, three times"
    references = (GOPRO, KOHLER)
    notes: tuple[str, ...] = (
        "score and flow_length of a pass: of its own estimate and its own input, which is the "
        "result of the pass before",
    )

    def __init__(self, model: Model, passes: int) -> None:
        super().__init__([model], passes=passes)
        self._restorer = model.restorer
        self._passes = passes
        self._traced: set[tuple[int, ...]] = set()

    def measure(self, case: Case, progress: Fraction) -> Found:
        """See `Experiment`."""
        if case.blurred.shape not in self._traced:  # tracing is no part of what a pass takes
            self._restorer(case.blurred)
            self._traced.add(case.blurred.shape)
        rows: dict[str, Values] = {"blurred": quality(case.sharp, case.blurred)}
        row = {captioned("blurred", rows): case.blurred}
        found, image, seconds = Found(rows), case.blurred, 0.0
        for number in range(1, self._passes + 1):
            restored = self._restorer(image, progress=part(progress, number - 1, self._passes))
            image, seconds = restored.image, seconds + restored.seconds
            name = f"pass {number}"
            rows[name] = {
                **quality(case.sharp, image),
                "score": float(np.mean(restored.score)),
                "flow_length": float(np.linalg.norm(np.asarray(restored.flow), axis=-1).mean()),
                "seconds": seconds,
            }
            row[captioned(name, rows)] = image
            found.tell(restored, name)
        found.pictures = [{**row, "sharp": case.sharp}]
        return found
