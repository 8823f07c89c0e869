import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise
from tfdeblur.errors import InvalidInput
from tfdeblur.operators import MotionBlur, canonical_flow, crop_flow, flip_flow
from tfdeblur.operators.flow import array_module, flow_arrows, flow_to_color, turn_flow

KINDS = {"array": lambda flow: flow, "tensor": tf.constant}


def field(*shape, seed=0):
    """Whole and broken components of either sign, many of them 0."""
    flow = 4 * noise(*shape, 2, seed=seed)
    return np.where(np.abs(flow) < 2, 0, np.where(flow > 5, np.round(flow), flow))


def blur(image, flow, rasterizer="gong2018"):
    return MotionBlur(flow, rasterizer).apply(image).numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_canonical_by_hand(kind):
    flow = [[[1, -2], [-1, 2], [0, 3], [0, -3], [-0.0, -3], [-4, -0.0], [0, -0.0], [-4, 0]]]
    expected = [[[1, -2], [1, -2], [0, 3], [0, 3], [0, 3], [4, 0], [0, 0], [4, 0]]]
    got = canonical_flow(KINDS[kind](np.array(flow, np.float32)))
    assert type(got) is type(KINDS[kind](np.zeros(1, np.float32)))
    np.testing.assert_array_equal(got, expected)
    assert not np.signbit(np.asarray(got)[np.asarray(expected) == 0]).any()
    np.testing.assert_array_equal(canonical_flow(got), got)


def test_canonical_leaves_no_negative_zero_in_compiled_graphs():
    compiled = tf.function(canonical_flow, jit_compile=True)
    got = compiled(tf.constant([[[-4.0, 0.0], [-0.0, -0.0], [-0.0, 2.0]]]))
    np.testing.assert_array_equal(got, [[[4, 0], [0, 0], [0, 2]]])
    assert not np.signbit(got).any()


def test_canonical_is_the_same_blur():
    flow = field(6, 7)
    image = noise(1, 6, 7, 2)
    np.testing.assert_allclose(blur(image, flow), blur(image, canonical_flow(flow)), atol=1e-6)


# The released kernels are not the same with u and v exchanged: they have no quarter turns.
@pytest.mark.parametrize("rasterizer", ["gong2018", "fspecial"])
@pytest.mark.parametrize("axis", ["horizontal", "vertical"])
def test_flips_commute_with_the_blur(axis, rasterizer):
    image, flow = noise(2, 9, 14, 2), np.stack([field(9, 14), field(9, 14, seed=1)])
    spatial = 2 if axis == "horizontal" else 1
    np.testing.assert_allclose(
        blur(np.flip(image, spatial), flip_flow(flow, axis), rasterizer),
        np.flip(blur(image, flow, rasterizer), spatial),
        atol=2e-6,
    )


@pytest.mark.parametrize("turns", [-1, 1, 2, 3, 4])
def test_turns_commute_with_the_blur(turns):
    image, flow = noise(1, 9, 14, 2), field(9, 14)
    np.testing.assert_allclose(
        blur(np.rot90(image, turns, (1, 2)), turn_flow(flow, turns), "fspecial"),
        np.rot90(blur(image, flow, "fspecial"), turns, (1, 2)),
        atol=2e-6,
    )


def test_flips_and_turns_by_hand():
    flow = np.zeros((2, 3, 2))
    flow[0, 0] = [5, 2]  # to the right and a little down, in the top left corner
    flipped = flip_flow(flow, "horizontal")
    np.testing.assert_array_equal(flipped[0, 2], [5, -2])
    np.testing.assert_array_equal(flip_flow(flow, "vertical")[1, 0], [5, -2])
    turned = turn_flow(flow, 1)  # (5, 2) becomes (2, -5), bottom left
    assert turned.shape == (3, 2, 2)
    np.testing.assert_array_equal(turned[2, 0], [2, -5])
    assert [np.count_nonzero(a) for a in (flow, flipped, turned)] == [2, 2, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind):
    flow = KINDS[kind](canonical_flow(field(2, 5, 6)))
    for axis in ("horizontal", "vertical"):
        np.testing.assert_array_equal(flip_flow(flip_flow(flow, axis), axis), flow)
    half = flip_flow(flip_flow(flow, "horizontal"), "vertical")
    np.testing.assert_array_equal(turn_flow(flow, 2), half)
    np.testing.assert_array_equal(turn_flow(turn_flow(flow, 1), 3), flow)
    assert array_module(turn_flow(flow, 1)) is array_module(flow)


@pytest.mark.parametrize("kind", KINDS)
def test_crop(kind):
    flow = field(2, 5, 6)
    got = crop_flow(KINDS[kind](flow), top=1, left=2, height=3, width=4)
    np.testing.assert_array_equal(got, flow[:, 1:4, 2:6])


