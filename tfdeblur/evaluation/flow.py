"""The flow protocol: whole images, one value per image, mean over images.

Source: the motion-flow paper, section 6.1, table 1, which gives flow MSE. The other values are
ours; see `flow_report.FLOW_PROTOCOLS`.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tfdeblur.data.flow_pairs import FlowSource, flow_moments
from tfdeblur.errors import TfdeblurError
from tfdeblur.evaluation.flow_report import FlowReport, FlowScore
from tfdeblur.evaluation.gopro import check_limit
from tfdeblur.evaluation.report_base import Failure
from tfdeblur.evaluation.timing import machine_facts
from tfdeblur.image.codec import to_float
from tfdeblur.metrics import end_point_error, flow_mse, sign_free_end_point_error

logger = logging.getLogger(__name__)

METRICS = {
    "flow_mse": flow_mse,
    "end_point_error": end_point_error,
    "sign_free_epe": sign_free_end_point_error,
}


def evaluate_flows(
    estimate: Callable[[np.ndarray], Any],
    source: FlowSource,
    on_progress: Callable[[FlowReport], None] | None = None,
    *,
    limit: int | None = None,
    data: str = "",
    model: str = "",
    split: str | None = None,
    settings: dict[str, Any] | None = None,
    on_estimate: Callable[[str, np.ndarray, np.ndarray, np.ndarray], None] | None = None,
) -> FlowReport:
    """Estimates the flow of every image and measures it against the true one.

    The first call with each size is made once more before it is timed, as `evaluate_pairs` does.

    Args:
        estimate: function from float32 `(1, height, width, 3)` in [0, 1], any size, to float
            `(1, height, width, 2)`, pixels, of either sign: `restorers.graph.inference_function`
            of a SEN.
        source: the images, of `data.flow_sources.open_flow_source`.
        on_progress: called with the growing report after each image.
        limit: int >= 1, the first so many images; None takes all.
        data, model, split, settings: what the report says was measured.
        on_estimate: called as `on_estimate(name, blurred, estimated, true)` after each image:
            uint8 `(height, width, 3)` and two float32 `(height, width, 2)`, pixels.

    Returns:
        `FlowReport`. An image that cannot be read is in `failures`; the others are done. An
        estimate that is not finite counts as no motion and is marked as degenerate.

    Raises:
        InvalidInput: if `limit` is below 1.
    """
    check_limit(limit)
    count = min(source.count, limit or source.count)
    report = FlowReport(data, model, split, count, settings or {}, machine_facts())
    for index, name in enumerate(source.names[:count]):
        try:
            blurred, true = source.load_labelled(index)
            estimated, seconds = _estimate(estimate, to_float(blurred), report)
            report.images.append(_score(name, true, estimated, seconds))
            if on_estimate is not None:
                on_estimate(name, blurred, estimated, true)
        except TfdeblurError as error:
            report.failures.append(Failure(name, str(error)))
            logger.debug("%s failed", name, exc_info=True)
        if on_progress is not None:
            on_progress(report)
    return report


def _estimate(
    estimate: Callable[[np.ndarray], Any], blurred: np.ndarray, report: FlowReport
) -> tuple[np.ndarray, float]:
    size = "x".join(str(side) for side in blurred.shape[:2])
    if size not in report.first_call_seconds:
        _, report.first_call_seconds[size] = _timed(estimate, blurred)
    return _timed(estimate, blurred)


def _timed(estimate: Callable[[np.ndarray], Any], blurred: np.ndarray) -> tuple[np.ndarray, float]:
    start = time.perf_counter()
    flow = np.asarray(estimate(blurred[np.newaxis]), np.float32)[0]  # waits for accelerators
    return flow, time.perf_counter() - start


def _score(name: str, true: np.ndarray, estimated: np.ndarray, seconds: float) -> FlowScore:
    degenerate = not np.isfinite(estimated).all()
    if degenerate:
        estimated = np.zeros_like(true)
    pair = true[np.newaxis], estimated[np.newaxis]
    values = {key: float(metric(*pair)[0]) for key, metric in METRICS.items()}
    height, width = true.shape[:2]
    return FlowScore(name, height, width, values, flow_moments(true), seconds, degenerate)
