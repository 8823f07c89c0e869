import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfdeblur.data.flows import (
    LAWS,
    STRENGTHS,
    Motion,
    border,
    draw_motion,
    fit_extent,
    motion_field,
    motion_from_uniform,
    random_flow,
    random_flow_with_factor,
)
from tfdeblur.errors import InvalidInput

STILL = Motion(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, rotation=0.0, zoom=0.0)


def field(height=12, width=20, law="gong2018", **parameters):
    """The field of a motion that is still but for `parameters`: `(u, v)`."""
    motion = dataclasses.replace(STILL, **parameters)
    columns, rows = np.arange(width, dtype=float), np.arange(height, dtype=float)[:, None]
    u, v = motion_field(motion, columns, rows, height, width, law)
    return np.broadcast_to(u, (height, width)), np.broadcast_to(v, (height, width))


def from_centre(height=12, width=20, right=0.0, down=0.0):
    """Offsets from the centre of the released generator, which counts pixels from 1."""
    columns, rows = np.arange(1, width + 1), np.arange(1, height + 1)[:, None]
    return np.broadcast_arrays(columns - width / 2 - right, rows - height / 2 - down)


@pytest.mark.parametrize("law", LAWS)
def test_translation(law):
    # mu(x) = tx (1 - a/2) + a tx x/w, x = 1..w; mv(y) = ty (1 - a/2) + a ty (h - y + 1)/h.
    u, v = field(law=law, right=10.0, right_change=0.3, down=-8.0, down_change=-0.2)
    np.testing.assert_allclose(u[:, 0], 10 * 0.85 + 0.3 * 10 * 1 / 20)
    np.testing.assert_allclose(u[:, -1], 10 * 0.85 + 0.3 * 10)
    np.testing.assert_allclose(v[0], -8 * 1.1 + 0.2 * 8)
    np.testing.assert_allclose(v[-1], -8 * 1.1 + 0.2 * 8 * 1 / 12)
    np.testing.assert_allclose(np.diff(u, n=2, axis=1), 0, atol=1e-12)


def test_rotation_of_the_released_law_is_radial():
    right, down = from_centre(right=3.0, down=-2.0)
    u, v = field(rotation=0.04, centre_right=3.0, centre_down=-2.0)
    np.testing.assert_allclose(u * down - v * right, 0, atol=1e-12)
    np.testing.assert_allclose(np.hypot(u, v), 0.04 * np.hypot(right, down))


def test_zoom_of_the_released_law_is_tangential_and_grows_faster():
    right, down = from_centre(right=3.0, down=-2.0)
    u, v = field(zoom=0.005, centre_right=3.0, centre_down=-2.0)
    np.testing.assert_allclose(u * right + v * down, 0, atol=1e-12)
    np.testing.assert_allclose(np.hypot(u, v), 0.005 * np.hypot(right, down) ** 1.5)


def test_signs_of_the_released_law_against_its_trigonometry():
    """The formulas as described, with the angle that has up for positive."""
    height, width = 12, 20
    right, down = from_centre(height, width)
    alpha, r = np.arctan2(-down, right), np.hypot(right, down)
    mu = np.sin(alpha - np.pi / 2) * np.tan(0.03) * r + 0.004 * r**1.5 * np.sin(alpha)
    mv = np.cos(alpha - np.pi / 2) * np.tan(0.03) * r + 0.004 * r**1.5 * np.cos(alpha)
    u, v = field(height, width, rotation=np.tan(0.03), zoom=0.004)
    np.testing.assert_allclose(u, mu, atol=1e-12)
    np.testing.assert_allclose(v, mv, atol=1e-12)


def test_physical_rotation_is_the_chord_of_a_rigid_turn():
    angle = 0.04
    uniform = np.full(8, 0.5)
    uniform[6] += angle / 2 / STRENGTHS["strong"][6]
    motion = motion_from_uniform(uniform, "physical")
    right, down = from_centre()
    u, v = field(law="physical", rotation=motion.rotation)

    def turned(angle):  # clockwise on the screen, as rows go down
        return (
            np.cos(angle) * right - np.sin(angle) * down,
            np.sin(angle) * right + np.cos(angle) * down,
        )

    begin, end = turned(-angle / 2), turned(angle / 2)
    np.testing.assert_allclose(u, end[0] - begin[0], atol=1e-12)
    np.testing.assert_allclose(v, end[1] - begin[1], atol=1e-12)


def test_physical_zoom_is_radial_and_proportional():
    right, down = from_centre(down=4.0)
    u, v = field(law="physical", zoom=0.05, centre_down=4.0)
    np.testing.assert_allclose(u, 0.05 * right, atol=1e-12)
    np.testing.assert_allclose(v, 0.05 * down, atol=1e-12)


def test_laws_agree_on_how_far_a_zoom_moves_the_corners():
    uniform = np.full(8, 0.9)
    gong, physical = (motion_from_uniform(uniform, law).zoom for law in LAWS)
    np.testing.assert_allclose(gong * 400**1.5, physical * 400)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("max_extent", [23, 46, 7.5])
