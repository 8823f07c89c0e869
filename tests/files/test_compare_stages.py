"""The picture of all levels and passes: order, rows, size."""

import numpy as np
import pytest

from tests.helpers import picture
from tfdeblur.errors import InvalidInput
from tfdeblur.files.compare_stages import stage_comparison
from tfdeblur.pictures import panels
from tfdeblur.restorers.protocol import Stage

SIDE = 400


def flat(value, dtype="uint8", side=SIDE):
    return np.full((side, side, 3), value, dtype)


def values(drawn, row):
    """The values of the panels in a row of pixels, without the gaps."""
    line = drawn[row, :, 0]
    changes = [int(v) for i, v in enumerate(line) if i == 0 or v != line[i - 1]]
    return [v for v in changes if v != panels.BACKGROUND]


def stages(passes, levels):
    return tuple(
        Stage(p, n, flat(100 * p + 10 * n), flat(100 * p + 10 * n + 5))
        for p in range(1, passes + 1)
        for n in range(1, levels + 1)
    )


def test_panels_are_the_steps_in_order():
    drawn = stage_comparison(flat(50), stages(1, 3), flat(135), flat(200))
    row = panels.CAPTION_HEIGHT + SIDE - 10  # below the frame around the detail
    assert values(drawn, row) == [50, 110, 115, 120, 125, 130, 135, 200]


def test_each_pass_has_its_row():
    drawn = stage_comparison(flat(50), stages(2, 2), flat(225), flat(240))
    row = panels.CAPTION_HEIGHT + SIDE - 10
    assert values(drawn, row) == [50, 110, 115, 120, 125, 240]
    assert values(drawn, drawn.shape[0] // 2 + row) == [210, 215, 220, 225]
    assert not (drawn[drawn.shape[0] // 2 :, : SIDE // 2] > 230).all()


def test_without_a_sharp_image_there_is_no_panel_of_it():
    drawn = stage_comparison(flat(50), stages(1, 1), flat(115))
    assert drawn.shape[1] == 3 * SIDE + 4 * panels.GAP


def test_large_images_are_made_smaller_and_small_ones_larger():
    for height, width in ((1500, 2000), (1, 1), (3, 50)):
        image = np.zeros((height, width, 3), np.uint8)
        drawn = stage_comparison(image, [Stage(1, 1, image, image)], image)
        assert drawn.shape[1] <= 3 * 480 + 4 * panels.GAP and drawn.shape[0] <= 1100


def test_stages_of_any_kind_are_shown():
    made = [Stage(1, 1, picture(30, 40), np.full((30, 40, 3), 65535, np.uint16))]
    image = np.zeros((30, 40, 3), np.uint8)
    assert stage_comparison(image, made, image).max() == 255


def test_images_that_do_not_fit_are_refused():
    with pytest.raises(InvalidInput, match="`sharp` must be uint8 with the shape of `blurred`"):
        stage_comparison(flat(0), stages(1, 1), flat(0), flat(0, side=9))
