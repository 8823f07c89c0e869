import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise
from tfdeblur.errors import InvalidInput
from tfdeblur.losses import (
    CriticLoss,
    GeneratorAdversarialLoss,
    GradientPenalty,
    critic_real_fake,
    generator_adversarial,
    interpolate,
    penalty_from_gradients,
    score_per_image,
)

REAL = np.array([1.0, 2.0, 3.0, 6.0, -1.0, -1.0, -1.0, -1.0], "float32").reshape(2, 2, 2, 1)
FAKE = np.array([0.0, 0.0, 0.0, 4.0, 5.0, 5.0, 5.0, 5.0], "float32").reshape(2, 2, 2, 1)
# means of the maps: real 3 and -1, fake 1 and 5


def test_scores_by_hand():
    np.testing.assert_array_equal(score_per_image(REAL), [3, -1])
    np.testing.assert_array_equal(score_per_image(np.array([[3.0], [-1.0]])), [3, -1])
    np.testing.assert_array_equal(score_per_image(np.array([3.0, -1.0])), [3, -1])
    np.testing.assert_array_equal(critic_real_fake(REAL, FAKE), [1 - 3, 5 + 1])
    np.testing.assert_array_equal(generator_adversarial(FAKE), [-1, -5])


def test_penalty_by_hand():
    # Norms over the whole image: (3, 4) -> 5, (0.6, 0.8) -> 1; 10 (5 - 1)^2 = 160 and 0.
    gradients = np.zeros((3, 2, 2, 1), "float32")
    gradients[0, 0, 0, 0], gradients[0, 1, 1, 0] = 3, 4
    gradients[1, 0, 1, 0], gradients[1, 1, 0, 0] = 0.6, 0.8
    # The third is zero: 10 (0 - 1)^2.
    np.testing.assert_allclose(penalty_from_gradients(gradients), [160, 0, 10], atol=1e-4)
    np.testing.assert_allclose(penalty_from_gradients(gradients, 1.0), [16, 0, 1], atol=1e-5)


def test_losses_reduce_with_the_weights_of_the_samples():
    v = np.array([0.5, 1.0], "float32")
    assert CriticLoss()(REAL, FAKE, sample_weight=v) == (0.5 * -2 + 6) / 2
    assert GeneratorAdversarialLoss()(FAKE, FAKE, sample_weight=v) == (0.5 * -1 - 5) / 2
    gradients = np.zeros((2, 2, 2, 1), "float32")
    penalty = GradientPenalty(weight=4.0)(gradients, gradients, sample_weight=v)
    np.testing.assert_allclose(penalty, (0.5 * 4 + 4) / 2, rtol=1e-5)


def test_sums_in_float32_even_from_bfloat16():
    # 256 + 1 is 256 in bfloat16.
    scores = tf.cast(np.array([[256.0, 1.0, 1.0, 1.0]]).reshape(1, 2, 2, 1), "bfloat16")
    assert score_per_image(scores).dtype == tf.float32
    np.testing.assert_array_equal(score_per_image(scores), [259 / 4])
    np.testing.assert_allclose(
        penalty_from_gradients(scores, 1.0), [(np.sqrt(65539.0) - 1) ** 2], rtol=1e-6
    )


def test_interpolation_mixes_image_by_image():
    real, fake = np.ones((2, 2, 2, 3), "float32"), np.zeros((2, 2, 2, 3), "float32")
    for alpha in (np.array([0.25, 1.0]), np.array([0.25, 1.0]).reshape(2, 1, 1, 1)):
        mixed = np.asarray(interpolate(real, fake, alpha))
        assert np.all(mixed[0] == 0.25)
        assert np.all(mixed[1] == 1.0)


def test_penalty_of_a_linear_critic_is_the_norm_of_its_weights():
    direction = noise(4, 4, 1)
    mixed = tf.constant(noise(3, 4, 4, 1, seed=1))
    with tf.GradientTape() as tape:
        tape.watch(mixed)
        total = tf.reduce_sum(score_per_image(mixed * direction) * 16)
    penalty = penalty_from_gradients(tape.gradient(total, mixed))
    expected = 10 * (np.linalg.norm(direction) - 1) ** 2
    np.testing.assert_allclose(penalty, [expected] * 3, rtol=1e-5)


def test_penalty_of_a_dead_critic_has_a_finite_gradient():
    gradients = tf.zeros((1, 2, 2, 1))
    with tf.GradientTape() as tape:
        tape.watch(gradients)
        penalty = penalty_from_gradients(gradients)
    assert np.all(np.isfinite(tape.gradient(penalty, gradients)))


@pytest.mark.parametrize("loss", [CriticLoss(), GeneratorAdversarialLoss(), GradientPenalty(3.0)])
def test_round_trip(loss):
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()


def test_wrong_arguments_are_named():
    with pytest.raises(InvalidInput, match=r"`weight` must be.*Received: weight=-1"):
        GradientPenalty(-1)
    with pytest.raises(InvalidInput, match=r"`alpha` must hold one weight.*\(2, 2\)"):
        interpolate(REAL, FAKE, np.ones((2, 2)))
