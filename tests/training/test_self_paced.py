import math
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfdeblur.errors import InvalidInput
from tfdeblur.training.self_paced import SelfPacedState, pace_exponent, self_paced_weights

ROOT = Path(__file__).parents[2]


def test_q_by_hand():
    # T = 3: the angles are (1 - t/8) 90 degrees = 78.75, 67.5 and 56.25.
    # tan 67.5 = 1 + sqrt 2; the others from a table of tangents.
    np.testing.assert_allclose(pace_exponent(1, 3), 5.02733949, rtol=1e-8)
    np.testing.assert_allclose(pace_exponent(2, 3), 1 + math.sqrt(2), rtol=1e-12)
    np.testing.assert_allclose(pace_exponent(3, 3), 1.49660576, rtol=1e-8)
    # T = 1: (1 - 1/4) 90 = 67.5 degrees.
    np.testing.assert_allclose(pace_exponent(1, 1), 1 + math.sqrt(2), rtol=1e-12)


def test_v_by_hand():
    # t = 2 of T = 3: 1 / (q - 1) = 1 / sqrt 2 = 0.70710678; lambda = 4.
    # l = 1: 0.75^0.70710678 = exp(0.70710678 * -0.28768207) = exp(-0.20342195) = 0.81593394
    # l = 2: 0.5^0.70710678 = exp(0.70710678 * -0.69314718) = exp(-0.49012907) = 0.61254733
    # l = 3: 0.25^0.70710678 = 0.61254733^2 = 0.37521423; l = 0: 1; l >= 4: 0
    v = self_paced_weights([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], 4.0, pace_exponent(2, 3))
    np.testing.assert_allclose(v, [1, 0.81593394, 0.61254733, 0.37521423, 0, 0], rtol=1e-6)
    # q = 2 makes it linear, q = 1.5 a square.
    np.testing.assert_allclose(self_paced_weights([1.0, 3.0], 4.0, 2.0), [0.75, 0.25], rtol=1e-6)
    np.testing.assert_allclose(
        self_paced_weights([1.0, 3.0], 4.0, 1.5), [0.5625, 0.0625], rtol=1e-6
    )


def test_q_falls_and_stays_above_1():
    for T in (1, 2, 10, 300, 1000):
        q = pace_exponent(np.arange(1, T + 1), T)
        assert np.all(q > 1)
        assert np.all(np.diff(q) < 0)
    # The last exponent of a long training is near 2 (T + 1) / pi.
    np.testing.assert_allclose(1 / (pace_exponent(300, 300) - 1), 2 * 301 / np.pi, rtol=0.01)


@pytest.mark.parametrize("q", [1.0001, 1.05, 1.5, 2.0, 5.0, 400.0])
def test_v_falls_with_the_loss_and_rises_with_lambda(q):
    """The conditions on a self-paced weight that the paper builds on (section 2.2)."""
    losses = np.linspace(0, 5, 101, dtype="float32")
    before = np.zeros_like(losses)
    for lam in (0.5, 1.0, 3.0, 10.0, 1e6):
        v = np.asarray(self_paced_weights(losses, lam, q))
        assert np.all((v >= 0) & (v <= 1))
        assert np.all(np.diff(v) <= 0)
        assert np.all(v >= before)
        assert v[0] == 1
        before = v
    # Limits: lambda to infinity gives 1, a loss at lambda gives 0.
    np.testing.assert_array_equal(self_paced_weights(losses, math.inf, q), np.ones(101))
    assert self_paced_weights([2.0], 2.0, q) == 0


def test_closed_form_minimises_equations_8_and_9():
    rng = np.random.default_rng(0)
    grid = np.linspace(0, 1, 200_001)
    for _ in range(50):
        loss, lam = rng.random() * 5, rng.random() * 5 + 1e-3
        q = pace_exponent(int(rng.integers(1, 21)), 20)
        cost = grid * loss + lam * (grid**q / q - grid)
        v = float(self_paced_weights([loss], lam, q)[0])
        # In value and in place: the cost is convex, so the least grid point is next to it.
        assert v * loss + lam * (v**q / q - v) <= cost.min() + 1e-6
        assert abs(v - grid[cost.argmin()]) < 2e-3 or loss >= lam


@pytest.mark.parametrize("q", [1.0 + 1e-12, 1.0 + 1e-7, 1.05, 3.0, 1e9])
@pytest.mark.parametrize("lam", [0.0, 1e-38, 1.0, 3e38, math.inf])
def test_always_finite(lam, q):
    losses = np.array([0, 1e-45, 1e-38, 0.5, 1 - 6e-8, 1, 3e38, np.inf, np.nan], "float32")
    for given in (q, tf.constant(q)):
        v = np.asarray(self_paced_weights(losses, lam, given))
        assert np.all((v >= 0) & (v <= 1))
        assert np.all(v[-2:] == 0)
        assert np.all(v[losses >= lam] == 0)


