"""Muon against NumPy in float64, and as any Keras optimizer: saved, averaged, accumulated."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise
from tfdeblur.config import OptimizerConfig
from tfdeblur.networks import SEN, BiSkip, Discriminator, RPGANGenerator
from tfdeblur.training.muon import Muon, orthogonal
from tfdeblur.training.optimizers import build_optimizer

_ROOT = Path(__file__).parents[2]
SHAPES = {
    "conv/kernel": (3, 3, 4, 8),
    "narrow/kernel": (1, 1, 4, 8),
    "dense/kernel": (6, 5),
    "conv/bias": (8,),
    "head/kernel": (1, 1, 8, 3),
    "depthwise_conv2d/kernel": (3, 3, 8, 2),
    "conv_to_one/kernel": (3, 3, 4, 1),
}
WITH_MUON = ("conv/kernel", "narrow/kernel", "dense/kernel")


def variables(seed=0):
    made = []
    for i, (path, shape) in enumerate(SHAPES.items()):
        layer, name = path.split("/")
        with keras.name_scope(layer):
            made.append(keras.Variable(noise(*shape, seed=seed + i), name=name))
    return made


def gradients(step):
    return [noise(*shape, seed=100 * step + i) for i, shape in enumerate(SHAPES.values())]


def newton_schulz(matrix):
    """Jordan's iteration as published, on the matrix as it is, in float64."""
    x = matrix / np.linalg.norm(matrix)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.775 * gram + 2.0315 * gram @ gram) @ x
    return x


class Oracle:
    """Muon and AdamW of the docstring, one variable at a time, in float64."""

    def __init__(self, rate, decay=0.0):
        self.rate, self.decay, self.step = rate, decay, 0
        self.values = {
            path: np.asarray(v, "float64") for path, v in zip(SHAPES, variables(), strict=True)
        }
        self.first = {path: 0.0 for path in SHAPES}
        self.second = {path: 0.0 for path in SHAPES}

    def apply(self, grads):
        self.step += 1
        for path, gradient in zip(SHAPES, grads, strict=True):
            gradient = np.asarray(gradient, "float64")
            move = self.muon if path in WITH_MUON else self.adamw
            value = self.values[path]
            self.values[path] = value - self.rate * self.decay * value
            self.values[path] -= self.rate * move(path, gradient)

    def muon(self, path, gradient):
        self.first[path] = 0.95 * self.first[path] + gradient
        matrix = (gradient + 0.95 * self.first[path]).reshape(-1, gradient.shape[-1])
        step = 0.2 * np.sqrt(max(matrix.shape)) * newton_schulz(matrix)
        return step.reshape(gradient.shape)

    def adamw(self, path, gradient):
        self.first[path] = 0.9 * self.first[path] + 0.1 * gradient
        self.second[path] = 0.999 * self.second[path] + 0.001 * gradient**2
        mean = self.first[path] / (1 - 0.9**self.step)
        return mean / (np.sqrt(self.second[path] / (1 - 0.999**self.step)) + 1e-7)


def assert_close(found, wanted):
    for path, variable, value in zip(SHAPES, found, wanted, strict=True):
        np.testing.assert_allclose(variable, value, rtol=1e-4, atol=2e-5, err_msg=path)


@pytest.mark.parametrize("compiled", [None, False, True], ids=["eager", "graph", "xla"])
def test_five_steps_equal_the_oracle(compiled):
    ours, oracle = variables(), Oracle(0.01, decay=0.1)
    optimizer = Muon(0.01, weight_decay=0.1)
    optimizer.build(ours)

    def apply(grads):
        optimizer.apply(grads, ours)

    if compiled is not None:
        apply = tf.function(apply, jit_compile=compiled)
    for step in range(5):
        apply([tf.constant(gradient) for gradient in gradients(step)])
        oracle.apply(gradients(step))
    assert_close(ours, oracle.values.values())


def test_who_takes_muon():
    optimizer, ours = Muon(), variables()
    assert [v.path for v in ours if optimizer.takes_muon(v)] == list(WITH_MUON)
    optimizer.build(ours)
    # Rate and iterations; one moment for Muon, two for AdamW.
    assert len(optimizer.variables) == 2 + 2 * len(SHAPES) - len(WITH_MUON)


def test_what_is_left_to_adamw_equals_adamw():
    ours, theirs = variables(), variables()
    muon, adamw = (
        kind(1e-2, weight_decay=0.1)
        for kind in (lambda *a, **k: Muon(*a, **k, adamw_layers="*"), keras.optimizers.AdamW)
    )
    for step in range(3):
        muon.apply(gradients(step), ours)
        adamw.apply(gradients(step), theirs)
    assert_close(ours, theirs)


@pytest.mark.parametrize("shape", [(30, 8), (8, 30), (16, 16)])
def test_steps_are_orthogonal(shape):
    matrix = noise(*shape, seed=3)
    made = np.asarray(orthogonal(matrix))
    left, _, right = np.linalg.svd(matrix.astype("float64"), full_matrices=False)
    # In the singular vectors of the matrix it is diagonal, with entries near 1.
    within = left.T @ made @ right.T
    np.testing.assert_allclose(within, np.diag(np.diag(within)), atol=2e-4)
    assert 0.67 < np.diag(within).min() and np.diag(within).max() < 1.21