def test_flows_are_canonical_and_keep_the_ceiling(law, max_extent):
    for seed in range(50):
        flow, factor = random_flow_with_factor(seed, 61, 83, law, max_extent)
        u, v = flow[..., 0], flow[..., 1]
        assert flow.dtype == np.float32 and flow.shape == (61, 83, 2)
        assert np.all((u > 0) | ((u == 0) & (v >= 0)))
        assert not np.signbit(flow[flow == 0]).any()
        assert np.abs(flow).max() <= max_extent
        assert 0 < factor <= 1
        if law == "gong2018":
            np.testing.assert_array_equal(flow, np.round(flow))


def test_factor_is_the_one_between_the_drawn_and_the_returned_field():
    factors = []
    for seed in range(20):
        free, one = random_flow_with_factor(seed, 60, 80, "physical", 1e6)
        flow, factor = random_flow_with_factor(seed, 60, 80, "physical", 23)
        assert one == 1
        np.testing.assert_allclose(flow, factor * free, rtol=1e-6)
        assert factor == pytest.approx(min(1, 23 / np.abs(free).max()))
        factors.append(factor)
    assert min(factors) < 1 and max(factors) == 1  # both cases were there


def test_extents_of_the_released_law():
    """At 640 x 480: largest |u| about 33 on average, 91 % above 23, 29 % above 46 pixels."""
    largest = np.stack(
        [np.abs(random_flow(seed, 480, 640, max_extent=1e6)).max((0, 1)) for seed in range(100)]
    )
    assert 30 < largest[:, 0].mean() < 37
    assert 0.82 < (largest.max(axis=1) > 23).mean() < 0.96
    assert 0.16 < (largest.max(axis=1) > 46).mean() < 0.42


def test_mild_motions_are_smaller():
    for name in ("right", "down", "rotation", "zoom", "centre_right"):
        strong, mild = (
            np.std([getattr(draw_motion(s, 9, 9, strength=k), name) for s in range(200)])
            for k in ("strong", "mild")
        )
        assert mild < 0.9 * strong


def test_same_seed_same_flow():
    motion = draw_motion(3, 48, 64)
    assert motion == draw_motion(3, 48, 64)
    assert motion != draw_motion(4, 48, 64)
    # Stored: the fields of a seed must not change from one version to the next.
    assert motion.right == pytest.approx(-22.374944974244286, rel=1e-12)
    flow = random_flow(3, 48, 64)
    stored = [[19, 13], [23, 15], [22, 14], [21, 13]]
    np.testing.assert_array_equal(flow[[0, 0, -1, 20], [0, -1, -1, 30]], stored)
    np.testing.assert_array_equal(random_flow([3, 1], 48, 64), random_flow([3, 1], 48, 64))
    assert np.any(random_flow([3, 1], 48, 64) != flow)


@pytest.mark.parametrize("law", LAWS)
def test_tensors_give_what_arrays_give(law):
    height, width = 30, 40
    uniform = np.random.default_rng(0).random((3, 1, 1, 8)).astype(np.float32)
    columns = np.arange(width, dtype=np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None]

    @tf.function
    def fields(uniform):
        motion = motion_from_uniform(uniform, law)
        u, v = motion_field(motion, tf.constant(columns), tf.constant(rows), 30.0, 40.0, law)
        return fit_extent(tf.stack([u, v], axis=-1), 10.0)

    motion = motion_from_uniform(uniform, law)
    expected = np.stack(motion_field(motion, columns, rows, 30.0, 40.0, law), axis=-1)
    expected, factors = fit_extent(expected, 10.0)
    got, got_factors = fields(uniform)
    assert got.shape == (3, height, width, 2) and got_factors.shape == (3,)
    np.testing.assert_allclose(got, expected, atol=1e-4)
    np.testing.assert_allclose(got_factors, factors, rtol=1e-5)


def test_fit_extent_by_hand():
    small, large = np.zeros((2, 1, 2, 2))
    small[0, 0], large[0, 1] = [3, -4], [-8, 2]
    scaled, factor = fit_extent(np.stack([small, large]), 4)
    np.testing.assert_array_equal(factor, [1, 0.5])
    np.testing.assert_array_equal(scaled, np.stack([small, large / 2]))
    still, factor = fit_extent(np.zeros((2, 2, 2)), 4)
    assert factor == 1 and not still.any()


def test_border_by_hand():
    flow = np.zeros((4, 5, 2), np.float32)
    flow[1, 2] = [7, -4]
    flow[3, 3] = [1, 3]
    assert border(flow) == (2, 3)
    assert border(np.zeros((1, 1, 2))) == (0, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("seed", 1.5),
        ("seed", None),
        ("height", 0),
        ("width", -3),
        ("width", 2.5),
        ("law", "gong"),
        ("strength", "medium"),
        ("max_extent", 0),
        ("max_extent", 0.9),
        ("max_extent", float("nan")),
        ("max_extent", float("inf")),
    ],
)
def test_bad_input(name, value):
    arguments = dict(seed=0, height=4, width=5) | {name: value}
    with pytest.raises(InvalidInput, match=f"`{name}`.*{name}={value!r}"):
        random_flow(**arguments)


def test_physical_flows_may_be_below_a_pixel():
    assert 0 < np.abs(random_flow(0, 8, 8, law="physical", max_extent=0.5)).max() <= 0.5


def test_a_single_pixel():
    assert random_flow(0, 1, 1).shape == (1, 1, 2)
