"""Objects in front of a background: by hand on a few pixels, and in the two cases known exactly."""

from functools import partial

import numpy as np
import pytest

from tests.data.makers import image
from tfdeblur.data.dynamic_objects import SHAPES, composite, draw_mask
from tfdeblur.data.dynamic_paths import Path, blur

STILL = np.ones((1, 1), np.float32)
THIRDS = np.full((1, 3), 1 / 3, np.float32)


def test_one_bright_pixel_moves_over_a_dark_background():
    """By hand: a third of the time it is at each of three places."""
    row = np.full((3, 11, 3), 0.25, np.float32)
    row[:, 5] = 1.0
    mask = np.zeros((3, 11), np.float32)
    mask[:, 5] = 1
    seen = composite(row, [mask], [THIRDS], partial(blur, kernel=STILL, reach=1), 1)
    assert seen.shape == (1, 9, 3)
    # Its own place is uncovered for two thirds, and then shows what is around it.
    expected = np.full(9, 0.25)
    expected[3:6] = 1 / 3 + 2 / 3 * 0.25
    np.testing.assert_allclose(seen[0, :, 1], expected, atol=2e-3)


def test_the_background_moves_behind_an_object_that_does_not():
    """By hand: an edge of the background is blurred, the object stays sharp and is not smeared."""
    row = np.zeros((3, 13, 3), np.float32)
    row[:, 9:] = 0.9
    row[:, 3:5] = 0.6
    mask = np.zeros((3, 13), np.float32)
    mask[:, 3:5] = 1
    seen = composite(row, [mask], [STILL], partial(blur, kernel=THIRDS, reach=1), 1)
    expected = [0, 0, 0.6, 0.6, 0, 0, 0, 0.3, 0.6, 0.9, 0.9]
    np.testing.assert_allclose(seen[0, :, 0], expected, atol=2e-3)


def scene(seed=0, side=72):
    generator = np.random.default_rng(seed)
    levels = image(side, side, seed)
    masks = [draw_mask(generator, kind, levels) for kind in ("polygon", "ellipse")]
    return (levels / 255).astype(np.float32), masks


def test_objects_at_rest_change_nothing():
    picture, masks = scene()
    seen = composite(picture, masks, [STILL, STILL], partial(blur, kernel=STILL, reach=4), 4)
    np.testing.assert_allclose(seen, picture[4:-4, 4:-4], atol=0.03)


def test_an_object_that_moves_as_its_background_does_is_none():
    """So there are no halos where they move nearly alike."""
    kernel = Path(8.0, 0.6).kernel()
    for seed in range(4):
        picture, masks = scene(seed)
        behind = partial(blur, kernel=kernel, reach=6)
        seen = composite(picture, masks[:1], [kernel], behind, 6)
        assert np.abs(seen - blur(picture, kernel, 6)).max() < 0.03
    assert composite(picture, [], [], behind, 6).shape == (60, 60, 3)


def test_the_last_object_is_the_nearest():
    picture = np.zeros((20, 20, 3), np.float32)
    whole, part = np.ones((20, 20), np.float32), np.zeros((20, 20), np.float32)
    part[8:12] = 1
    picture[8:12] = 1
    up_and_down = np.full((3, 1), 1 / 3, np.float32)
    behind = partial(blur, kernel=STILL, reach=2)
    moving_in_front = composite(picture, [whole, part], [STILL, up_and_down], behind, 2)
    np.testing.assert_allclose(moving_in_front[5, 3], 1 / 3, atol=0.02)
    hidden = composite(picture, [part, whole], [up_and_down, STILL], behind, 2)
    np.testing.assert_allclose(hidden, picture[2:-2, 2:-2], atol=0.02)


@pytest.mark.parametrize("kind", SHAPES)
def test_masks_are_soft_and_somewhere(kind):
    generator = np.random.default_rng(1)
    areas = []
    for seed in range(20):
        mask = draw_mask(generator, kind, image(96, 128, seed))
        assert mask.shape == (96, 128) and mask.dtype == np.float32
        assert mask.min() >= 0 and mask.max() <= 1 + 1e-6
        areas.append(mask.mean())
    assert 0.02 < np.mean(areas) < 0.5
    assert ((mask > 0.1) & (mask < 0.9)).any()


def test_a_segment_is_a_thing_of_one_colour():
    picture = np.full((128, 128, 3), 40, np.uint8)
    rows, columns = np.indices((128, 128))
    disc = (rows - 60) ** 2 + (columns - 70) ** 2 < 30**2
    picture[disc] = (220, 60, 30)
    picture[55:60, 65:75] = 40  # a letter on it
    generator = np.random.default_rng(3)
    # Not every cluster is the disc; some draw finds it, whole, with what stands on it.
    agreement = [
        1 - np.abs((draw_mask(generator, "segment", picture) > 0.5) ^ disc).mean()
        for _ in range(20)
    ]
    assert max(agreement) > 0.97