def test_small_losses_keep_their_digits_at_huge_exponents():
    # 1 - 1e-9 is 1 in float32: as a power, the weight would be 1, not exp(-0.1).
    v = self_paced_weights([1e-9], 1.0, 1.0 + 1e-8)
    np.testing.assert_allclose(v, [math.exp(-0.1)], rtol=1e-5)


def test_v_is_a_constant_in_the_gradient():
    losses = tf.Variable([1.0, 2.0])
    state = SelfPacedState(epochs=3)
    state.observe([4.0])
    state.advance()
    with tf.GradientTape(persistent=True) as tape:
        v = state.sample_weights(losses)
        total = tf.reduce_sum(v * losses)
    np.testing.assert_array_equal(tape.gradient(total, losses), v)
    assert tape.gradient(v, losses) is None


def test_state_follows_algorithm_1():
    state = SelfPacedState(epochs=3)
    np.testing.assert_array_equal(state.sample_weights([5.0, 0.0]), [1, 1])  # lambda = infinity
    state.observe([1.0, 3.0])
    state.observe([4.0, 2.0])
    assert (state.lam, state.running_max, state.epoch) == (math.inf, 4, 1)
    state.advance()
    assert (state.lam, state.running_max, state.epoch) == (4, 0, 2)
    # As by hand above.
    np.testing.assert_allclose(
        state.sample_weights([1.0, 2.0, 4.0]), [0.81593394, 0.61254733, 0], rtol=1e-6
    )
    state.observe([0.5])
    state.advance()
    assert (state.lam, state.epoch) == (0.5, 3)
    # Past the plan t stays, lambda goes on.
    state.observe([2.0])
    state.advance()
    assert (state.lam, state.epoch) == (2, 3)
    expected = self_paced_weights([1.0], 2.0, pace_exponent(3, 3))
    np.testing.assert_allclose(state.sample_weights([1.0]), expected, rtol=1e-6)


def test_lambda_survives_bad_and_missing_losses():
    state = SelfPacedState(epochs=5)
    state.observe([2.0, np.nan, np.inf])
    state.advance()
    assert state.lam == 2
    state.advance()  # nothing observed
    assert state.lam == 2
    assert state.epoch == 3


def test_normalised_weights_have_mean_1_or_are_all_0():
    state = SelfPacedState(epochs=3, normalise=True)
    state.observe([4.0])
    state.advance()
    plain = np.array([0.81593394, 0.61254733, 0])
    np.testing.assert_allclose(
        state.sample_weights([1.0, 2.0, 4.0]), plain / plain.mean(), rtol=1e-6
    )
    # Two replicas with a window over both: together they have mean 1.
    window = [1.0, 2.0, 4.0, 4.0]
    halves = [state.sample_weights(window[i : i + 2], window=window) for i in (0, 2)]
    np.testing.assert_allclose(np.mean(halves), 1, rtol=1e-6)
    np.testing.assert_array_equal(state.sample_weights([4.0, 9.0]), [0, 0])


def test_histogram_counts_the_weights_of_an_epoch():
    state = SelfPacedState(epochs=3)
    state.lam.assign(4.0)
    state.epoch.assign(2)
    state.sample_weights([0.0, 1.0, 2.0])  # 1, 0.82, 0.61
    state.sample_weights([9.0], window=[9.0, 1.0])  # 0, 0.82
    state.sample_weights([0.0], training=False)
    np.testing.assert_array_equal(state.v_histogram, [1, 0, 0, 0, 0, 0, 1, 0, 2, 1])
    state.advance()
    assert not np.any(state.v_histogram)


class Trainer(keras.Model):
    def __init__(self):
        super().__init__()
        self.network = keras.layers.Dense(1)
        self.network.build((None, 1))
        self.self_paced = SelfPacedState(epochs=4)
        self.built = True

    def call(self, x):
        return self.network(x)


