import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise
from tfdeblur.errors import InvalidInput
from tfdeblur.losses import (
    ArtifactPenalty,
    ConditionalAdversarialLoss,
    CriticLoss,
    DiscriminatorLoss,
)


def logits(*values):
    """One image a value, a map of 2x2 equal logits each."""
    return np.array(values, "float32")[:, None, None, None] * np.ones((1, 2, 2, 1), "float32")


def probability(logit):
    return 1 / (1 + math.exp(-logit))


def test_discriminator_loss_by_hand():
    real, fake = (2.0, -1.0), (0.5, 3.0)
    expected = [
        -math.log(probability(r)) - math.log(1 - probability(f))
        for r, f in zip(real, fake, strict=True)
    ]
    loss = DiscriminatorLoss(reduction=None)
    np.testing.assert_allclose(loss(logits(*real), logits(*fake)), expected, rtol=1e-6)
    # Undecided everywhere: 2 log 2.
    np.testing.assert_allclose(loss(logits(0.0), logits(0.0)), [2 * math.log(2)], rtol=1e-6)


def test_generator_terms_by_hand():
    fake = logits(0.5, -3.0)
    strong, paper = (
        ConditionalAdversarialLoss(g, reduction=None) for g in ("non_saturating", "minimax")
    )
    np.testing.assert_allclose(
        strong(fake, fake), [-math.log(probability(f)) for f in (0.5, -3)], rtol=1e-6
    )
    np.testing.assert_allclose(
        paper(fake, fake), [math.log(1 - probability(f)) for f in (0.5, -3)], rtol=1e-5
    )


@pytest.mark.parametrize("game", ["non_saturating", "minimax"])
def test_both_games_push_the_same_way_and_stay_finite(game):
    fake = tf.constant(logits(-200.0, -2.0, 0.0, 2.0, 200.0))
    with tf.GradientTape() as tape:
        tape.watch(fake)
        cost = tf.reduce_sum(ConditionalAdversarialLoss(game, reduction=None)(fake, fake))
    gradient = tape.gradient(cost, fake).numpy()
    assert np.isfinite(gradient).all() and np.isfinite(cost)
    assert (gradient <= 0).all() and (gradient[1:4] < 0).all()


def test_penalty_is_zero_when_restored_equals_sharp_and_beyond():
    penalty = ArtifactPenalty(reduction=None)
    scores = noise(5)
    np.testing.assert_array_equal(penalty(scores, scores), np.zeros(5))
    np.testing.assert_array_equal(penalty(scores, scores - 1), np.zeros(5))
    np.testing.assert_allclose(penalty(scores, scores + 1.5), np.full(5, 1.5), rtol=1e-6)


def test_penalty_moves_only_what_looks_like_artifacts():
    sharp, restored = tf.constant([0.0, 0.0]), tf.constant([1.0, -1.0])
    with tf.GradientTape() as tape:
        tape.watch(restored)
        cost = tf.reduce_sum(ArtifactPenalty(reduction=None)(sharp, restored))
    np.testing.assert_array_equal(tape.gradient(cost, restored), [1, 0])


def test_artifact_critic_learns_larger_scores_for_artifacts():
    artifacts, blurred = tf.Variable([0.0]), tf.Variable([0.0])
    with tf.GradientTape() as tape:
        cost = CriticLoss()(artifacts, blurred)
    rise, fall = tape.gradient(cost, [artifacts, blurred])
    assert float(rise[0]) < 0 < float(fall[0])  # descent raises D_p(artifacts), lowers D_p(blurred)


@pytest.mark.parametrize(
    "loss", [DiscriminatorLoss(), ConditionalAdversarialLoss("minimax"), ArtifactPenalty()]
)
def test_round_trip_and_one_value_per_image(loss):
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss) and again.get_config() == loss.get_config()
    assert loss.call(logits(1, 2, 3), logits(4, 5, 6)).shape == (3,)


def test_unknown_game_is_named():
    with pytest.raises(InvalidInput, match="`game` must be one of non_saturating, minimax.*'x'"):
        ConditionalAdversarialLoss("x")