def test_colours_by_hand():
    flow = np.array([[[0, 0], [10, 0], [5, 0], [-10, 0], [20, 0], [0, 10], [7, 7], [7, -7]]])
    colors = flow_to_color(flow, max_extent=10)
    assert colors.dtype == np.uint8 and colors.shape == (1, 8, 3)
    white, right, half, left, longer, down, falling, rising = colors[0].tolist()
    assert white == [255, 255, 255]
    assert right == left == longer == [255, 0, 0]
    assert half == [255, 128, 128]  # 127.5
    # The circle of hues covers half a turn: down is opposite to right.
    assert down == [0, 255, 255]
    assert falling[1] == 255 and falling[0] > falling[2]  # 90 degrees on the circle
    assert rising[2] == 255 and rising[0] > rising[1]  # 270


def test_colours_are_the_same_for_both_signs_unless_directed():
    flow = 5 * noise(8, 9, 2)
    np.testing.assert_array_equal(flow_to_color(flow), flow_to_color(-flow))
    np.testing.assert_array_equal(flow_to_color(flow), flow_to_color(canonical_flow(flow)))
    assert np.any(flow_to_color(flow, directed=True) != flow_to_color(-flow, directed=True))


def test_colours_are_continuous_across_the_cut_of_canonical_flows():
    """Nearly vertical motion jumps between (0, v) and (0+, -v); its colour must not."""
    angles = np.linspace(np.pi / 2 - 0.02, np.pi / 2 + 0.02, 9)
    flow = canonical_flow(10 * np.stack([np.cos(angles), np.sin(angles)], -1)[None])
    assert np.abs(np.diff(flow[0, :, 1])).max() > 19  # the jump
    steps = np.abs(np.diff(flow_to_color(flow)[0].astype(int), axis=0))
    assert steps.max() <= 3
    directed = np.abs(np.diff(flow_to_color(flow, directed=True)[0].astype(int), axis=0))
    assert directed.max() > 100


def test_still_flow_is_white_and_the_longest_has_full_colour():
    assert np.all(flow_to_color(np.zeros((3, 4, 2))) == 255)
    flow = noise(5, 6, 2)
    longest = np.unravel_index(np.hypot(*flow.transpose(2, 0, 1)).argmax(), (5, 6))
    assert flow_to_color(flow)[longest].min() == 0


@pytest.mark.parametrize("directed", [False, True])
def test_arrows_lie_along_the_motion(directed):
    image = np.full((41, 41, 3), 128, np.uint8)
    flow = np.zeros((41, 41, 2)) + [30, 0]
    drawn = flow_arrows(image, flow, step=41, directed=directed)
    changed = np.any(drawn != 128, axis=-1)
    rows, columns = np.nonzero(changed)
    assert drawn.dtype == np.uint8 and np.all(image == 128)
    # From 15 pixels left to 15 right of the middle, 20; three pixels thick.
    assert columns.min() in range(2, 6) and columns.max() in range(35, 39)
    assert changed[20, 5:36].all()
    # A head at its right end; at its left end only where the two signs do not differ.
    assert changed[:16, 28:36].any() and changed[25:, 28:36].any()
    assert changed[:16, 5:12].any() != directed


def test_arrows_stand_on_a_grid_also_in_small_images():
    image = np.zeros((64, 96, 3), np.uint8)
    drawn = flow_arrows(image, np.zeros((64, 96, 2)), step=32)
    rows, columns = np.nonzero(drawn[..., 0] > 200)
    assert set(rows) == {16, 48} and set(columns) == {16, 48, 80}
    assert flow_arrows(np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1, 2))).any()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: flip_flow(np.zeros((2, 2, 2)), "left"), "`axis`.*axis='left'"),
        (lambda: crop_flow(np.zeros((4, 5, 2)), 2, 0, 3, 5), "height is 4.*height=3 from 2"),
        (lambda: crop_flow(np.zeros((4, 5, 2)), 0, -1, 3, 5), "width=5 from -1"),
        (lambda: crop_flow(tf.zeros((4, 5, 2)), 0, 0, 3, 0), "width=0"),
        (lambda: flow_to_color(np.zeros((4, 5))), "`flow`.*shape=.4, 5."),
        (lambda: flow_to_color(np.full((4, 5, 2), np.nan)), "`flow` must be finite"),
        (lambda: flow_to_color(np.zeros((4, 5, 2)), 0), "`max_extent`.*max_extent=0"),
        (lambda: flow_arrows(np.zeros((4, 5, 3)), np.zeros((4, 5, 2))), "`image`.*float64"),
        (
            lambda: flow_arrows(np.zeros((5, 4, 3), np.uint8), np.zeros((4, 5, 2))),
            "`image`.*shape=.5, 4, 3.",
        ),
        (
            lambda: flow_arrows(np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5, 2)), 0),
            "`step`.*step=0",
        ),
    ],
)
def test_bad_input(call, text):
    with pytest.raises(InvalidInput, match=text):
        call()
