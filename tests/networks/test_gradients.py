"""Gradients that are written out equal those of autodiff, and only training takes them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise
from tfdeblur import processor
from tfdeblur.networks import gradients
from tfdeblur.networks.convolution import Conv2D
from tfdeblur.networks.gated import GatedBlock
from tfdeblur.networks.maxim_layers import ChannelDense, ChannelNorm
from tfdeblur.networks.maxim_resize import SmoothEnlarge, SmoothShrink


def exact(layer):
    layer.gelu = "erf"
    return layer


LAYERS = {
    "norm": (lambda: ChannelNorm(), (2, 5, 7, 6)),
    "dense with GELU": (lambda: ChannelDense(4, "gelu"), (2, 5, 7, 6)),
    "dense with GELU's exact form": (lambda: exact(ChannelDense(4, "gelu")), (2, 5, 7, 6)),
    "3x3 convolution": (lambda: Conv2D(4, 3, padding="same"), (2, 5, 7, 6)),
    "3x3 convolution of a row": (lambda: Conv2D(3, 3, padding="same"), (1, 1, 9, 2)),
    "1x1 convolution": (lambda: Conv2D(4, 1), (2, 5, 7, 6)),
    "3x3 of stride 2": (lambda: Conv2D(4, 3, 2, padding="same"), (2, 6, 8, 6)),
    "3x3 without bias": (lambda: Conv2D(4, 3, padding="same", use_bias=False), (2, 5, 7, 6)),
    "enlarging by 2": (lambda: SmoothEnlarge(2), (2, 5, 7, 3)),
    "enlarging by 4": (lambda: SmoothEnlarge(4), (1, 1, 3, 2)),
    "shrinking by 2": (lambda: SmoothShrink(2), (2, 10, 6, 3)),
    "shrinking by 4": (lambda: SmoothShrink(4), (1, 4, 12, 2)),
    "gated block": (lambda: GatedBlock(), (2, 5, 7, 6)),
}


def random_layer(make, shape):
    layer = make()
    layer.build(shape)
    for seed, weight in enumerate(layer.weights):
        weight.assign(noise(*weight.shape, seed=seed))
    return layer


def gradients_of(layer, image, graph):
    """Result, and gradients for the image and every weight, of one loss with no symmetry."""

    def find(image):
        with tf.GradientTape() as tape:
            tape.watch(image)
            found = layer(image, training=True)
            loss = tf.reduce_sum(found * noise(*found.shape, seed=9))
        return [found, *tape.gradient(loss, [image, *layer.trainable_variables])]

    return (tf.function(find) if graph else find)(tf.constant(image))


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
@pytest.mark.parametrize("name", LAYERS)
def test_equal_to_autodiff(name, graph, monkeypatch):
    layer, image = random_layer(*LAYERS[name]), 2 + 1.5 * noise(*LAYERS[name][1], seed=5)
    monkeypatch.setattr(gradients, "pays_off", lambda: True)
    monkeypatch.setattr(gradients, "convolution_pays_off", lambda: True)
    ours = gradients_of(layer, image, graph)
    monkeypatch.setattr(gradients, "pays_off", lambda: False)
    wanted = gradients_of(layer, image, graph)
    assert len(ours) == len(wanted) == 2 + len(layer.trainable_variables)
    for found, expected in zip(ours, wanted, strict=True):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5 * np.abs(expected).max())


def test_norm_far_from_zero_keeps_its_gradient(monkeypatch):
    # Sums of x times gradient would lose it here; sums of the centred x do not.
    layer, image = random_layer(ChannelNorm, (1, 2, 2, 8)), 100 + noise(1, 2, 2, 8)
    exact = tf.cast(image, "float64")
    weight = tf.constant(noise(1, 2, 2, 8, seed=9), "float64")
    with tf.GradientTape() as tape:
        tape.watch(exact)
        centred = exact - tf.reduce_mean(exact, -1, keepdims=True)
        scale = tf.math.rsqrt(tf.reduce_mean(centred**2, -1, keepdims=True) + 1e-6)
        loss = tf.reduce_sum(centred * scale * tf.cast(layer.gain, "float64") * weight)
    monkeypatch.setattr(gradients, "pays_off", lambda: True)
    found = gradients_of(layer, image, graph=False)[1]
    np.testing.assert_allclose(found, tape.gradient(loss, exact), atol=2e-4)


def test_both_forms_of_gelu():
    x = np.linspace(-9, 9, 1001, dtype="float32")
    for form, approximate in (("tanh", True), ("erf", False)):
        wanted = keras.ops.gelu(x, approximate=approximate)
        np.testing.assert_allclose(gradients.gelu(x, form), wanted, atol=1e-6)
        np.testing.assert_allclose(gradients.gelu_for_training(x, form), wanted, atol=1e-6)
    assert 1e-4 < np.abs(gradients.gelu(x) - gradients.gelu(x, "erf")).max() < 5e-4


def test_joined_features_and_halves_are_parts_of_one_dense():
    first, second = noise(2, 3, 4, 5), noise(2, 3, 4, 2, seed=1)
    layer = ChannelDense(6, "gelu", halves=True)
    layer.build([first.shape, second.shape])
    layer.bias.assign(noise(6, seed=2))
    one, other = layer([first, second])
    joined = np.concatenate([first, second], -1) @ layer.kernel + layer.bias
    wanted = keras.ops.gelu(joined, approximate=True)
    np.testing.assert_allclose(np.concatenate([one, other], -1), wanted, atol=1e-5)
    assert layer.compute_output_shape([first.shape, second.shape]) == ((2, 3, 4, 3),) * 2


def test_odd_units_have_no_halves():
    with pytest.raises(ValueError, match=r"`units` must be even.*units=5"):
        ChannelDense(5, halves=True)


def test_inference_and_saved_graphs_hold_plain_operations(monkeypatch):
    monkeypatch.setattr(gradients, "pays_off", lambda: True)
    monkeypatch.setattr(gradients, "convolution_pays_off", lambda: True)
    for make, shape in LAYERS.values():
        layer = random_layer(make, shape)
        graph = tf.function(lambda x, layer=layer: layer(x, training=False))
        kinds = {
            node.type for node in graph.get_concrete_function(noise(*shape)).graph.get_operations()
        }
        assert not {kind for kind in kinds if "IdentityN" in kind}


@pytest.mark.parametrize("flags", ["fpu avx2", "fpu avx2 avx512f"])
@pytest.mark.parametrize("name", ["3x3 convolution", "gated block"])
def test_convolutions_of_processors_with_avx512_are_the_librarys(name, flags, monkeypatch):
    monkeypatch.setattr(gradients, "pays_off", lambda: True)
    monkeypatch.setattr(processor, "information", lambda: {"flags": flags})
    gradients.convolution_pays_off.cache_clear()
    try:
        layer, image = random_layer(*LAYERS[name]), noise(*LAYERS[name][1])
        graph = tf.function(lambda x: layer(x, training=True)).get_concrete_function(image).graph
    finally:
        gradients.convolution_pays_off.cache_clear()
    written_out = "IdentityN" in {node.type for node in graph.get_operations()}
    assert written_out == ("avx512f" not in flags.split())


def test_layers_round_trip_through_their_config():
    for layer in (ChannelDense(6, "gelu", halves=True, name="a"), Conv2D(4, 3, 2, name="b")):
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
