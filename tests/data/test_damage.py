"""Damage of real pairs while training: pure in the seed, of the blurred half, off unless asked."""

import numpy as np
import pytest
import tensorflow as tf

from tests.data.makers import source, write
from tests.helpers import picture
from tfdeblur.config import TrainConfig, override
from tfdeblur.data import Augment, evaluation_images, training_batches
from tfdeblur.data.blur_source import RandomBlur, open_photographs
from tfdeblur.data.damage import DamagedSource, damage_image
from tfdeblur.data.damage_settings import Damage
from tfdeblur.data.mixed_source import MixedSource
from tfdeblur.errors import InvalidInput

NOISE, JPEG = Damage(noise_share=1, noise_most=0.1), Damage(jpeg_share=1, jpeg_least=20)


def photograph(side=64):
    return tf.constant(np.uint8(255 * picture(side, side)))


def stream(pairs, **options):
    batches = training_batches(pairs, augment=Augment(8), batch=2, seed=3, **options)
    return [np.stack(pair) for pair in batches.as_numpy_iterator()]


def test_noise_is_as_strong_as_drawn():
    image = tf.fill((200, 200, 3), tf.constant(128, tf.uint8))
    sigmas = [
        np.std(damage_image(image, tf.constant([0, k], tf.int64), NOISE).numpy() / 255)
        for k in range(40)
    ]
    assert max(sigmas) < 0.105 and min(sigmas) < 0.02
    assert np.mean(sigmas) == pytest.approx(0.05, abs=0.015)  # all up to the most alike


def test_jpeg_of_the_qualities_asked_for():
    image = photograph()
    known = [tf.image.adjust_jpeg_quality(image, quality).numpy() for quality in range(90, 96)]
    damage = Damage(jpeg_share=1, jpeg_least=90)
    for k in range(10):
        found = damage_image(image, tf.constant([0, k], tf.int64), damage).numpy()
        assert any((found == one).all() for one in known)


def test_the_share_is_kept_and_the_seed_decides():
    image, half = photograph(16), Damage(noise_share=0.5, jpeg_share=0.25, jpeg_least=10)
    seeds = [tf.constant([1, k], tf.int64) for k in range(200)]
    first = [damage_image(image, seed, half).numpy() for seed in seeds]
    changed = np.mean([(one != image.numpy()).any() for one in first])
    assert changed == pytest.approx(1 - 0.5 * 0.75, abs=0.1)
    graph = tf.function(lambda seed: damage_image(image, seed, half))
    for seed, one in zip(seeds[:20], first, strict=False):
        np.testing.assert_array_equal(graph(seed), one)


@pytest.mark.parametrize("damage", [NOISE, JPEG])
def test_blurred_halves_alone_and_nothing_else_of_the_stream(tmp_path, damage):
    pairs = source(tmp_path)
    clean, damaged = stream(pairs, stop=6), stream(DamagedSource(pairs, damage), stop=6)
    for (blurred, sharp), (blurred_now, sharp_now) in zip(clean, damaged, strict=True):
        np.testing.assert_array_equal(sharp, sharp_now)
        assert (blurred != blurred_now).any()
    resumed = stream(DamagedSource(pairs, damage), start=2, stop=6)
    for one, other in zip(damaged[1:], resumed, strict=True):
        np.testing.assert_array_equal(one, other)


def test_frames_that_are_validated_on_stay(tmp_path):
    pairs = source(tmp_path)
    damaged = DamagedSource(pairs, NOISE)
    for one, other in zip(evaluation_images(pairs), evaluation_images(damaged), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
    assert damaged.fingerprint == pairs.fingerprint and "noise up to 0.1" in damaged.describe()


def test_photographs_in_their_place_are_left_alone(tmp_path):
    for i in range(3):
        write(tmp_path / "photos" / f"{i}.png", np.uint8(255 * picture(40, 40, seed=i)))
    photographs = open_photographs(tmp_path / "photos", RandomBlur("gong2018", 5, "mild"))
    pairs = source(tmp_path / "pairs", height=40, width=40)
    clean = stream(MixedSource(pairs, photographs, 0.5), stop=16)
    mixed = stream(MixedSource(DamagedSource(pairs, NOISE), photographs, 0.5), stop=16)
    same = [
        bool((one[0, i] == other[0, i]).all())
        for one, other in zip(clean, mixed, strict=True)
        for i in range(2)
    ]
    assert 3 <= sum(same) <= 13  # the pairs are changed, the photographs are not


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data.noise_share": 1.5}, "`data.noise_share` must be from 0 to 1"),
        ({"data.noise_share": 1, "data.noise_most": 0}, "data.noise_most=0"),
        ({"data.noise_share": 1, "data.noise_most": 1}, "at most 0.5: it is a standard deviation"),
        ({"data.jpeg_share": -0.1}, "`data.jpeg_share` must be from 0 to 1"),
        ({"data.jpeg_share": 1, "data.jpeg_least": 96}, "1 to 95. Received: data.jpeg_least=96"),
        ({"data.noise_share": 0.1, "data.blur": "dynamic"}, "its own .the section `dynamic`"),
        ({"data.jpeg_share": 0.1, "model": "sen"}, "`data.jpeg_share` damages pairs"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(InvalidInput, match=message):
        override(TrainConfig(), settings)


def test_off_unless_asked():
    assert not TrainConfig().data.damage
    assert override(TrainConfig(), {"data.noise_share": 0.2}).data.damage.noise_share == 0.2
