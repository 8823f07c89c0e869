import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import assert_round_trip, noise
from tfdeblur.networks import Critic


def test_parameter_count():
    # 4x4 kernels and biases: 3-64, 64-128, 128-256, 256-512, 512-1.
    pairs = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1)]
    assert Critic().count_params() == sum(16 * a * b + b for a, b in pairs)


def test_one_unbounded_score_per_image():
    critic = Critic(width=0.25)
    images = noise(3, 32, 48, 3)
    scores = critic(images).numpy()
    assert scores.shape == (3,) and scores.dtype == np.float32
    # Images do not mix: what the gradient penalty per image relies on.
    np.testing.assert_allclose(critic(images[1:2]).numpy()[0], scores[1], rtol=1e-5, atol=1e-6)
    far = critic(1e6 * images).numpy()
    assert np.abs(far).max() > 100.0  # a sigmoid would stop at 1


def test_gradient_reaches_the_image_and_every_weight():
    critic = Critic(width=0.125)
    image = tf.constant(noise(2, 32, 32, 3))
    with tf.GradientTape() as tape:
        tape.watch(image)
        score = tf.reduce_sum(critic(image))
    gradients = tape.gradient(score, [image, *critic.trainable_variables])
    assert all(float(tf.norm(g)) > 0 for g in gradients)


def test_fourth_plane_and_round_trip(tmp_path):
    assert_round_trip(Critic(width=0.125, channels=4), noise(1, 32, 32, 4), tmp_path)


def test_wrong_channels_are_named():
    with pytest.raises(ValueError, match="`channels` must be at least 1. Received: channels=0"):
        Critic(channels=0)
