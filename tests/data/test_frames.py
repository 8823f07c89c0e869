import numpy as np
import pytest

from tests.data.makers import image
from tests.helpers import shared_data
from tfdeblur.data.frames import average_frames, middle_index
from tfdeblur.errors import InvalidInput
from tfdeblur.image.codec import read_image


def test_reproduces_a_published_average():
    raw = shared_data("gopro", "raw240")
    published = read_image(shared_data("gopro", "blur", "avg8-GOPR0477_11_00-000165.png")).rgb
    frames = (read_image(raw / f"GOPR0477_11_00-{i:06d}.png").rgb for i in range(166, 174))
    # To the last bit: every other gamma, and rounding to nearest, differs in many pixels.
    np.testing.assert_array_equal(average_frames(frames, gamma=2.2, rounding="down"), published)


def test_the_sharp_partner_of_a_published_average_is_the_middle_frame():
    name = f"GOPR0477_11_00-{166 + middle_index(8):06d}.png"
    middle = read_image(shared_data("gopro", "raw240", name)).rgb
    sharp = read_image(shared_data("gopro", "sharp", "avg8-GOPR0477_11_00-000165.png")).rgb
    np.testing.assert_array_equal(middle, sharp)


def pixel(*levels):
    return np.array(levels, np.uint8).reshape(1, 1, 3)


def test_by_hand():
    frames = [pixel(0, 10, 255), pixel(255, 11, 255), pixel(255, 11, 255)]
    # 170, 10.67, 255
    np.testing.assert_array_equal(average_frames(frames).ravel(), [170, 11, 255])
    np.testing.assert_array_equal(average_frames(frames, rounding="down").ravel(), [170, 10, 255])
    # 255 sqrt(2/3) = 208.2 and sqrt(342/3) = 10.68: light weighs the brighter frames more.
    np.testing.assert_array_equal(average_frames(frames, gamma=2).ravel(), [208, 11, 255])


@pytest.mark.parametrize("rounding", ["nearest", "down"])
@pytest.mark.parametrize("gamma", [None, 0.7, 2.2])
@pytest.mark.parametrize("count", [1, 3, 8])
def test_equal_frames_stay_as_they_are(count, gamma, rounding):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=-1)
    averaged = average_frames([levels] * count, gamma, rounding)
    np.testing.assert_array_equal(averaged, levels)


def test_order_does_not_matter_and_frames_may_come_one_by_one():
    frames = [image(5, 7, seed) for seed in range(6)]
    averaged = average_frames(frames)
    np.testing.assert_array_equal(averaged, average_frames(iter(frames[::-1])))
    assert np.abs(averaged - np.mean(frames, axis=0)).max() <= 0.5


def test_middle_index():
    assert [middle_index(count) for count in (1, 2, 3, 7, 8, 11)] == [0, 1, 1, 3, 4, 5]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (dict(frames=[]), "`frames` must hold at least one"),
        (dict(frames=[image(2, 3).astype(float)]), "dtype=float64 at index 0"),
        (dict(frames=[image(2, 3)[..., 0]]), "shape=.2, 3."),
        (dict(frames=[image(2, 3), image(3, 2)]), "Received: 2 x 3 at index 1"),
        (dict(frames=[image(2, 3)], gamma=0), "`gamma`.*gamma=0"),
        (dict(frames=[image(2, 3)], gamma=float("nan")), "`gamma`.*gamma=nan"),
        (dict(frames=[image(2, 3)], rounding="up"), "`rounding`.*rounding='up'"),
    ],
)
def test_bad_input(arguments, text):
    with pytest.raises(InvalidInput, match=text):
        average_frames(**arguments)


def test_no_middle_of_no_frames():
    with pytest.raises(InvalidInput, match="`count`.*count=0"):
        middle_index(0)
