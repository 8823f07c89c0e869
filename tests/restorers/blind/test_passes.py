"""Passes of BlindRestorer: what each takes, when they end, nonsense, convergence, progress."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.restorers.makers import (
    KEEP,
    LOCAL,
    MOTION,
    SEN,
    SETTINGS,
    Network,
    blurred,
    scripted,
    still,
)
from tfdeblur.restorers.blind.one_pass import BlindSettings
from tfdeblur.restorers.blind.restorer import BlindRestorer
from tfdeblur.restorers.protocol import DegenerateOutputWarning, NotConvergedWarning


def test_a_further_pass_takes_the_result_of_the_last():
    image, restorer = blurred(), BlindRestorer(SEN, LOCAL, SETTINGS)
    twice = BlindRestorer(SEN, LOCAL, SETTINGS, passes=2, early_stop=False)
    restored = twice(image, keep_stages=True)
    first = restorer(image)
    second = restorer(first.image)
    np.testing.assert_allclose(restored.image, second.image, atol=1e-5)
    # What is said of the blur is said of the photograph.
    np.testing.assert_array_equal(restored.confidence, first.confidence)
    assert (restored.passes, restored.score) == (2, first.score)
    assert restored.steps == first.steps + second.steps
    numbers = [(stage.number, stage.level) for stage in restored.stages]
    assert numbers == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_a_known_flow_has_betas_of_its_own():
    image, trusting = blurred(), replace(SETTINGS, known_betas=(0.005, 0.01))
    flow = still(6)(image)
    restored = BlindRestorer(SEN, LOCAL, trusting)(image, flow=flow)
    wanted = BlindRestorer(SEN, LOCAL, trusting.for_known_flow())(image, flow=flow)
    np.testing.assert_array_equal(restored.image, wanted.image)
    estimated = BlindRestorer(SEN, LOCAL, SETTINGS)(image)
    np.testing.assert_array_equal(BlindRestorer(SEN, LOCAL, trusting)(image).image, estimated.image)
    # Further passes estimate what motion is left, so they trust it as little as ever.
    twice = BlindRestorer(SEN, LOCAL, trusting, passes=2, early_stop=False)(image, flow=flow)
    again = BlindRestorer(SEN, LOCAL, SETTINGS)(wanted.image)
    np.testing.assert_allclose(twice.image, again.image, atol=1e-5)


def test_stops_where_nothing_moves_any_more(monkeypatch):
    restorer = BlindRestorer(SEN, KEEP, SETTINGS, passes=3)
    scripted(restorer, monkeypatch, flows=[still(6), still(1.5), still(0.5)])
    restored = restorer(blurred(flow=(6, 0)))
    assert restored.passes == 2
    assert restored.remark == "stopped after pass 2: 0.5 pixels of motion are left"


def test_stops_where_the_result_explains_nothing(monkeypatch):
    def deconvolved(images):
        return images[..., :3]

    def observed(images):
        return images[..., 3:]

    restorer = BlindRestorer(SEN, KEEP, BlindSettings((0.02,)), passes=3)
    image = blurred()
    scripted(restorer, monkeypatch, results=[observed])
    restored = restorer(image)
    assert (restored.passes, restored.score) == (1, 0.0)
    assert restored.remark.startswith("stopped after pass 1: re-blurring its result explains")
    scripted(restorer, monkeypatch, results=[deconvolved, observed])
    restored = restorer(image)
    assert restored.passes == 1 and restored.score > 0.5
    assert restored.remark.startswith("pass 2 was left out: re-blurring")
    restorer.early_stop = False
    scripted(restorer, monkeypatch, results=[deconvolved, observed, observed])
    restored = restorer(image)
    assert (restored.passes, restored.remark) == (3, "")


def test_what_is_not_converged_is_never_silent():
    settings = BlindSettings((1e-3, 1e-3), tolerance=1e-5, max_steps=2)
    restorer = BlindRestorer(SEN, KEEP, settings)
    with pytest.warns(NotConvergedWarning, match="the image: not converged.*Give more steps"):
        restored = restorer(blurred())
    assert not restored.converged and restored.residual > 1e-5 and restored.steps == 4
    assert f"residual is {restored.residual:.3g} in level" in restored.remark
    assert "after at most 2 steps, the tolerance 1e-05" in restored.remark
    flat = np.full_like(blurred(), 0.5)
    with pytest.warns(NotConvergedWarning, match=r"images \[1\] of the batch"):
        assert restorer(np.stack([flat, blurred()])).converged == (True, False)


NONSENSE = {
    "flow nan": ({"flows": [lambda i: still(1)(i) * np.nan]}, "the estimated motion is not finite"),
    "flow long": ({"flows": [still(1e6)]}, "or above 1000"),
    "result nan": ({"results": [lambda i: i[..., :3] * np.nan]}, "the output is not finite"),
    "result far": ({"results": [lambda i: i[..., :3] + 0.5] * 2}, "too far from the input"),
}


@pytest.mark.parametrize("networks, says", NONSENSE.values(), ids=list(NONSENSE))
def test_nonsense_of_a_network_returns_the_input(monkeypatch, networks, says):
    restorer = BlindRestorer(SEN, KEEP, BlindSettings((0.02,)), passes=2)
    image = np.round(255 * blurred()).astype("uint8")
    with pytest.warns(DegenerateOutputWarning, match=says):
        restored = scripted(restorer, monkeypatch, **networks)(image, keep_stages=True)
    np.testing.assert_array_equal(restored.image, image)
    assert restored.degenerate is True and says in restored.remark and restored.stages == ()
    assert restored.score == 0 and not restored.confidence.any()
    assert np.isfinite(restored.flow).all() and np.abs(restored.flow).max() < 1000
    assert restored.converged and restored.residual == 0


def test_nonsense_of_a_further_pass_is_left_out(monkeypatch):
    image = blurred()
    once = BlindRestorer(SEN, KEEP, SETTINGS)(image)
    restorer = BlindRestorer(SEN, KEEP, SETTINGS, passes=3)
    flows = [lambda i: still(0)(i) + np.float32(MOTION), lambda i: still(1)(i) * np.nan]
    restored = scripted(restorer, monkeypatch, flows=flows)(image)
    np.testing.assert_array_equal(restored.image, once.image)
    assert (restored.passes, restored.degenerate) == (1, False)
    assert restored.remark.startswith("pass 2 was left out: the estimated motion is not finite")


def test_one_bad_image_of_a_batch():
    bright = Network(
        lambda x: tf.where(tf.reduce_max(x, (1, 2, 3), True) > 0.99, np.nan, x)[..., :3]
    )
    restorer = BlindRestorer(SEN, bright, SETTINGS)
    batch = np.stack([0.5 * blurred(), np.ones((24, 32, 3), "float32")])
    with pytest.warns(DegenerateOutputWarning, match=r"images \[1\] of the batch"):
        restored = restorer(batch)
    assert restored.degenerate == (False, True) and restored.remark.startswith("image 1: left")
    np.testing.assert_array_equal(restored.image[1], batch[1])


def progress_of(restorer, *arguments, **options):
    told = []
    restorer(*arguments, **options, progress=lambda done, total: told.append((done, total)))
    return told


def test_progress_counts_tiles_and_solves(monkeypatch):
    restorer = BlindRestorer(SEN, KEEP, SETTINGS, passes=2, tile=160)
    image = blurred(24, 200)
    plan = restorer.plan(24, 200)
    assert (plan.sen.tiles, plan.generator.tiles) == (1, 3)
    total = 2 * (1 + 2 * (1 + 3))
    told = progress_of(restorer, image)
    assert told == [(done, total) for done in range(1, total + 1)]
    known = progress_of(restorer, image, flow=np.zeros((24, 200, 2)) + MOTION)
    assert known == [(done, total - 1) for done in range(1, total)]
    # A row that ends early is done as well.
    scripted(restorer, monkeypatch, flows=[still(6), still(0)])
    told = progress_of(restorer, image)
    assert told[-2:] == [(10, total), (total, total)]
