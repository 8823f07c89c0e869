"""Confidence: 1 for what explains the blur, 0 for the blurred image, well defined where flat."""

import numpy as np
import pytest

from tests.helpers import noise, picture
from tfdeblur.errors import InvalidInput
from tfdeblur.operators import MotionBlur
from tfdeblur.restorers.blind.confidence import NOISE_FLOOR, WINDOW, explained


class Halves:
    """K x = x / 2."""

    def apply(self, image):
        return image / 2


def constant_flow(u, v, height=40, width=56):
    return np.broadcast_to(np.float32([u, v]), (height, width, 2))


@pytest.fixture(scope="module")
def sharp():
    image = np.clip(picture(40, 56) + 0.1 * noise(40, 56, 3), 0, 1)
    return image[None]


@pytest.mark.parametrize(
    ("result", "expected"), [(0.8, 1.0), (0.6, 0.75), (1.0, 0.75), (0.4, 0.0), (0.0, 0.0)]
)
def test_hand_computed(result, expected):
    # O = 0.4, so K O - O = -0.2; x = 0.6 leaves K x - O = -0.1, a quarter of the energy.
    observed = np.full((2, 3, 4, 3), 0.4, "float32")
    local, score = explained(Halves(), np.full_like(observed, result), observed)
    np.testing.assert_allclose(local, np.full((2, 3, 4), expected), atol=1e-6)
    np.testing.assert_allclose(score, [expected] * 2, atol=1e-6)


def test_sharp_explains_all_and_blurred_nothing(sharp):
    K = MotionBlur(constant_flow(9, -4))
    blurred = K.apply(sharp)
    local, score = explained(K, sharp, blurred)
    assert np.min(local) > 0.999 and score[0] > 0.999
    for value in explained(K, blurred, blurred):
        np.testing.assert_array_equal(value, np.zeros_like(value))


def test_a_wrong_flow_explains_less(sharp):
    blurred = MotionBlur(constant_flow(9, -4)).apply(sharp)
    scores = [
        float(explained(MotionBlur(constant_flow(*motion)), sharp, blurred)[1][0])
        for motion in ((9, -4), (8, -4), (9, 4), (-4, -9))
    ]
    assert scores[0] > 0.999 and scores == sorted(scores, reverse=True) and scores[-1] < 0.3


def test_places_are_told_apart(sharp):
    """The result is sharp in the left half only."""
    K = MotionBlur(constant_flow(7, 3))
    blurred = K.apply(sharp)
    result = np.where(np.arange(56)[:, None] < 28, sharp, blurred)
    local, score = explained(K, result, blurred, window=9)
    assert np.min(local[0, :, :16]) > 0.99 and np.max(local[0, :, 40:]) < 0.01
    assert 0.3 < score[0] < 0.7


@pytest.mark.parametrize("motion", [(0, 0), (12, 5)])
def test_nothing_to_explain_is_zero(motion):
    """Unmoved, or flat up to the rounding of 8 bits: there is no evidence."""
    K = MotionBlur(constant_flow(*motion))
    image = picture(40, 56) if motion == (0, 0) else np.full((40, 56, 3), 0.5, "float32")
    rounding = (np.random.default_rng(0).random(image.shape) - 0.5) / 255
    local, score = explained(K, image[None], (image + rounding).astype("float32")[None])
    assert np.isfinite(local).all() and np.mean(local) < 0.5 and score[0] < 0.5
    exact, none = explained(K, image[None], image[None])
    assert np.max(exact) < 1e-6 and none[0] < 1e-6


def test_noise_floor_is_that_of_two_rounded_images():
    rng = np.random.default_rng(0)
    a, b = (np.round(rng.random(10**5) * 255) / 255 for _ in range(2))
    rng = np.random.default_rng(0)
    true_a, true_b = rng.random(10**5), rng.random(10**5)
    assert np.mean(((a - true_a) - (b - true_b)) ** 2) == pytest.approx(NOISE_FLOOR, rel=0.02)


def test_windows_end_at_the_border(sharp):
    """Energies are means over the part of the window inside; a huge window is the whole image."""
    K = MotionBlur(constant_flow(6, 6))
    blurred = K.apply(sharp).numpy()
    result = blurred + np.linspace(0, 1, 56, dtype="float32")[:, None] * (sharp - blurred)
    left = np.mean((K.apply(result).numpy() - blurred) ** 2, -1)[0]
    before = np.mean((K.apply(blurred).numpy() - blurred) ** 2, -1)[0]
    local, score = explained(K, result, blurred, window=5)
    for row, column in ((0, 0), (1, 55), (20, 30), (39, 2)):
        near = np.s_[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
        expected = 1 - left[near].mean() / max(before[near].mean(), NOISE_FLOOR)
        assert float(local[0, row, column]) == pytest.approx(np.clip(expected, 0, 1), abs=1e-4)
    assert np.ptp(local) > 0.5
    whole, _ = explained(K, result, blurred, window=2 * 56 + 1)
    np.testing.assert_allclose(whole[0], np.full((40, 56), score[0]), atol=1e-5)


@pytest.mark.parametrize("window", [0, -3, 4, 2.5, None])
def test_bad_windows_are_named(sharp, window):
    with pytest.raises(InvalidInput, match=f"`window` must be an odd.*window={window}"):
        explained(Halves(), sharp, sharp, window)
    assert WINDOW % 2 == 1
