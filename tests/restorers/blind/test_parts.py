"""The solver in parts of a picture: what it gives, what it holds, and when it is taken."""

import gc
import weakref

import numpy as np
import pytest

from tests.restorers.makers import KEEP, LOCAL, SEN, Network, blurred, motion
from tfdeblur.operators import MotionBlur
from tfdeblur.operators.motion_blur import matrix_bytes
from tfdeblur.restorers.blind import image as blind_image
from tfdeblur.restorers.blind import parts
from tfdeblur.restorers.blind.one_pass import BlindSettings
from tfdeblur.restorers.blind.parts import plan_parts
from tfdeblur.restorers.blind.restorer import BlindRestorer

TIGHT = BlindSettings((0.02, 0.05), tolerance=1e-5, max_steps=400)
SIZE = (200, 450)


@pytest.fixture(scope="module")
def picture():
    return blurred(*SIZE)


@pytest.fixture
def small_matrices(monkeypatch):
    """The solver's share of the budget is so small that pictures of `SIZE` have several parts."""
    whole = float(np.sum(matrix_bytes(SEN.function(np.zeros((1, *SIZE, 3), "float32")))))
    plans = []

    def planned(flow, rasterizer, budget_bytes):
        plans.append(plan_parts(flow, rasterizer, int(whole / 3)))
        return plans[-1]

    monkeypatch.setattr(blind_image, "plan_parts", planned)
    return plans


def test_parts_equal_the_whole(picture, small_matrices, monkeypatch):
    found = BlindRestorer(SEN, LOCAL, TIGHT)(picture, keep_stages=True)
    assert small_matrices[0].tiles > 3
    monkeypatch.undo()
    whole = BlindRestorer(SEN, LOCAL, TIGHT)(picture, keep_stages=True)
    # The blurred picture differs from what it becomes by 14 times as much.
    assert np.abs(whole.image - picture).max() > 0.1
    np.testing.assert_allclose(found.image, whole.image, atol=0.007)
    assert np.sqrt(np.mean((found.image - whole.image) ** 2)) < 0.0005
    np.testing.assert_array_equal(found.flow, whole.flow)
    np.testing.assert_allclose(found.confidence, whole.confidence, atol=0.02)
    assert found.score == pytest.approx(whole.score, abs=1e-3)
    assert len(found.stages) == 2 and found.converged
    assert 0 < found.residual <= 1e-5
    np.testing.assert_array_equal(found.stages[-1].restored, found.image)


def test_a_motion_that_is_given_is_undone_in_parts(picture, small_matrices):
    flow = np.broadcast_to(np.float32((6.0, -3.0)), (*SIZE, 2))
    found = BlindRestorer(SEN, KEEP, TIGHT)(picture, flow=flow)
    assert small_matrices[0].tiles > 1
    estimated = BlindRestorer(SEN, KEEP, TIGHT)(picture)
    np.testing.assert_array_equal(found.image, estimated.image)


def test_one_matrix_is_held_at_a_time_and_none_with_a_network(picture, small_matrices, monkeypatch):
    alive, seen = weakref.WeakSet(), {"solving": [], "cleaning": []}

    class Blur(MotionBlur):
        def __init__(self, *arguments, **options):
            gc.collect()
            alive_before = len(alive)
            super().__init__(*arguments, **options)
            if options.get("method") == "matrix":
                seen["solving"].append(alive_before)
                alive.add(self)

    monkeypatch.setattr(parts, "MotionBlur", Blur)
    restorer = BlindRestorer(SEN, KEEP, TIGHT)
    clean = restorer.generator.in_tiles

    def cleaned(*arguments, **options):
        gc.collect()
        seen["cleaning"].append(len(alive))
        return clean(*arguments, **options)

    monkeypatch.setattr(restorer.generator, "in_tiles", cleaned)
    restorer(picture)
    assert set(seen["solving"]) == {0} and len(seen["solving"]) > 6
    assert seen["cleaning"] == [0, 0]


def test_budget_decides(picture, monkeypatch):
    budgets = []

    def planned(flow, rasterizer, budget_bytes):
        budgets.append(budget_bytes)
        return plan_parts(flow, rasterizer, budget_bytes)

    monkeypatch.setattr(blind_image, "plan_parts", planned)
    BlindRestorer(SEN, KEEP, TIGHT, memory_budget_bytes=60_000_000)(picture)
    assert budgets == [20_000_000]


@pytest.mark.parametrize("share", [0.2, 0.3, 0.7])
def test_no_part_is_larger_than_the_budget(share):
    # Half of the picture does not move: parts there could be larger than those beside them.
    flow = np.zeros((600, 900, 2), "float32")
    flow[:, 450:] = (20, 8)
    rows = matrix_bytes(flow)[0].numpy()
    budget = int(share * rows.sum())
    plan = plan_parts(flow, "gong2018", budget)
    assert plan.tiles > 1
    for top in plan.rows:
        for left in plan.columns:
            part = rows[top : top + plan.tile_height, left : left + plan.tile_width]
            assert part.sum() <= 1.03 * budget  # looked at every fourth pixel
    # Their margins hold twice the longest motion.
    assert plan.columns[0] + plan.tile_width - plan.columns[1] >= 2 * 2 * 21


def test_one_part_where_the_whole_fits():
    flow = np.full((300, 400, 2), 9, "float32")
    size = float(matrix_bytes(flow).numpy().sum())
    assert plan_parts(flow, "gong2018", int(1.05 * size)).tiles == 1
    assert plan_parts(flow, "gong2018", int(0.95 * size)).tiles > 1


def test_motions_too_long_for_any_part_are_undone_without_a_matrix(monkeypatch):
    flow = np.zeros((64, 300, 2), "float32") + (120, 0)
    assert plan_parts(flow, "gong2018", 1_000_000) is None
    built = []

    class Blur(MotionBlur):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            built.append(bool(self._has_matrix))

    monkeypatch.setattr("tfdeblur.restorers.blind.one_pass.MotionBlur", Blur)
    settings = BlindSettings((0.1,), max_steps=2)
    restorer = BlindRestorer(motion(120.0, 0.0), KEEP, settings, memory_budget_bytes=5_000_000)
    restorer.sen.memory_budget_bytes = restorer.generator.memory_budget_bytes = 10**9
    with pytest.warns(match="not converged"):
        restorer(blurred(64, 300, flow=(120, 0)))
    assert built == [False]


def test_progress_and_work_are_counted_as_of_the_whole(picture, small_matrices):
    told = []
    BlindRestorer(SEN, Network(KEEP.function), TIGHT)(picture, progress=lambda *x: told.append(x))
    assert told[-1][0] == told[-1][1] == len(told)
