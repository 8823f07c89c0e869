"""One photograph to one pair: the operator and the labels of the parts it is made of."""

import numpy as np
import pytest

from tests.data.makers import image
from tests.helpers import picture
from tfdeblur.data import flows
from tfdeblur.data.synthesis import synthesize_pair
from tfdeblur.errors import InvalidInput
from tfdeblur.operators.kernels import line_kernel

SIZE = (58, 60)  # within one shape that the compiler has to see


def blurred_pixel(sharp, row, column, kernel):
    """The definition, for one pixel: a weighted sum; outside the frame the nearest pixel counts."""
    down, across = (side // 2 for side in kernel.shape)
    padded = np.pad(sharp.astype(float), ((down, down), (across, across), (0, 0)), mode="edge")
    window = padded[row : row + 2 * down + 1, column : column + 2 * across + 1]
    return np.tensordot(kernel, window, 2)


@pytest.mark.parametrize("law", flows.LAWS)
def test_every_pixel_is_blurred_by_its_own_label(law):
    sharp = image(*SIZE, seed=3)
    whole = flows.random_flow(7, *SIZE, law, max_extent=9)
    pair = synthesize_pair(sharp, 7, law, max_extent=9)
    rows, columns = flows.border(whole)
    assert rows and columns
    inside = np.s_[rows : SIZE[0] - rows, columns : SIZE[1] - columns]
    np.testing.assert_array_equal(pair.flow, whole[inside])
    np.testing.assert_array_equal(pair.sharp, sharp[inside])
    assert pair.blurred.dtype == np.uint8 and pair.blurred.shape == pair.sharp.shape
    height, width = pair.sharp.shape[:2]
    for row, column in [(0, 0), (height - 1, 0), (height // 2, width // 3), (3, width - 1)]:
        kernel = line_kernel(*pair.flow[row, column].astype(float))
        expected = blurred_pixel(sharp, row + rows, column + columns, kernel)
        # Rounded, not cut: half a level apart, and what float32 adds to it.
        assert np.abs(pair.blurred[row, column] - expected).max() < 0.501


def test_the_factor_is_what_the_field_was_scaled_by():
    sharp = image(*SIZE)
    pairs = [synthesize_pair(sharp, seed, "physical", max_extent=6) for seed in range(5)]
    assert all(0 < pair.factor <= 1 for pair in pairs) and any(p.factor < 1 for p in pairs)
    for seed, pair in enumerate(pairs):
        free = flows.random_flow(seed, *SIZE, "physical", max_extent=1e6)
        rows, columns = flows.border(flows.random_flow(seed, *SIZE, "physical", 6))
        free = free[rows : SIZE[0] - rows, columns : SIZE[1] - columns]
        np.testing.assert_allclose(pair.flow, pair.factor * free, rtol=1e-5, atol=1e-6)


def test_seeds_repeat_and_differ():
    sharp = image(*SIZE)
    first, again, other = (synthesize_pair(sharp, seed, max_extent=9) for seed in (1, 1, 2))
    for name in ("blurred", "sharp", "flow"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert first.flow.shape != other.flow.shape or not np.array_equal(first.flow, other.flow)


def test_the_border_can_stay():
    sharp = image(*SIZE)
    cut = synthesize_pair(sharp, 4, max_extent=9)
    whole = synthesize_pair(sharp, 4, max_extent=9, crop_border=False)
    np.testing.assert_array_equal(whole.sharp, sharp)
    rows, columns = flows.border(whole.flow)
    inside = np.s_[rows : SIZE[0] - rows, columns : SIZE[1] - columns]
    np.testing.assert_array_equal(whole.blurred[inside], cut.blurred)


def test_degradation_is_of_the_blurred_image_alone():
    from tfdeblur.data.degrade import Degradation

    sharp = np.round(255 * picture(*SIZE)).astype(np.uint8)
    plain = synthesize_pair(sharp, 4, max_extent=9)
    noisy = synthesize_pair(sharp, 4, max_extent=9, degradation=Degradation(noise=0.02))
    again = synthesize_pair(sharp, 4, max_extent=9, degradation=Degradation(noise=0.02))
    np.testing.assert_array_equal(noisy.sharp, plain.sharp)
    np.testing.assert_array_equal(noisy.blurred, again.blurred)
    difference = (noisy.blurred.astype(float) - plain.blurred) / 255
    assert 0.015 < difference.std() < 0.025


def test_camera_shake_has_no_label_and_keeps_constant_areas():
    flat = np.full((*SIZE, 3), 77, np.uint8)
    pair = synthesize_pair(flat, 1, max_extent=9, blur="camera-shake")
    assert pair.flow is None and np.all(pair.blurred == 77)
    sharp = image(*SIZE)
    pair = synthesize_pair(sharp, 1, max_extent=9, blur="camera-shake")
    assert pair.blurred.shape == pair.sharp.shape and pair.sharp.shape[0] >= SIZE[0] - 18
    assert pair.blurred.std() < 0.8 * pair.sharp.std()  # noise is averaged


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"sharp_uint8": np.zeros((9, 9, 3), np.float32)}, "`sharp_uint8` must be uint8 of shape"),
        ({"sharp_uint8": np.zeros((9, 9), np.uint8)}, "Received: shape=(9, 9), dtype=uint8"),
        ({"sharp_uint8": np.zeros((0, 9, 3), np.uint8)}, "`sharp_uint8` must be"),
        ({"sharp_uint8": image(9, 60)}, "larger than the border that is cut"),
        ({"blur": "gaussian"}, "`blur` must be one of motion-flow, camera-shake"),
        ({"law": "newton"}, "`law` must be one of"),
        ({"max_extent": 0}, "`max_extent` must be"),
        ({"seed": -1}, "`seed` must be"),
    ],
)
def test_wrong_arguments_are_named(arguments, text):
    with pytest.raises(InvalidInput) as caught:
        synthesize_pair(**{"sharp_uint8": image(*SIZE), "seed": 0, "max_extent": 40, **arguments})
    assert text in str(caught.value)
