"""What bfloat16 costs a model: the same images, restored in it and in float32."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tfdeblur.errors import InvalidInput
from tfdeblur.evaluation.gopro import EvaluationPair, evaluate_pairs
from tfdeblur.evaluation.report import EvaluationReport, gain, json_number
from tfdeblur.evaluation.report_parts import finite_mean, machine_line
from tfdeblur.restorers.open import Model, open_restorer
from tfdeblur.restorers.precision import MOST_COST_DB, fast_bfloat16


@dataclass(frozen=True)
class Bfloat16Cost:
    """Two reports on the same images.

    Attributes:
        float32, bfloat16: what was measured in each arithmetic.
    """

    float32: EvaluationReport
    bfloat16: EvaluationReport

    @property
    def costs_db(self) -> dict[str, float]:
        """By image, dB of `psnr_rgb_u8` that bfloat16 loses against float32; below 0: gains."""
        low = {score.name: score.restored["psnr_rgb_u8"] for score in self.bfloat16.images}
        return {
            score.name: gain(low[score.name], score.restored["psnr_rgb_u8"])
            for score in self.float32.images
            if score.name in low
        }

    @property
    def mean_db(self) -> float:
        """Mean over images of the cost, dB; infinite ones are left out."""
        return finite_mean(self.costs_db.values())

    @property
    def changed(self) -> bool:
        """Whether any image came out otherwise; else bfloat16 was not in use at all."""
        return any(self.costs_db.values())

    @property
    def is_complete(self) -> bool:
        """Whether every image was measured in both."""
        return self.float32.is_complete and self.bfloat16.is_complete

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "bfloat16_costs_db": json_number(self.mean_db),
            "images": {name: json_number(cost) for name, cost in self.costs_db.items()},
            "seconds": {
                "float32": json_number(self.float32.mean_seconds),
                "bfloat16": json_number(self.bfloat16.mean_seconds),
            },
            "gain_db": {
                "float32": json_number(self.float32.mean_gain_db),
                "bfloat16": json_number(self.bfloat16.mean_gain_db),
            },
            "data": self.float32.data,
            "machine": self.float32.machine,
        }

    def table(self) -> str:
        """One row per image and one of means, for people; and what it comes to."""
        width = max(len(name) for name in (*self.costs_db, "image"))
        low = {score.name: score for score in self.bfloat16.images}
        lines = [f"{'image':<{width}}  float32, dB  bfloat16, dB  costs, dB"]
        for score in self.float32.images:
            if score.name in low:
                full, less = (one.restored["psnr_rgb_u8"] for one in (score, low[score.name]))
                lines.append(_row(score.name, width, full, less, self.costs_db[score.name]))
        full, less = (one.mean("psnr_rgb_u8")[1] for one in (self.float32, self.bfloat16))
        lines += ["-" * len(lines[0]), _row("mean", width, full, less, self.mean_db)]
        lines += ["", self.text()]
        return "\n".join(lines)

    def text(self) -> str:
        """The cost in words."""
        seconds = [report.mean_seconds for report in (self.float32, self.bfloat16)]
        taken = "takes" if self.mean_db < MOST_COST_DB else "does not take"
        return (
            f"bfloat16 costs {self.mean_db:.4f} dB on average over {len(self.costs_db)} images, at "
            f"most {max(self.costs_db.values()):.4f} dB on one; {seconds[0]:.3f} and "
            f"{seconds[1]:.3f} s an image in float32 and bfloat16 "
            f"({machine_line(self.float32.machine)}). precision=auto {taken} it: the bar is "
            f"{MOST_COST_DB:g} dB."
        )


def measure_bfloat16(
    model: Model,
    pairs: Sequence[EvaluationPair],
    on_progress: Callable[[EvaluationReport], None] | None = None,
    *,
    data: str = "",
) -> Bfloat16Cost:
    """Restores all pairs twice.

    Args:
        model: as for `open_restorer`.
        pairs: what to measure on.
        on_progress: see `evaluate_pairs`.
        data: what the report says was measured on.

    Raises:
        InvalidInput: if this machine cannot do it (`precision.fast_bfloat16`), no image could be
            measured, or none came out otherwise than in float32.
    """
    if not fast_bfloat16():
        raise InvalidInput(
            "What bfloat16 costs can be measured only where it is in use: on a processor with "
            "AVX-512 BF16 or AMX, without a GPU, and not with TF_ENABLE_ONEDNN_OPTS=0."
        )
    reports = [
        evaluate_pairs(
            open_restorer(model, {"precision": precision}),
            pairs,
            on_progress,
            data=data,
            model=str(model),
            settings={"protocol": "gopro", "precision": precision},
        )
        for precision in ("float32", "bfloat16")
    ]
    found = Bfloat16Cost(*reports)
    if not found.costs_db:
        raise InvalidInput(f"No pair of {data} could be measured.")
    if not found.changed:
        raise InvalidInput(
            f"bfloat16 changed no image of {data}: TensorFlow did not use it, or the network "
            "changes nothing. That is no measurement of what it costs."
        )
    return found


def _row(name: str, width: int, full: float, low: float, cost: float) -> str:
    return f"{name:<{width}}  {full:11.4f}  {low:12.4f}  {cost:9.4f}"
