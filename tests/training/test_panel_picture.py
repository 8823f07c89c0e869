"""Pictures of a training: a caption for each image, dB where the truth stands beside."""

import numpy as np
import pytest

from tests.helpers import noise, picture
from tfdeblur.image.codec import to_uint8
from tfdeblur.pictures.compare import column, label, place_to_look_at
from tfdeblur.training.panel_picture import captions, panel_picture


@pytest.mark.parametrize(
    ("name", "count", "expected"),
    [
        ("blurred_restored_sharp", 3, ["blurred", "restored", "sharp"]),
        ("blurred_estimated_true", 3, ["blurred", "estimated", "true"]),
        (
            "blurred_levels_sharp",
            6,
            ["blurred", "deconvolved 1", "restored 1", "deconvolved 2", "restored 2", "sharp"],
        ),
    ],
)
def test_every_image_has_its_caption(name, count, expected):
    assert captions(name, count) == expected


def test_they_are_drawn_as_comparisons_are():
    sharp = picture(64, 64)
    images = [np.clip(sharp + s * noise(64, 64, 3), 0, 1) for s in (0.2, 0.1)] + [sharp]
    strips = np.concatenate(images, axis=1)[None].repeat(2, 0)
    drawn = panel_picture(strips, "blurred_restored_sharp")
    first, middle, last = (to_uint8(one) for one in images)
    place = place_to_look_at(first, middle)
    expected = column(label("blurred", first, last), first, place, (280, 480))
    assert "dB" in label("blurred", first, last)
    np.testing.assert_array_equal(drawn[: len(expected), 8 : 8 + expected.shape[1]], expected)
    assert drawn.shape[0] == 2 * len(expected)


def test_flows_have_no_db():
    strips = np.concatenate([picture(32, 32, seed=s) for s in range(3)], axis=1)[None]
    assert panel_picture(strips, "blurred_estimated_true").dtype == np.uint8
