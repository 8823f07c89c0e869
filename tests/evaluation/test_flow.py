"""Evaluation of flows: values by hand, the yardstick, bad images named, timing without tracing."""

import json

import numpy as np
import pytest

from tests.helpers import noise
from tfdeblur.data.flow_pairs import flow_moments
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.evaluation import flow as protocol
from tfdeblur.evaluation.flow import evaluate_flows
from tfdeblur.evaluation.flow_report import FlowReport, FlowScore
from tfdeblur.operators import canonical_flow

SIZES = [(20, 24), (20, 24), (18, 31)]


class Source:
    """Three images whose mean grey level tells which they are."""

    names = ["a", "b", "c"]
    count = 3

    def __init__(self, broken=()):
        self.broken = broken
        self.flows = [canonical_flow(6 * noise(*s, 2, seed=i)) for i, s in enumerate(SIZES)]

    def load_labelled(self, index):
        if index in self.broken:
            raise DataError(f"{self.names[index]} is broken")
        return np.full((*SIZES[index], 3), index, np.uint8), self.flows[index]


class Shifted:
    """Estimates the true flow plus a constant; remembers its calls."""

    def __init__(self, source, shift=(0.0, 0.0)):
        self.source, self.shift, self.calls = source, np.array(shift, "float32"), []

    def __call__(self, image):
        assert image.dtype == np.float32 and image.shape[0] == 1
        self.calls.append(image.shape[1:3])
        return (self.source.flows[round(float(image.mean()) * 255)] + self.shift)[np.newaxis]


def test_values_are_those_of_the_metrics_on_each_image():
    source = Source()
    estimate, seen = Shifted(source, (0.5, -2.0)), []
    report = evaluate_flows(estimate, source, on_estimate=lambda *found: seen.append(found))
    assert [score.name for score in report.images] == ["a", "b", "c"] and report.is_complete
    for score, flow, (name, blurred, estimated, true) in zip(
        report.images, source.flows, seen, strict=True
    ):
        assert (score.height, score.width) == flow.shape[:2] == blurred.shape[:2]
        np.testing.assert_allclose(estimated - true, np.broadcast_to((0.5, -2.0), flow.shape), 1e-4)
        for key, metric in protocol.METRICS.items():
            expected = float(metric(flow[np.newaxis], estimated[np.newaxis])[0])
            assert score.values[key] == pytest.approx(expected)
        assert name == score.name
    means = {key: np.mean([s.values[key] for s in report.images]) for key in protocol.METRICS}
    assert {key: report.mean(key) for key in means} == pytest.approx(means)
    assert means["sign_free_epe"] < means["end_point_error"]  # some signs turned over
    assert means["sign_free_epe"] <= np.hypot(0.5, 2.0) + 1e-5


def test_the_sign_of_an_estimate_does_not_count():
    source = Source()
    report = evaluate_flows(lambda image: -Shifted(source)(image), source)
    assert all(report.mean(key) == 0 for key in protocol.METRICS)
    assert report.yardstick()["ratio"] == 0


def test_the_yardstick_is_the_best_of_all_constant_flows():
    source = Source()
    found = evaluate_flows(Shifted(source), source).yardstick()

    def error(u, v):
        return np.mean([np.mean((flow - (u, v)) ** 2) for flow in source.flows])

    assert error(found["u"], found["v"]) == pytest.approx(found["flow_mse"], rel=1e-5)
    for step in ((0.1, 0), (-0.1, 0), (0, 0.1), (0, -0.1)):
        assert error(found["u"] + step[0], found["v"] + step[1]) > found["flow_mse"]

    def constant(image):
        return np.broadcast_to(np.float32((found["u"], found["v"])), (*image.shape[:3], 2))

    again = evaluate_flows(constant, source)
    assert again.yardstick()["ratio"] == pytest.approx(1, rel=1e-4)


