import numpy as np
import pytest

from tests.helpers import picture
from tfdeblur.data.degrade import Degradation, degrade, expose
from tfdeblur.errors import InvalidInput

GRAY = np.full((200, 200, 3), 0.5, np.float32)


def test_nothing_to_do():
    image = picture(7, 9)
    np.testing.assert_array_equal(degrade(image, Degradation(), seed=0), image)


def test_saturation_multiplies_and_clips():
    image = np.array([0, 0.2, 0.6], np.float32).reshape(1, 1, 3)
    degraded = degrade(image, Degradation(saturation=2), seed=0)
    np.testing.assert_allclose(degraded.ravel(), [0, 0.4, 1], rtol=1e-6)
    np.testing.assert_array_equal(degraded, expose(image, Degradation(saturation=2, noise=0.3)))


def test_a_pair_is_the_same_scene_where_nothing_is_clipped():
    """Blurring the brighter scene and clipping it = clipping the brighter blurred image."""
    sharp, gain = picture(8, 9), Degradation(saturation=1.7)

    def blur(image):
        return (image + np.roll(image, 1, axis=1)) / 2

    np.testing.assert_allclose(
        expose(blur(sharp), gain), np.clip(blur(1.7 * sharp), 0, 1), atol=1e-6
    )
    dark = 0.5 * sharp  # nothing to clip: the exposed pair is a blurred pair again
    np.testing.assert_allclose(expose(blur(dark), gain), blur(expose(dark, gain)), atol=1e-6)


def test_noise_has_the_given_deviation_and_no_mean():
    noise = degrade(GRAY, Degradation(noise=0.05), seed=[3, 1]) - GRAY
    # 120,000 values: the deviation of their mean is 1.4e-4, of their deviation 1e-4.
    assert abs(noise.mean()) < 6e-4
    assert abs(noise.std() - 0.05) < 5e-4
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.02


def test_noise_comes_after_saturation_and_stays_in_range():
    degraded = degrade(GRAY, Degradation(noise=0.1, saturation=4), seed=0)
    assert degraded.max() == 1
    # Half of the noise is clipped away; had the gain come later, it would be four times as much.
    assert abs((degraded < 1).mean() - 0.5) < 0.02
    assert abs(np.mean((1 - degraded) ** 2) - 0.1**2 / 2) < 2e-4


def test_jpeg_is_a_round_trip_through_eight_bits():
    image = picture(40, 56)
    errors = []
    for quality in (95, 50, 10):
        degraded = degrade(image, Degradation(jpeg_quality=quality), seed=0)
        np.testing.assert_allclose(degraded * 255, np.round(degraded * 255), atol=1e-4)
        errors.append(np.sqrt(np.mean((degraded - image) ** 2)))
    assert 0 < errors[0] < errors[1] < errors[2] < 0.15


def test_jpeg_keeps_the_order_of_channels():
    red = np.zeros((16, 16, 3), np.float32) + [1, 0, 0]
    np.testing.assert_allclose(degrade(red, Degradation(jpeg_quality=90), 0), red, atol=0.02)


def test_is_a_pure_function_of_the_seed():
    settings = Degradation(noise=0.1, saturation=1.2, jpeg_quality=80)
    image = picture(9, 12)
    before = image.copy()
    first = degrade(image, settings, seed=5)
    np.testing.assert_array_equal(first, degrade(image, settings, seed=5))
    assert np.any(first != degrade(image, settings, seed=6))
    np.testing.assert_array_equal(image, before)
    assert first.dtype == np.float32


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("noise", -0.1),
        ("noise", float("nan")),
        ("noise", float("inf")),
        ("saturation", 0.9),
        ("saturation", float("inf")),
        ("jpeg_quality", 0),
        ("jpeg_quality", 101),
        ("jpeg_quality", 90.5),
    ],
)
def test_bad_settings(name, value):
    with pytest.raises(InvalidInput, match=f"`{name}`.*{name}={value}"):
        Degradation(**{name: value})


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4)), np.zeros((1, 4, 4, 3))]
)
def test_bad_image(image):
    with pytest.raises(InvalidInput, match="`image` must be float"):
        degrade(image, Degradation(), seed=0)


def test_bad_seed():
    with pytest.raises(InvalidInput, match="`seed`.*seed=-1"):
        degrade(GRAY, Degradation(noise=0.1), seed=-1)
