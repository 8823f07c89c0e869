import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise
from tfdeblur.config import OptimizerConfig
from tfdeblur.training.muon import Muon
from tfdeblur.training.optimizers import WarmupThenDecay, build_optimizer, schedule_of


def rates(schedule, steps):
    return [float(schedule(step)) for step in steps]


def test_papers_schedule():
    # Section 5: constant for half of the run, then linear to zero.
    schedule = WarmupThenDecay(1e-4, 100)
    expected = [1e-4, 1e-4, 1e-4, 0.5e-4, 0.0, 0.0]
    np.testing.assert_allclose(rates(schedule, [0, 49, 50, 75, 100, 200]), expected, atol=1e-12)


def test_cosine_with_warm_up():
    schedule = WarmupThenDecay(1.0, 110, "cosine", warmup_steps=10, final_factor=0.2)
    expected = [0.1, 1.0, 1.0, 0.6, 0.2, 0.2]
    np.testing.assert_allclose(rates(schedule, [0, 9, 10, 60, 110, 500]), expected, atol=1e-6)


def test_constant():
    assert rates(WarmupThenDecay(0.5, 10, "constant"), [0, 5, 50]) == [0.5] * 3


def test_a_constant_rate_falls_at_the_end_if_told_to():
    schedule = WarmupThenDecay(1.0, 100, "constant", final_factor=0.2, decay_steps=40)
    expected = [1.0, 1.0, 0.6, 0.2, 0.2]
    np.testing.assert_allclose(rates(schedule, [0, 60, 80, 100, 500]), expected, atol=1e-6)


def moves(config, steps):
    """By how much each update moves a weight whose gradient is always 1: Adam's is the rate."""
    weight = keras.Variable(0.0)
    optimizer = build_optimizer(config, steps)
    optimizer.build([weight])
    positions = [0.0]
    for _ in range(steps):
        optimizer.apply([tf.constant(1.0)])
        positions.append(float(weight.numpy()))
    return -np.diff(positions)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_rates_last_as_long_as_the_run_also_where_gradients_are_accumulated(schedule):
    """Seen on the weight: half of the updates had the last rate."""
    options = {"schedule": schedule, "decay_steps": 12 if schedule == "constant" else 0}
    config = OptimizerConfig(**options, warmup_steps=6, final_factor=0.1, epsilon=1e-12)
    one_by_one = moves(config, 30)
    np.testing.assert_allclose(one_by_one, rates(schedule_of(config, 30), range(30)), rtol=1e-3)
    # The rise counts updates: two of three steps each.
    moved = moves(dataclasses.replace(config, accumulate=3, warmup_steps=2), 30).reshape(10, 3)
    np.testing.assert_array_equal(moved[:, :2], 0)
    np.testing.assert_allclose(moved[:, 2], one_by_one[2::3], rtol=1e-3)


def trained(name, updates, accumulate):
    """A weight after so many updates, and the average of all that it was."""
    config = OptimizerConfig(name=name, ema=0.9, learning_rate=0.1, accumulate=accumulate)
    weight = keras.Variable(np.ones((4, 4), "float32"))
    optimizer = build_optimizer(config, 300)
    optimizer.build([weight])
    for update in range(updates):
        for _ in range(accumulate):
            optimizer.apply([tf.constant(noise(4, 4, seed=update))])
    last = weight.numpy()
    optimizer.finalize_variable_values([weight])
    return last, weight.numpy()


@pytest.mark.parametrize("name", ["adam", "adamw", "muon"])
def test_averaged_weights_do_not_depend_on_how_a_batch_is_cut(name):
    _, before = trained(name, 4, 1)
    last, _ = trained(name, 5, 1)
    found, averaged = trained(name, 5, 3)
    np.testing.assert_allclose(found, last, rtol=1e-5, atol=1e-6)
    # The last update counts once of three times: the others follow before the next.
    share = 0.9 ** (1 / 3)
    wanted = share * before + (1 - share) * last
    assert np.abs(wanted - before).max() > 1e-3
    np.testing.assert_allclose(averaged, wanted, rtol=1e-5, atol=1e-6)


def test_opponents_of_a_network_that_has_muon_take_adamw():
    config = OptimizerConfig(name="muon", weight_decay=0.1, clip_norm=1.0, ema=0.9, beta_1=0.8)
    generator, critic = (build_optimizer(config, 100, c) for c in (False, True))
    assert isinstance(generator, Muon) and isinstance(critic, keras.optimizers.AdamW)
    assert (generator.beta_1, generator.weight_decay, generator.use_ema) == (0.8, 0.1, True)


def test_schedule_survives_saving():
    schedule = WarmupThenDecay(1e-3, 50, "constant", warmup_steps=5, decay_steps=7)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert again.get_config() == schedule.get_config()


def test_critic_gets_its_own_optimizer():
    config = OptimizerConfig(ema=0.9, clip_norm=1.0, warmup_steps=10)
    generator, critic = (build_optimizer(config, 100, c, 1 + c) for c in (False, True))
    assert generator.use_ema and not critic.use_ema
    assert (critic.beta_1, critic.beta_2) == (0.0, 0.9)
    # Two updates a step: both are half way down when the run is.
    assert float(critic._learning_rate(150)) == pytest.approx(float(generator._learning_rate(75)))


def test_opponents_may_be_slower():
    config = OptimizerConfig(opponent_rate=0.25)
    generator, critic = (build_optimizer(config, 100, c) for c in (False, True))
    assert float(critic._learning_rate(3)) == pytest.approx(0.25 * config.learning_rate)
    assert float(generator._learning_rate(3)) == pytest.approx(config.learning_rate)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"total_steps": 0}, "`total_steps` must be at least 1. Received: 0"),
        ({"total_steps": 5, "decay_steps": -1}, "`decay_steps` must be at least 0. Received: -1"),
        ({"total_steps": 5, "shape": "step"}, "`shape` must be .* Received: shape='step'"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        WarmupThenDecay(1.0, **arguments)