def test_the_size_of_a_step_does_not_depend_on_the_gradient():
    for scale in (1e-4, 1.0, 1e4):
        (kernel,) = variables()[:1]
        before = np.asarray(kernel).copy()
        Muon(1.0).apply([scale * noise(*kernel.shape, seed=5)], [kernel])
        # 36 x 8: eight singular values near 1, times 0.2 sqrt(36), over 288 entries.
        rms = np.sqrt(np.mean((np.asarray(kernel).copy() - before) ** 2))
        assert 0.67 * 0.2 < rms < 1.21 * 0.2


def test_no_gradient_is_no_step():
    ours = variables()
    before = [np.asarray(v).copy() for v in ours]
    Muon(1.0).apply([np.zeros(shape, "float32") for shape in SHAPES.values()], ours)
    for variable, value in zip(ours, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_accumulated_clipped_and_averaged():
    options = {"global_clipnorm": 1.0, "use_ema": True, "ema_momentum": 0.9}
    ours, theirs = variables(), variables()
    whole, parts = Muon(**options), Muon(**options, gradient_accumulation_steps=2)
    for step in range(3):
        one, two = gradients(2 * step), gradients(2 * step + 1)
        whole.apply([(a + b) / 2 for a, b in zip(one, two, strict=True)], ours)
        parts.apply(one, theirs)
        parts.apply(two, theirs)
    assert int(whole.iterations) == int(parts.iterations) == 3
    assert_close(theirs, ours)
    averages = [np.asarray(average).copy() for average in whole._model_variables_moving_average]
    assert all(
        np.abs(a - np.asarray(v).copy()).max() > 0 for a, v in zip(averages, ours, strict=True)
    )


def test_config_survives_saving():
    optimizer = Muon(0.01, 0.9, weight_decay=0.1, adamw_layers=("a", "b*"), global_clipnorm=2.0)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, Muon) and again.get_config() == optimizer.get_config()


def test_a_saved_model_goes_on_as_if_undisturbed(tmp_path):
    def model():
        made = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Conv2D(3, 3, name="a")])
        made.compile(Muon(0.01, use_ema=True), "mse", run_eagerly=True)
        return made

    keras.utils.set_random_seed(0)
    whole = model()
    data = noise(4, 4, 4, 2), noise(4, 2, 2, 3, seed=1)
    whole.fit(*data, epochs=2, verbose=0)
    whole.save(tmp_path / "half.keras")
    again = keras.saving.load_model(tmp_path / "half.keras")
    again.compile(again.optimizer, "mse", run_eagerly=True)
    for one in (whole, again):
        one.fit(*data, epochs=2, verbose=0)
    for a, b in zip(whole.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(whole.get_weights()[0], again.get_weights()[0])


class _Named:
    """A network that is nothing but kernels of layers with these names."""

    def __init__(self, *names):
        self.name = "named"
        self.trainable_variables = []
        for name in names:
            with keras.name_scope(name):
                self.trainable_variables.append(keras.Variable(noise(3, 3, 4, 3), name="kernel"))


def test_heads_of_all_networks_are_left_out():
    optimizer = build_optimizer(OptimizerConfig(name="muon"), 10)
    for network, heads in (
        (BiSkip(width=0.125, norm="none"), {"head"}),
        (BiSkip(width=0.125, norm="none", blocks="gated"), {"head"}),
        (SEN(1, width=0.05, norm="none", unshuffle=2), {"flow_c", "flow_shortcut"}),
        (RPGANGenerator(0.1, "none"), {"restored_c", "restored_shortcut"}),
        (Discriminator(0.1, "none"), {"patch_scores"}),
        (_Named("stage1_output0", "stage0_encoder0_in"), {"stage1_output0"}),  # as Maxim's
    ):
        kernels = [v for v in network.trainable_variables if len(v.shape) == 4]
        left = {v.path.split("/")[-2] for v in kernels if not optimizer.takes_muon(v)}
        assert left == heads, network.name


def test_a_wrong_momentum_is_named():
    with pytest.raises(ValueError, match=r"`momentum` must be in \[0, 1\). Received: momentum=1"):
        Muon(momentum=1)


_ON_JAX = """
import keras
import numpy as np
from tests.helpers import noise
from tfdeblur.training.muon import Muon

model = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Conv2D(4, 3, name="conv")])
model.set_weights([noise(3, 3, 3, 4), noise(4, seed=1)])
model.compile(Muon(0.01, weight_decay=0.1, use_ema=True), "mse")
model.fit(noise(2, 6, 6, 3), noise(2, 4, 4, 4, seed=1), epochs=3, shuffle=False, verbose=0)
print(keras.backend.backend(), *np.concatenate([np.ravel(w) for w in model.get_weights()]))
"""


def test_jax_makes_the_same_steps():
    pytest.importorskip("jax")
    made = {}
    for backend in ("jax", "tensorflow"):
        answer = subprocess.run(
            [sys.executable, "-c", _ON_JAX],
            cwd=_ROOT,
            env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(_ROOT)},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert answer.returncode == 0, answer.stderr[-3000:]
        name, *numbers = answer.stdout.splitlines()[-1].split()
        made[name] = np.array(numbers, "float64")
    np.testing.assert_allclose(made["jax"], made["tensorflow"], rtol=1e-4, atol=1e-5)
