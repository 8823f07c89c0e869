"""Curves as a picture: one point is visible, what is no number is left out, all sizes agree."""

import numpy as np
import pytest

from tfdeblur.pictures import panels
from tfdeblur.pictures.curves import _range, _ticks, draw_curves

FIRST = (90, 170, 255)  # colour of the first curve


def coloured(picture, colour=FIRST):
    return np.argwhere((picture == colour).all(axis=-1))


def test_one_point_is_a_dot_in_the_middle():
    picture = draw_curves({"loss": {"loss": [(1, 0.25)]}})
    rows, columns = coloured(picture).T
    assert len(rows) >= 30  # a circle of 4 pixels radius
    assert abs(columns.mean() - (panels.GAP + 90 + 230)) < 2
    assert abs(rows.mean() - (panels.CAPTION_HEIGHT + 14 + 130)) < 2


def test_a_falling_curve_falls():
    picture = draw_curves({"loss": {"loss": [(1, 3.0), (2, 2.0), (3, 1.0)]}})
    found = coloured(picture)
    left, right = found[found[:, 1].argmin()], found[found[:, 1].argmax()]
    assert right[0] - left[0] > 200


def test_what_is_no_number_is_left_out():
    nan = float("nan")
    with_gap = draw_curves({"a": {"a": [(1, 1.0), (2, nan), (3, 2.0)]}, "b": {"b": [(1, nan)]}})
    np.testing.assert_array_equal(with_gap, draw_curves({"a": {"a": [(1, 1.0), (3, 2.0)]}}))
    assert draw_curves({"b": {"b": []}}).shape == (panels.CAPTION_HEIGHT, panels.NARROWEST, 3)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_two_panels_stand_in_a_row(count):
    one = draw_curves({"a": {"a": [(1, 1.0)]}}).shape
    many = draw_curves({f"panel {i}": {"a": [(1, 1.0)]} for i in range(count)})
    assert many.shape[0] == one[0] * -(-count // 2)
    assert many.dtype == np.uint8 and (many.shape[1] > one[1]) == (count > 1)


def test_constant_huge_and_tiny_values_are_drawn():
    for value in (0.0, 1e30, -1e-30, 5.0):
        assert len(coloured(draw_curves({"a": {"a": [(1, value), (2, value)]}}))) > 30


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 0.13, [0.0, 0.05, 0.1]),
        (22.3, 28.9, [24.0, 26.0, 28.0]),
        (-3.0, 9.0, [0.0, 5.0]),
        (0.0, 1.05e-3, [0.0, 5e-4, 1e-3]),
        (0.9, 1.1, [0.9, 0.95, 1.0, 1.05, 1.1]),
    ],
)
def test_ticks_are_round(low, high, ticks):
    np.testing.assert_allclose(_ticks(low, high), ticks, atol=1e-12)


def test_what_is_never_negative_has_an_axis_that_is_not():
    assert _range(np.array([0.01, 0.5]))[0] == 0.0
    assert _range(np.array([-0.01, 0.5]))[0] < -0.01
