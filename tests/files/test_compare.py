"""Side-by-side pictures: what is enlarged, what the labels say, every size."""

import cv2
import numpy as np
import pytest

from tests.helpers import picture
from tfdeblur.errors import InvalidInput
from tfdeblur.files.partner import sharp_partner
from tfdeblur.pictures import compare, panels
from tfdeblur.pictures.compare import comparison, place_to_look_at


def levels(height, width, seed=0):
    return np.round(255 * picture(height, width, seed=seed)).astype("uint8")


@pytest.mark.parametrize(("row", "column"), [(0, 0), (20, 30), (60, 75), (119, 159), (5, 150)])
def test_the_place_holds_the_change_and_lies_inside(row, column):
    blurred = levels(120, 160)
    restored = blurred.copy()
    restored[row, column] ^= 255
    top, left, height, width = place_to_look_at(blurred, restored)
    assert 0 <= top <= row < top + height <= 120
    assert 0 <= left <= column < left + width <= 160


def test_a_change_in_the_middle_is_shown_in_the_middle():
    blurred = levels(200, 300)
    restored = blurred.copy()
    restored[95:106, 145:156] ^= 255
    top, left, height, width = place_to_look_at(blurred, restored)
    assert abs(top + height / 2 - 100) <= 6 and abs(left + width / 2 - 150) <= 6


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (1, 200), (200, 1), (2, 3), (24, 24), (1500, 4), (31, 77)]
)
def test_every_size_gives_a_readable_picture(height, width):
    image = levels(height, width)
    drawn = comparison(image, image, image)
    assert drawn.dtype == np.uint8 and drawn.shape[-1] == 3
    assert 840 <= drawn.shape[1] <= 3000 and drawn.shape[0] <= 2200


def test_panels_are_the_images_in_order():
    blurred, restored, sharp = (np.full((400, 400, 3), v, np.uint8) for v in (40, 120, 200))
    drawn = comparison(blurred, restored, sharp)
    row = drawn[panels.CAPTION_HEIGHT + 390, :, 0]  # below the frame around the detail
    seen = [v for i, v in enumerate(row) if v != row[i - 1]]
    dark = panels.BACKGROUND
    assert seen == [40, dark, 120, dark, 200, dark]


def test_a_large_image_is_made_smaller_without_a_shift_of_levels():
    image = np.full((1000, 2000, 3), 77, np.uint8)
    drawn = comparison(image, image)
    assert drawn.shape[1] == 2 * 800 + 3 * panels.GAP
    assert (drawn[panels.CAPTION_HEIGHT + 10, 20:100] == 77).all()


def test_labels_give_psnr_of_the_rgb_levels():
    sharp, image = levels(40, 40), levels(40, 40, seed=1)
    error = np.mean((sharp.astype(float) - image) ** 2)
    assert compare.label("blurred", image, sharp) == (
        f"blurred  {10 * np.log10(255**2 / error):.2f} dB"
    )
    assert compare.label("restored", sharp, sharp) == "restored  equal to sharp"
    assert compare.label("sharp", sharp, sharp) == "sharp"
    assert compare.label("blurred", image, None) == "blurred"


def test_every_label_fits_the_narrowest_column():
    font = cv2.FONT_HERSHEY_SIMPLEX
    for label in ("restored  equal to sharp", "restored  100.00 dB"):
        (width, _), _ = cv2.getTextSize(label, font, panels.CAPTION_SIZE, 1)
        assert width + 2 <= compare._NARROWEST_COLUMN


def test_images_that_do_not_fit_are_refused():
    with pytest.raises(InvalidInput, match=r"`restored` must be uint8 with the shape of `blurred`"):
        comparison(levels(4, 5), levels(5, 4))
    with pytest.raises(InvalidInput, match="`sharp` must be .* dtype=float32"):
        comparison(levels(4, 5), levels(4, 5), picture(4, 5))


def test_sharp_partner(tmp_path):
    for name in ("blur/x.png", "sharp/x.png", "one/y.png", "one/sharp/y.png", "blur/alone.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert sharp_partner(tmp_path / "blur/x.png") == tmp_path / "sharp/x.png"
    assert sharp_partner(tmp_path / "one/y.png") == tmp_path / "one/sharp/y.png"
    assert sharp_partner(tmp_path / "blur/alone.png") is None
    assert sharp_partner(tmp_path / "sharp/x.png") is None  # not its own partner


def test_a_salient_place_goes_before_the_largest_change():
    """A small bright thing that became a little sharper is looked at; noise in a corner is not."""
    blurred = np.full((300, 400, 3), 120, "uint8")
    blurred[200:230, 300:330] = 250
    restored = blurred.copy()
    restored[195:235, 295:335] ^= 8
    restored[20:60, 20:60:2] ^= 64
    top, left, height, width = place_to_look_at(blurred, restored)
    assert top <= 215 < top + height and left <= 315 < left + width


@pytest.mark.parametrize(("at", "corner"), [((50, 60), (47, 28)), ((0, 0), (0, 0))])
def test_a_place_may_be_named(at, corner):
    image = levels(120, 200)
    top, left, height, width = place_to_look_at(image, image, at)
    assert (height, width) == (26, 44)
    assert (top, left) == corner
    assert place_to_look_at(image, image, (9999, 9999))[:2] == (120 - 26, 200 - 44)
    drawn = comparison(image, image // 2, at=at)
    assert not np.array_equal(drawn, comparison(image, image // 2, at=(150, 100)))