def test_first_call_of_a_size_is_not_timed(monkeypatch):
    now, source = [0.0], Source()
    shifted = Shifted(source)

    def tracing(image):
        now[0] += 1.0 if image.shape[1:3] in shifted.calls else 100.0
        return shifted(image)

    monkeypatch.setattr(protocol.time, "perf_counter", lambda: now[0])
    report = evaluate_flows(tracing, source)
    assert [score.seconds for score in report.images] == [1.0] * 3
    assert report.first_call_seconds == {"20x24": 100.0, "18x31": 100.0}


def test_bad_images_are_named_and_the_rest_is_done():
    source, seen = Source(broken=[1]), []
    report = evaluate_flows(
        Shifted(source), source, lambda r: seen.append((len(r.images), len(r.failures)))
    )
    assert [score.name for score in report.images] == ["a", "c"] and not report.is_complete
    assert [(bad.name, bad.reason) for bad in report.failures] == [("b", "b is broken")]
    assert seen == [(1, 0), (1, 1), (2, 1)]
    assert "2 of 3 images" in report.summary()
    with pytest.raises(InvalidInput, match=r"`limit` must be at least 1\. Received: limit=0"):
        evaluate_flows(Shifted(source), source, limit=0)
    assert len(evaluate_flows(Shifted(source), source, limit=1).images) == 1


def test_what_is_not_finite_counts_as_no_motion():
    source = Source()

    def diverged(image):
        return np.full((*image.shape[:3], 2), np.nan, "float32")

    report = evaluate_flows(diverged, source, limit=1)
    (score,) = report.images
    assert score.degenerate and score.values["flow_mse"] == pytest.approx(
        np.mean(source.flows[0] ** 2), rel=1e-5
    )
    assert "degenerate: counted as no motion" in report.table().splitlines()[1]


def test_report_for_people_and_machines(tmp_path):
    values = {"flow_mse": 2.0, "end_point_error": 1.5, "sign_free_epe": 1.25}
    flow = np.array([[[3, 4], [1, -2]]], "float32")  # mean (2, 1), squares apart from it 1 and 9
    report = FlowReport("photos", "runs/sen", count=1, settings={"protocol": "flow"})
    assert report.to_dict()["mean"] == {"count": 0, **dict.fromkeys(values), "seconds": None}
    assert report.to_dict()["constant_flow"] == {} and report.table().count("\n") == 0
    report.images.append(FlowScore("one", 1, 2, values, flow_moments(flow), 0.5))
    report.write_json(tmp_path / "scores.json")
    found = json.loads((tmp_path / "scores.json").read_text())
    assert found["mean"] == {"count": 1, **values, "seconds": 0.5} and found["complete"]
    assert found["constant_flow"] == {"u": 2, "v": 1, "flow_mse": 5, "ratio": 0.4}
    assert found["images"][0] == {
        "name": "one", "height": 1, "width": 2, **values, "seconds": 0.5, "degenerate": False,
    }  # fmt: skip
    head, one, _, mean, constant = report.table().splitlines()
    assert one.split() == ["one", "2.000", "1.500", "1.250", "0.500"]
    assert one.split()[1:] == mean.split()[1:] and constant.split()[-1] == "5.000"
    ends = [head.index(text) + len(text) for text in ("px^2", "error, px", "epe, px", "seconds")]
    assert [one[end - 5 : end] for end in ends] == one.split()[1:]
    assert "(2.00, 1.00) pixels" in report.summary() and "0.400 of its" in report.summary()


def test_nothing_moves_nowhere():
    """True flows that are all alike leave the yardstick at 0: no ratio, and no division by it."""
    still = FlowReport("d", "m")
    values = dict.fromkeys(protocol.METRICS, 1.0)
    still.images.append(FlowScore("a", 2, 2, values, flow_moments(np.zeros((2, 2, 2))), 1.0))
    assert still.yardstick()["ratio"] == np.inf
    assert still.to_dict()["constant_flow"]["ratio"] is None
