"""A blurred patch and its sharp partner: what is done as often as the settings say, and how."""

import dataclasses

import cv2
import numpy as np
import pytest

from tfdeblur.data.dynamic_patch import blur_patch, draw
from tfdeblur.data.dynamic_paths import blur, reach_of
from tfdeblur.data.dynamic_settings import DynamicBlur
from tfdeblur.errors import InvalidInput

SIZE = (64, 80)
# One shake of one length everywhere, and a perfect camera.
PLAIN = DynamicBlur(
    **dict.fromkeys("unblurred varying objects linear bright noise jpeg half".split(), 0.0)
)


def photograph(height=240, width=320, seed=0):
    """Smooth and coarse structures: noise alone would be gray where it is blurred."""
    generator = np.random.default_rng(seed)
    parts = [
        cv2.resize(generator.random((height // n, width // n, 3)), (width, height))
        for n in (4, 12, 40)
    ]
    return np.round(255 * np.clip(np.mean(parts, axis=0) * 1.6 - 0.3, 0, 1)).astype(np.uint8)


def patches(count, settings, size=SIZE, photo=None):
    photo = photograph() if photo is None else photo
    return [blur_patch(photo, size, (3, k), settings) for k in range(count)]


def test_a_patch_hangs_on_its_seed_alone():
    first = patches(30, DynamicBlur())
    for (a, b, c), (d, e, f) in zip(first, patches(30, DynamicBlur()), strict=True):
        np.testing.assert_array_equal(a, d)
        np.testing.assert_array_equal(b, e)
        assert c.describe() == f.describe()
    assert len({blurred.tobytes() for blurred, _, _ in first}) == 30
    other = blur_patch(photograph(), SIZE, (4, 0), DynamicBlur())
    assert not np.array_equal(other[0], first[0][0])


def test_both_halves_are_8_bit_and_of_the_size_asked_for():
    everything = DynamicBlur(
        **dict.fromkeys("varying objects bright noise jpeg half squiggles".split(), 1.0),
        linear=0.5,
        unblurred=0.0,
    )
    for size in (SIZE, (48, 48), (240, 320)):
        for blurred, sharp, drawn in patches(6, everything, size):
            assert blurred.dtype == sharp.dtype == np.uint8
            assert blurred.shape == sharp.shape == (*size, 3)
            assert len(drawn.shake) == 3 and drawn.half and drawn.jpeg and drawn.noise


def test_shares_are_those_of_the_settings():
    generator = np.random.default_rng(0)
    drawn = [draw(generator, DynamicBlur()) for _ in range(4000)]
    blurred = [d for d in drawn if d.shake]
    sharp = [d for d in drawn if not d.shake]
    near = {"abs": 0.025}
    assert len(sharp) / len(drawn) == pytest.approx(0.1, **near)
    assert np.mean([len(d.shake) == 3 for d in blurred]) == pytest.approx(0.35, **near)
    assert np.mean([len(d.objects) > 0 for d in blurred]) == pytest.approx(0.4, **near)
    assert np.mean([d.linear for d in blurred]) == pytest.approx(0.35, **near)
    assert np.mean([d.gain > 1 for d in blurred]) == pytest.approx(0.2, **near)
    assert np.mean([d.noise > 0 for d in blurred]) == pytest.approx(0.16, **near)
    assert np.mean([d.jpeg is not None for d in blurred]) == pytest.approx(0.15, **near)
    assert np.mean([d.half for d in blurred]) == pytest.approx(0.08, **near)
    assert all(0.002 <= d.noise <= 0.02 for d in drawn if d.noise)
    assert {min(d.jpeg for d in drawn if d.jpeg), max(d.jpeg for d in drawn if d.jpeg)} == {70, 98}
    assert max(d.gain for d in drawn) <= 1.8
    # Most sharp patches come as they are; none is brighter or of half the resolution.
    assert np.mean([bool(d.noise or d.jpeg) for d in sharp]) == pytest.approx(0.08, abs=0.04)
    assert not any(d.objects or d.half or d.linear or d.gain > 1 for d in sharp)


def test_a_patch_that_is_not_blurred_is_its_own_target():
    settings = dataclasses.replace(DynamicBlur(), unblurred=1.0, noise=0.0, jpeg=0.0)
    for blurred, sharp, drawn in patches(10, settings):
        np.testing.assert_array_equal(blurred, sharp)
        assert drawn.describe() == "not blurred"


def test_the_target_is_the_middle_of_the_exposure():
    """The kernels' centre is (test_dynamic_paths); nothing is shifted between the two halves."""
    for blurred, sharp, drawn in patches(12, PLAIN):
        kernel = drawn.shake[0].kernel()
        reach = reach_of(kernel)
        expected = 255 * blur(sharp / np.float32(255), kernel, reach)
        inside = blurred[reach : SIZE[0] - reach, reach : SIZE[1] - reach]
        assert np.abs(inside - expected).max() < 0.51


def test_objects_leave_the_target_as_it_is():
    with_objects = dataclasses.replace(PLAIN, objects=1.0, extent=0.0, bow=0.0)
    for blurred, sharp, drawn in patches(12, with_objects):
        assert drawn.objects
        # All paths are one pixel long: nothing may lie further off, along an edge or elsewhere.
        assert np.abs(blurred.astype(float) - cv2.blur(sharp, (3, 3))).max() < 40
        shift, _ = cv2.phaseCorrelate(*(x[..., 1].astype(np.float64) for x in (sharp, blurred)))
        assert np.hypot(*shift) < 0.35


@pytest.mark.parametrize("name", ["plain", "varying", "objects", "linear", "jpeg", "half"])
def test_brightness_is_kept(name):
    settings = PLAIN if name == "plain" else dataclasses.replace(PLAIN, **{name: 1.0})
    even = np.full((200, 200, 3), (30, 128, 222), np.uint8)
    for blurred, sharp, _ in patches(5, settings, photo=even):
        np.testing.assert_array_equal(sharp, even[: SIZE[0], : SIZE[1]])
        assert np.abs(blurred.astype(int) - sharp).max() <= (3 if name == "jpeg" else 1)
    if name != "linear":  # light is kept then, not the mean of levels
        means = [[x.mean() for x in pair[:2]] for pair in patches(20, settings, (128, 128))]
        assert abs(np.diff(means, axis=1).mean()) < 1.5


def test_highlights_clip_after_the_blur_and_in_the_target():
    settings = dataclasses.replace(PLAIN, bright=1.0)
    photo = np.full((200, 200, 3), 100, np.uint8)
    photo[::16] = 250
    for blurred, sharp, drawn in patches(8, settings, photo=photo):
        assert drawn.gain > 1
        assert sharp.max() == min(255, round(250 * drawn.gain))
        if drawn.gain > 1.1:
            kernel = drawn.shake[0].kernel()
            reach = reach_of(kernel)
            clipped_before = 255 * blur(sharp / np.float32(255), kernel, reach)
            inside = blurred[reach : SIZE[0] - reach, reach : SIZE[1] - reach]
            assert (inside - clipped_before).min() > -1.01  # there was more light than is seen


def test_the_whole_photograph_may_be_the_patch():
    photo = photograph(64, 80)
    for blurred, sharp, _ in patches(5, DynamicBlur(unblurred=0, bright=0), photo=photo):
        np.testing.assert_array_equal(sharp, photo)
        assert not np.array_equal(blurred, sharp)
    with pytest.raises(InvalidInput, match=r"at least 80x64 pixels. Received: shape=\(63, 80, 3\)"):
        blur_patch(photo[1:], SIZE, (0, 0), PLAIN)


def test_patches_come_from_where_there_is_something_to_see():
    photo = np.full((100, 600, 3), 90, np.uint8)
    photo[:, :200] = photograph(100, 200)
    seen = []
    for places in (1, 4):
        settings = dataclasses.replace(PLAIN, unblurred=1.0, places=places)
        found = patches(60, settings, photo=photo)
        seen.append(np.mean([sharp.std() > 1 for _, sharp, _ in found]))
    assert seen[0] < 0.6 and seen[1] > 0.75


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"extent": -1}, "`dynamic.extent` must be at least 0. Received: dynamic.extent=-1"),
        ({"extent": float("nan")}, "`dynamic.extent` must be a finite number"),
        ({"unblurred": 1.5}, "`dynamic.unblurred` must be from 0 to 1.*dynamic.unblurred=1.5"),
        ({"jpeg": -0.1}, "`dynamic.jpeg` must be from 0 to 1. Received: dynamic.jpeg=-0.1"),
        ({"places": 0}, "`dynamic.places` must be at least 1. Received: dynamic.places=0"),
        ({"brightest": 0.5}, "`dynamic.brightest` must be at least 1"),
        ({"noise_least": -0.1}, "`dynamic.noise_least` must be at least 0"),
        ({"noise_most": 20}, "`dynamic.noise_most` must be at most 0.5: it is a standard dev"),
        ({"noise_least": 1}, "`dynamic.noise_least` must be at most 0.5"),
        ({"noise_least": 0.1}, "`dynamic.noise_most` must be at least dynamic.noise_least=0.1"),
        ({"jpeg_most": 101}, "`dynamic.jpeg_most` must be from dynamic.jpeg_least=70 to 100"),
        ({"jpeg_least": 0}, "`dynamic.jpeg_least` must be at least 1"),
    ],
)
def test_settings_out_of_range_are_named(settings, message):
    with pytest.raises(InvalidInput, match=message):
        DynamicBlur(**settings)
