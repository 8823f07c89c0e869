"""What the estimate of the flow costs: restorations with the true and with the estimated flow."""

from collections.abc import Mapping, Sequence
from typing import Any

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
from tfdeblur.evaluation.experiments.report import ExperimentReport, Values
from tfdeblur.evaluation.experiments.stages import levels_of, part, stage_rows
from tfdeblur.metrics import end_point_error, flow_mse, sign_free_end_point_error
from tfdeblur.operators import flow_to_color
from tfdeblur.restorers.blind.results import BlindRestored
from tfdeblur.restorers.known_flow import KnownFlow
from tfdeblur.restorers.protocol import Stage

FLOWS = ("true", "estimated")
_ERRORS = {
    "flow_mse": flow_mse,
    "end_point_error": end_point_error,
    "sign_free_epe": sign_free_end_point_error,
}


class Oracle(Experiment):
    """Deconvolution alone and every level, with the true flow and with the estimated one.

    Args:
        model: the model.
        betas: of deconvolution alone; its best is what the generator must beat, and that lies
            elsewhere for true flows than for estimated ones.
    """

    name = "oracle"
    title = "the true flow against the estimated one"

    def __init__(self, model: Model, betas: Sequence[float]) -> None:
        super().__init__([model], deconvolution_betas=list(betas))
        self._restorer = model.restorer
        self._betas = tuple(betas)
        if known := model.settings.get("known_betas"):
            self.notes = (
                *self.notes,
                f"the levels have the betas {_listed(known)} with the true flow and "
                f"{_listed(model.settings['betas'])} with the estimated one: the model has two "
                "schedules, so they differ in both",
            )

    def measure(self, case: Case, progress: Fraction) -> Found:
        """See `Experiment`."""
        restored: dict[str, BlindRestored] = {}
        for i, (name, flow) in enumerate((("true", case.flow), ("estimated", None))):
            restored[name] = self._restorer(
                case.blurred, flow=flow, keep_stages=True, progress=part(progress, i, 2)
            )
        flows = {"true": case.flow, "estimated": restored["estimated"].flow}
        alone = {name: self._deconvolved(case, flow, name) for name, flow in flows.items()}
        stages = {name: levels_of(one, case, self._restorer) for name, one in restored.items()}
        rows: dict[str, Values] = {"blurred": quality(case.sharp, case.blurred)}
        for images in alone.values():
            rows |= {name: quality(case.sharp, image) for name, image in images.items()}
        for name in FLOWS:
            rows |= stage_rows(stages[name], case, f"{name} flow, ")
        rows["estimated flow"] = flow_errors(flows["true"], flows["estimated"])
        pictures = [_row(case, n, flows, alone[n], stages[n], rows) for n in FLOWS]
        found = Found(rows, pictures)
        for name, one in restored.items():
            found.tell(one, f"{name} flow")
        return found

    def _deconvolved(self, case: Case, flow: Any, name: str) -> dict[str, np.ndarray]:
        """Variant -> image, for every beta."""
        solve = KnownFlow(rasterizer=self.settings["rasterizer"])
        images = {}
        for beta in self._betas:
            solve.beta = beta  # the operator is built once
            images[_alone(name, beta)] = solve(case.blurred, flow=flow).image
        return images

    def summary(self, report: ExperimentReport) -> dict[str, Any]:
        """The beta with which deconvolution alone does best on average, for either flow."""
        best = {}
        for name in FLOWS:
            means = {
                beta: mean
                for beta in self._betas
                if (mean := report.mean(_alone(name, beta), "psnr_rgb_u8")) is not None
            }
            if means:
                beta = max(means, key=lambda beta: means[beta])
                best[f"best beta alone, {name} flow"] = {"beta": beta, "psnr_rgb_u8": means[beta]}
        return best


def flow_errors(true: Any, estimated: Any) -> dict[str, float]:
    """Errors of one estimated flow `(height, width, 2)`: name of the error -> value, pixels."""
    pair = [np.asarray(flow, np.float32)[None] for flow in (true, estimated)]
    return {name: float(np.asarray(error(*pair))[0]) for name, error in _ERRORS.items()}


def _listed(betas: Sequence[float]) -> str:
    return ", ".join(f"{beta:g}" for beta in betas)


def _alone(name: str, beta: float) -> str:
    return f"{name} flow, deconvolution alone, beta {beta:g}"


def _row(
    case: Case,
    name: str,
    flows: Mapping[str, Any],
    alone: Mapping[str, np.ndarray],
    stages: Sequence[Stage],
    rows: Mapping[str, Values],
) -> dict[str, np.ndarray]:
    """blurred | flow | deconvolution alone, at its best | levels | sharp."""
    longest = float(np.linalg.norm(flows["true"], axis=-1).max()) or 1.0
    best = max(alone, key=lambda variant: rows[variant]["psnr_rgb_u8"])
    levels = {
        captioned(f"{name} flow, level {stage.level}", rows): stage.restored for stage in stages
    }
    alone_caption = captioned(best, rows).removeprefix(f"{name} flow, deconvolution ")
    return {
        captioned("blurred", rows): case.blurred,
        f"{name} flow": flow_to_color(np.asarray(flows[name]), longest),
        alone_caption: alone[best],
        **levels,
        "sharp": case.sharp,
    }