def test_state_is_saved_with_the_trainer(tmp_path):
    first, second = Trainer(), Trainer()
    assert len(first.trainable_variables) == 2  # the network's only
    first.self_paced.sample_weights([1.0])
    first.self_paced.observe([3.0])
    # In the first epoch lambda is infinite: that has to survive too.
    first.save_weights(tmp_path / "trainer.weights.h5")
    second.self_paced.lam.assign(1.0)
    second.load_weights(tmp_path / "trainer.weights.h5")
    state = second.self_paced
    assert (state.lam, state.running_max, state.epoch) == (math.inf, 3, 1)
    np.testing.assert_array_equal(state.v_histogram, first.self_paced.v_histogram)
    state.advance()
    second.save_weights(tmp_path / "trainer.weights.h5")
    first.load_weights(tmp_path / "trainer.weights.h5")
    assert (first.self_paced.lam, first.self_paced.epoch) == (3, 2)


def test_works_inside_a_graph_and_under_a_mixed_policy():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        eager, graph = SelfPacedState(3, normalise=True), SelfPacedState(3, normalise=True)
    finally:
        keras.config.set_dtype_policy("float32")
    losses = np.array([1.003, 2.001, 3.999], "float32")  # not bfloat16 numbers

    def step(state, losses):
        weights = state.sample_weights(losses)
        state.observe(losses)
        state.advance()
        return weights

    compiled = tf.function(lambda losses: step(graph, losses))
    for _ in range(3):
        found = compiled(tf.constant(losses))
        assert found.dtype == tf.float32
        np.testing.assert_allclose(found, step(eager, losses), rtol=1e-6)
    assert graph.lam == losses.max()
    assert graph.epoch == 3


def test_config_round_trip():
    state = SelfPacedState(epochs=7, normalise=True, name="pace")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(state))
    assert type(again) is SelfPacedState
    assert again.get_config() == state.get_config()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pace_exponent(0, 3), "`t` must be an epoch between 1 and T=3"),
        (lambda: pace_exponent(4, 3), "Received: t=4"),
        (lambda: pace_exponent(1, 0), "Received: T=0"),
        (lambda: pace_exponent(1, 2.5), "Received: T=2.5"),
        (lambda: self_paced_weights([1.0], 1.0, 1.0), "Received: q=1.0"),
        (lambda: self_paced_weights([1.0], -1.0, 2.0), "Received: lam=-1.0"),
        (lambda: self_paced_weights([1.0], math.nan, 2.0), "Received: lam=nan"),
        (lambda: SelfPacedState(0), "Received: epochs=0"),
        (lambda: SelfPacedState(2.0), "Received: epochs=2.0"),
    ],
)
def test_wrong_arguments_are_named(call, words):
    with pytest.raises(InvalidInput) as caught:
        call()
    assert words in str(caught.value)


# Logical devices are fixed when TensorFlow starts: this needs a process of its own.
REPLICAS = """
import numpy as np
import tensorflow as tf

from tfdeblur.losses import BiLevelContent
from tfdeblur.training.self_paced import SelfPacedState

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
rng = np.random.default_rng(0)
sharp, restored = rng.random((2, 4, 3, 3, 3)).astype("float32")
content = BiLevelContent("l1")
with strategy.scope():
    state = SelfPacedState(epochs=3, normalise=True)

@tf.function
def step(parts):
    def on_replica(sharp, restored):
        losses = content.call(sharp, restored)
        window = tf.distribute.get_replica_context().all_gather(losses, axis=0)
        weights = state.sample_weights(losses, window=window)
        state.observe(window)
        return weights, content(sharp, restored, sample_weight=weights)
    return strategy.run(on_replica, args=parts)

def split(array):
    return strategy.experimental_distribute_values_from_function(
        lambda context: array[2 * context.replica_id_in_sync_group :][:2])

alone = SelfPacedState(epochs=3, normalise=True)
for epoch in range(3):
    weights, shares = step((split(sharp), split(restored)))
    joined = np.concatenate([part.numpy() for part in strategy.experimental_local_results(weights)])
    total = sum(part.numpy() for part in strategy.experimental_local_results(shares))
    losses = content.call(sharp, restored)
    expected = alone.sample_weights(losses)
    alone.observe(losses)
    np.testing.assert_allclose(joined, expected, rtol=1e-5)
    np.testing.assert_allclose(total, content(sharp, restored, sample_weight=expected), rtol=1e-5)
    for name in ("lam", "running_max", "epoch", "v_histogram"):
        copies = getattr(state, name).value.values
        assert len(copies) == 2, "not mirrored"
        for copy in copies:
            np.testing.assert_allclose(copy, getattr(alone, name), rtol=1e-6, err_msg=name)
    state.advance()
    alone.advance()
print("replicas agree")
"""


def test_two_replicas_equal_one():
    done = subprocess.run(
        [sys.executable, "-c", REPLICAS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "replicas agree" in done.stdout, done.stderr[-3000:]
