"""Pictures of the motion flow and of the confidence: what a reader takes from them is true."""

import cv2
import numpy as np
import pytest

from tests.helpers import noise, picture
from tfdeblur.errors import InvalidInput
from tfdeblur.files import confidence_picture as confidences
from tfdeblur.files import flow_picture as flows
from tfdeblur.files.confidence_picture import confidence_picture
from tfdeblur.files.flow_picture import flow_picture
from tfdeblur.operators import flow_to_color
from tfdeblur.pictures import panels

SIZES = [(1, 1), (1, 200), (200, 1), (2, 3), (31, 77), (1300, 40)]


def levels(height, width, seed=0):
    return np.round(255 * picture(height, width, seed=seed)).astype("uint8")


def constant(height, width, u, v):
    return np.broadcast_to(np.float32([u, v]), (height, width, 2))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_every_size_gives_readable_pictures(height, width):
    image = levels(height, width)
    for drawn in (
        flow_picture(image, noise(height, width, 2)),
        confidence_picture(image, picture(height, width, 1)[..., 0], 0.5),
    ):
        assert drawn.dtype == np.uint8 and drawn.ndim == 3 and drawn.shape[-1] == 3
        assert 700 <= drawn.shape[1] <= 2500 and 190 <= drawn.shape[0] <= 1100


def test_the_wheel_explains_the_colours():
    full, radius = 7.0, flows._WHEEL_RADIUS
    legend = flows._legend(full, 1.0, 9.0)
    middle_row, middle_column = panels.CAPTION_HEIGHT + radius, (legend.shape[1] - 1) // 2
    for angle in np.radians([0, 30, 90, 200, 315]):
        for part in (0.3, 0.9):
            right, down = np.round(part * radius * np.array([np.cos(angle), np.sin(angle)]))
            seen = legend[middle_row + int(down), middle_column + int(right)].astype(int)
            motion = full / radius * np.float64([[[right, down]]])
            assert np.abs(seen - flow_to_color(motion, full)[0, 0]).max() <= 1


def test_opposite_motions_are_one_picture():
    image, flow = levels(40, 60), 9 * noise(40, 60, 2)
    np.testing.assert_array_equal(flow_picture(image, flow), flow_picture(image, -flow))


def test_colours_of_large_flows_are_picked_not_averaged():
    flow = np.array(constant(1200, 1500, 0, 8))
    flow[:, ::2] *= -1  # the same blur; their mean would be no motion
    drawn = flow_picture(np.zeros((1200, 1500, 3), np.uint8), flow)
    color = flow_to_color(np.float32([[[0, 8]]]), 8)[0, 0]
    assert (drawn == color).all(axis=-1).sum() > 700 * 900


def test_a_few_long_motions_leave_the_others_their_colour():
    flow = np.array(constant(100, 100, 5, 0))
    flow[0, :3] = 500
    full_red = (flow_picture(levels(100, 100), flow) == (255, 0, 0)).all(axis=-1)
    assert full_red.sum() > 300 * 300


@pytest.mark.parametrize(
    ("motion", "text"),
    [
        (0.0, "motion"),
        (40.0, "motion"),
        (8.0, "motion, drawn 2 times as long"),
        (3.0, "motion, drawn 5 times as long"),
        (0.2, "motion, drawn 20 times as long"),
    ],
)
def test_short_motions_are_drawn_longer_and_this_is_told(motion, text, monkeypatch):
    told, caption = [], panels.caption
    monkeypatch.setattr(
        panels, "caption", lambda text, *more: told.append(text) or caption(text, *more)
    )
    flow_picture(levels(400, 400), constant(400, 400, motion, 0))
    assert told[0] == text


def test_lines_have_the_length_that_is_told():
    image = np.zeros((400, 400, 3), np.uint8)
    drawn = flows._with_lines(image, constant(400, 400, 20, 0), 20.0, (1.0, 1.0))
    lit = (drawn[panels.CAPTION_HEIGHT + 16] > 128).any(axis=-1)  # the middle of the first cells
    assert abs(lit[:32].sum() - 20) <= 2


def test_lightness_grows_with_confidence():
    colors = confidences._colored(np.linspace(0, 1, 256, dtype=np.float32)[None])
    lightness = cv2.cvtColor(colors / np.float32(255), cv2.COLOR_RGB2LAB)[0, :, 0]
    steps = np.diff(lightness)
    assert steps.min() > -0.2 and lightness[-1] - lightness[0] > 60
    assert np.abs(np.diff(lightness[::32]) - 75 / 8).max() < 3  # evenly


def test_the_legend_has_the_colours_of_the_map():
    top, bottom = (confidences._colored(np.full((1, 1), v))[0, 0] for v in (1.0, 0.0))
    legend = confidences._legend(300)
    first = panels.CAPTION_HEIGHT
    np.testing.assert_array_equal(legend[first, 4], top)
    np.testing.assert_array_equal(legend[first + 299, 4], bottom)


def test_confidence_stands_where_it_belongs():
    sure = np.zeros((400, 400), np.float32)
    sure[:200] = 1
    drawn = confidence_picture(np.full((400, 400, 3), 90, np.uint8), sure, 0.5)
    column = panels.GAP + 400 + panels.GAP + 200
    for row, value in ((10, 1.0), (190, 1.0), (210, 0.0), (390, 0.0)):
        wanted = confidences._colored(np.full((1, 1), value))[0, 0]
        np.testing.assert_array_equal(drawn[panels.CAPTION_HEIGHT + row, column], wanted)
    assert (drawn[panels.CAPTION_HEIGHT + 200, 100] == 90).all()


@pytest.mark.parametrize(
    ("confidence", "says"),
    [
        (np.zeros((5, 4)), r"must have the size of `restored`, \(4, 5\)"),
        (np.full((4, 5), np.nan), r"must be in \[0, 1\]"),
        (np.full((4, 5), 1.5), r"Received: values from 1.5 to 1.5"),
    ],
)
def test_bad_confidence(confidence, says):
    with pytest.raises(InvalidInput, match=says):
        confidence_picture(levels(4, 5), confidence, 0.5)


@pytest.mark.parametrize(
    ("flow", "says"),
    [
        (np.full((4, 5, 2), np.nan), "must be finite"),
        (np.zeros((5, 5, 2)), "must have the size of `photograph`"),
    ],
)
def test_bad_flow(flow, says):
    with pytest.raises(InvalidInput, match=says):
        flow_picture(levels(4, 5), flow)


def test_captions_shrink_until_they_fit():
    long = panels.caption("a caption that is far too long for its column" * 2, 200)
    assert long.shape == (panels.CAPTION_HEIGHT, 200, 3)
    assert (long[:, -2:] == panels.BACKGROUND).all() and long.max() > 100
