"""Does the confidence, which needs no sharp image, tell where restoring gained?"""

from typing import Any

import cv2
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
from tfdeblur.evaluation.experiments.pictures import scatter
from tfdeblur.evaluation.experiments.report import Column, ExperimentReport, Values
from tfdeblur.evaluation.experiments.stages import part
from tfdeblur.evaluation.report import gain
from tfdeblur.image.codec import to_uint8

RESTORED = "restored"


class Confidence(Experiment):
    """The confidence of each image beside the gain in PSNR, and how both correlate.

    Args:
        model: the model.
    """

    name = "confidence"
    title = "confidence of an image against what restoring it gained"

    def __init__(self, model: Model) -> None:
        super().__init__([model])
        self._restorer = model.restorer

    def measure(self, case: Case, progress: Fraction) -> Found:
        """See `Experiment`."""
        restored = self._restorer(case.blurred, progress=part(progress))
        before, after = quality(case.sharp, case.blurred), quality(case.sharp, restored.image)
        gained = gain(before["psnr_rgb_u8"], after["psnr_rgb_u8"])
        score = {"score": float(np.mean(restored.score)), "gain_db": gained}
        rows: dict[str, Values] = {"blurred": before, RESTORED: {**after, **score}}
        row = {
            captioned("blurred", rows): case.blurred,
            f"confidence  {score['score']:.3f}": _heat(restored.confidence),
            captioned(RESTORED, rows): restored.image,
            "sharp": case.sharp,
        }
        found = Found(rows, [row])
        found.tell(restored)
        return found

    def columns(self, report: ExperimentReport) -> list[Column]:
        """See `Experiment`: the two numbers that are held against each other."""
        return [
            ("blurred, dB", "blurred", "psnr_rgb_u8"),
            ("gain, dB", RESTORED, "gain_db"),
            ("score", RESTORED, "score"),
        ]

    def summary(self, report: ExperimentReport) -> dict[str, Any]:
        """Correlations over the images so far; NaN below two of them, or where nothing varies."""
        scores, gains = _scores_and_gains(report)
        return {"pearson": pearson(scores, gains), "spearman": spearman(scores, gains)}

    def pictures(self, report: ExperimentReport) -> dict[str, np.ndarray]:
        """A dot for every image."""
        labels = ("confidence score", "gain, dB")
        return {f"{self.name}-scatter": scatter(*_scores_and_gains(report), labels)}


def pearson(x: Any, y: Any) -> float:
    """Correlation of two equally long lists, in [-1, 1]; pairs that are not finite are left out.

    Returns:
        float, NaN where it is not defined: fewer than two pairs, or a list that does not vary.
    """
    a, b = _finite_pairs(x, y)
    if len(a) < 2:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / norm) if norm > 0 else float("nan")


def spearman(x: Any, y: Any) -> float:
    """Correlation of the ranks of two lists; equal values share the mean of their ranks.

    Returns:
        As `pearson`.
    """
    return pearson(*(ranks(values) for values in _finite_pairs(x, y)))


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, of equal values the mean of theirs, float of the same shape `(n,)`."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[places]


def _finite_pairs(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(x, float), np.asarray(y, float)
    finite = np.isfinite(a) & np.isfinite(b)
    return a[finite], b[finite]


def _scores_and_gains(report: ExperimentReport) -> tuple[list[float], list[float]]:
    return report.values(RESTORED, "score"), report.values(RESTORED, "gain_db")


def _heat(confidence: Any) -> np.ndarray:
    """A heat map of values in [0, 1], uint8 `(height, width, 3)` RGB: dark is 0, bright 1."""
    levels = to_uint8(np.asarray(confidence, np.float32))
    return cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)
