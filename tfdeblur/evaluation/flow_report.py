"""What an evaluation of motion flows found: one score per image, their means, a yardstick."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfdeblur.data.flow_pairs import constant_flow
from tfdeblur.evaluation.narrow import fitted
from tfdeblur.evaluation.report_base import MeasuredReport
from tfdeblur.evaluation.report_parts import data_line, machine_line, mean, model_line
from tfdeblur.text import hanging

# Name of a value -> what it says to a reader of the report.
FLOW_PROTOCOLS = {
    "flow_mse": "pixels^2, over u and v of all pixels, both flows with u >= 0; what the "
    "motion-flow paper's table 1 prints",
    "end_point_error": "pixels, mean distance of the end points, both flows with u >= 0",
    "sign_free_epe": "pixels, the same to the nearer of (u, v) and (-u, -v): what the blur "
    "depends on",
}
_DEGENERATE = "degenerate: counted as no motion"
_WIDTHS = {"flow_mse": 14, "end_point_error": 19, "sign_free_epe": 17, "seconds": 7}
_HEADS = {
    "flow_mse": "flow_mse, px^2",
    "end_point_error": "end_point_error, px",
    "sign_free_epe": "sign_free_epe, px",
    "seconds": "seconds",
}


@dataclass(frozen=True)
class FlowScore:
    """The errors of one estimated flow.

    Attributes:
        name: of the image.
        height, width: pixels.
        values: name of the measure -> value (`FLOW_PROTOCOLS`).
        moments: of the true flow, see `data.flow_pairs.flow_moments`.
        seconds: of the estimate for this image, tracing not included.
        degenerate: True if the estimate was not finite; no motion was counted in its place.
    """

    name: str
    height: int
    width: int
    values: dict[str, float]
    moments: np.ndarray
    seconds: float
    degenerate: bool = False


class FlowReport(MeasuredReport[FlowScore]):
    """Errors of estimated flows."""

    protocols = FLOW_PROTOCOLS

    def mean(self, name: str) -> float:
        """Mean over images of a measure; NaN without images."""
        return mean(score.values[name] for score in self.images)

    def yardstick(self) -> dict[str, float]:
        """The one flow that comes nearest to all true flows, which an estimate must beat.

        Returns:
            `u` and `v` (pixels), its `flow_mse` (pixels^2), and `ratio`, the model's flow MSE
            over that, dimensionless (infinite where nothing is left to err by); empty without
            images.
        """
        if not self.images:
            return {}
        flow, mse = constant_flow([score.moments for score in self.images])
        ratio = self.mean("flow_mse") / mse if mse > 0 else math.inf
        return {"u": float(flow[0]), "v": float(flow[1]), "flow_mse": mse, "ratio": ratio}

    def _means(self) -> dict[str, Any]:
        measured = self.images or None  # means of nothing are null: JSON has no NaN
        return {
            **{name: measured and self.mean(name) for name in FLOW_PROTOCOLS},
            "seconds": measured and self.mean_seconds,
        }

    def _more(self) -> dict[str, Any]:
        constant = self.yardstick().items()
        return {
            "constant_flow": {
                name: value if math.isfinite(value) else None for name, value in constant
            }
        }

    def _image(self, score: FlowScore) -> dict[str, Any]:
        return {
            "name": score.name,
            "height": score.height,
            "width": score.width,
            **score.values,
            "seconds": score.seconds,
            "degenerate": score.degenerate,
        }

    def table(self, columns: int | None = None) -> str:
        """One row per image, one of means and one of the best constant flow, for people.

        Args:
            columns: of the terminal; names are shortened to fit it, and the seconds left out.
        """
        whole = self._whole_table()
        if columns is None or max(map(len, whole.splitlines())) < columns:
            return whole
        cells = [[one.name, *_cells({**one.values, "seconds": one.seconds})] for one in self.images]
        if self.images:
            means = {name: self.mean(name) for name in FLOW_PROTOCOLS}
            cells.append(["mean", *_cells({**means, "seconds": self.mean_seconds})])
            cells.append(
                ["best constant flow", *_cells({"flow_mse": self.yardstick()["flow_mse"]})]
            )
        head, *lines = fitted(["image", *_HEADS.values()], cells, columns, ("seconds",))
        below = [head]
        for line, score in zip(lines, self.images, strict=False):
            below += [line, *([f"  {_DEGENERATE}"] if score.degenerate else [])]
        rule = ["-" * max(map(len, (head, *lines)))] if self.images else []
        return "\n".join([*below, *rule, *lines[len(self.images) :]])

    def _whole_table(self) -> str:
        names = [score.name for score in self.images]
        width = max(map(len, [*names, "best constant flow"]))
        lines = [f"{'image':<{width}}  " + "  ".join(_HEADS.values())]
        for score in self.images:
            remark = f"  {_DEGENERATE}" if score.degenerate else ""
            row = _row(score.name, width, {**score.values, "seconds": score.seconds})
            lines.append(row + remark)
        if self.images:
            means = {name: self.mean(name) for name in FLOW_PROTOCOLS}
            lines.append("-" * len(lines[0]))
            lines.append(_row("mean", width, {**means, "seconds": self.mean_seconds}))
            constant = {"flow_mse": self.yardstick()["flow_mse"]}
            lines.append(_row("best constant flow", width, constant).rstrip())
        return "\n".join(lines)

    def summary(self, columns: int | None = None) -> str:
        """Data, model, what the numbers are and the machine: what a reader must know.

        Args:
            columns: of the terminal, to wrap at; None: nothing is wrapped.
        """
        facts = {
            "data": data_line(self.data, self.split, len(self.images), self.count),
            "model": model_line(self.model, self.settings),
            **FLOW_PROTOCOLS,
        }
        if found := self.yardstick():
            facts["constant flow"] = (
                f"({found['u']:.2f}, {found['v']:.2f}) pixels, the one flow that comes nearest to "
                f"all; the model's flow_mse is {found['ratio']:.3f} of its"
            )
        facts["seconds"] = "wall time of one call per image, first call of each size not counted"
        facts["machine"] = machine_line(self.machine)
        return "\n".join(hanging(f"{name:<17}", text, columns) for name, text in facts.items())


def _row(name: str, width: int, values: dict[str, float]) -> str:
    spaces = _WIDTHS.values()
    cells = [f"{cell:>{space}}" for cell, space in zip(_cells(values), spaces, strict=True)]
    return f"{name:<{width}}  " + "  ".join(cells)


def _cells(values: dict[str, float]) -> list[str]:
    return [f"{values[key]:.3f}" if key in values else "" for key in _WIDTHS]
