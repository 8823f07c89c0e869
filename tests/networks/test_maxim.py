"""MAXIM: its layers against plain NumPy, its wiring against what the paper says.

Equality with the published network is `tests/convert/test_published_maxim.py`, which needs it.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import assert_round_trip, noise
from tfdeblur.networks import Maxim
from tfdeblur.networks.maxim import at_scale
from tfdeblur.networks.maxim_layers import CellMixing, ChannelDense, ChannelNorm
from tfdeblur.networks.maxim_resize import SmoothEnlarge, SmoothShrink


@pytest.fixture(scope="module")
def small():
    """A network with the published wiring whose every weight is random."""
    network = Maxim(features=4)
    rng = np.random.default_rng(1)
    for weight in network.weights:
        # One channel is left where attention squeezes these few: its ReLU must let it through.
        begun = 3.0 if "squeeze/bias" in weight.path else weight
        weight.assign(begun + 0.1 * rng.standard_normal(weight.shape))
    return network


def assert_equal_but_for_rounding(ours, wanted):
    """Random weights make images of any range: what is allowed is a part of it."""
    difference = np.abs(np.asarray(ours) - np.asarray(wanted)).max()
    assert difference <= 3e-5 * np.abs(wanted).max()


def test_parameters_of_the_published_first_stage():
    # 6,134,371 numbers make the image at full size; two 3x3 convolutions those at 1/2 and 1/4.
    assert Maxim().count_params() == 6_134_371 + 9 * 64 * 3 + 3 + 9 * 128 * 3 + 3


def mixed_by_hand(image, kernel, bias, axis, size):
    """Every pixel from those it mixes with, one by one."""
    _, height, width, _ = image.shape
    down, across = (height // size, width // size) if axis == "grid" else (1, 1)
    mixed = np.zeros_like(image)
    for row in range(height):
        for column in range(width):
            if axis == "grid":  # cell of this pixel, and its place in the cell
                (i, y), (j, x) = divmod(row, down), divmod(column, across)
                others = [(k * down + y, m * across + x) for k in range(size) for m in range(size)]
            else:  # place in the block, and where the block begins
                i, j = row % size, column % size
                others = [(row - i + k, column - j + m) for k in range(size) for m in range(size)]
            to = i * size + j
            for place, (other_row, other_column) in enumerate(others):
                mixed[:, row, column] += kernel[place, to] * image[:, other_row, other_column]
            mixed[:, row, column] += bias[to]
    return mixed


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("axis", ["grid", "block"])
def test_mixing_by_hand(axis, training):
    layer, image = CellMixing(axis, 4, offset=1.0), noise(2, 8, 12, 3)
    layer.build(image.shape)
    kernel, bias = noise(16, 16, seed=1), noise(16, seed=2)
    layer.kernel.assign(kernel)
    layer.bias.assign(bias)
    wanted = mixed_by_hand(image, kernel, bias + 1.0, axis, 4)
    np.testing.assert_allclose(layer(image, training=training), wanted, atol=1e-5)


def test_norm_by_hand():
    layer, image = ChannelNorm(), 3 + 0.1 * noise(2, 4, 4, 8)
    layer.build(image.shape)
    layer.gain.assign(noise(8, seed=1))
    layer.offset.assign(noise(8, seed=2))
    mean, deviation = image.mean(-1, keepdims=True), image.std(-1, keepdims=True)
    wanted = (image - mean) / np.sqrt(deviation**2 + 1e-6) * layer.gain + layer.offset
    np.testing.assert_allclose(layer(image), wanted, atol=1e-4)


def test_dense_is_the_dense_of_keras():
    ours, theirs, image = ChannelDense(6, "gelu"), keras.layers.Dense(6), noise(2, 3, 5, 4)
    ours.build(image.shape)
    theirs.build(image.shape)
    theirs.set_weights(ours.get_weights())
    wanted = keras.ops.gelu(theirs(image), approximate=True)
    np.testing.assert_allclose(ours(image), wanted, atol=1e-6)


@pytest.mark.parametrize("ratio", [2, 4])
def test_resizing_is_that_of_tensorflow(ratio):
    image = noise(2, 16, 24, 3)
    shrunk = tf.image.resize(image, (16 // ratio, 24 // ratio), antialias=True)
    np.testing.assert_allclose(SmoothShrink(ratio)(image), shrunk, atol=1e-5)
    enlarged = tf.image.resize(image, (16 * ratio, 24 * ratio))
    np.testing.assert_allclose(SmoothEnlarge(ratio)(image), enlarged, atol=1e-5)


def test_scales_are_picked_at_the_middle_or_after_it():
    image = np.arange(64, dtype="float32").reshape(1, 8, 8, 1)
    np.testing.assert_array_equal(at_scale(image, 1)[0, :, :, 0], image[0, 1::2, 1::2, 0])
    np.testing.assert_array_equal(at_scale(image, 2)[0, :, :, 0], image[0, 2::4, 2::4, 0])


def test_round_trip(small, tmp_path):
    assert_round_trip(small, noise(1, 64, 128, 3), tmp_path)


def test_file_of_another_order_of_layers_is_refused(small, tmp_path, monkeypatch):
    for wiring in (None, 1):
        with monkeypatch.context() as change:
            save = (lambda self, store: None) if wiring is None else Maxim.save_own_variables
            change.setattr(Maxim, "save_own_variables", save)
            change.setattr("tfdeblur.networks.maxim._WIRING", wiring)
            small.save(tmp_path / "old.keras")
        with pytest.raises(ValueError, match="wiring 1.*reads 2"):
            keras.saving.load_model(tmp_path / "old.keras")


def test_images_of_a_batch_do_not_touch_each_other(small):
    images = np.random.default_rng(0).random((2, 64, 128, 3), "float32")
    both = small(images)
    assert both.shape == images.shape
    for i in range(2):
        assert_equal_but_for_rounding(both[i], small(images[i : i + 1])[0])


def test_training_gives_every_scale_and_the_same_finest_image(small):
    image = np.random.default_rng(0).random((1, 128, 64, 3), "float32")
    stages = small(image, training=True)
    shapes = [[tuple(one.shape[1:3]) for one in scales] for scales in stages]
    assert shapes == [[(128, 64), (64, 32), (32, 16)]]
    assert_equal_but_for_rounding(stages[-1][0], small(image))


def test_traced_for_images_of_unknown_size(small):
    spec = tf.TensorSpec((None, None, None, 3))
    traced = tf.function(lambda x: small(x), autograph=False, input_signature=[spec])
    image = noise(1, 64, 64, 3)
    assert_equal_but_for_rounding(traced(image), small(image))
    assert traced(noise(2, 64, 128, 3)).shape == (2, 64, 128, 3)


def test_gradient_reaches_every_weight(small):
    image = np.random.default_rng(0).random((1, 64, 64, 3), "float32")
    with tf.GradientTape() as tape:
        found = small.images(image, training=True)
        loss = sum(tf.reduce_sum(tf.square(one)) for scales in found for one in scales)
    gradients = tape.gradient(loss, small.trainable_variables)
    still = [
        variable.path
        for variable, gradient in zip(small.trainable_variables, gradients, strict=True)
        if gradient is None or not np.any(gradient)
    ]
    assert not still


def test_mixed_precision_keeps_norms_and_images_in_float32():
    keras.utils.set_random_seed(0)
    plain = Maxim(features=4)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = Maxim(features=4)
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(plain.get_weights())
    image = np.random.default_rng(0).random((1, 64, 64, 3), "float32")
    restored = mixed(image)
    assert restored.dtype == "float32"
    # Of the change alone bfloat16 rounds away a part; the image itself does not pass through it.
    change = np.asarray(plain(image)) - image
    assert np.abs(np.asarray(restored) - image - change).max() < 0.1 * np.abs(change).max()
    norms = [layer for layer in mixed.layers if isinstance(layer, ChannelNorm)]
    assert {norm.gain.dtype for norm in norms} == {"float32"}


@pytest.mark.parametrize("arguments", [{"stages": 4}, {"features": 6}, {"features": 0}])
def test_bad_arguments_are_named(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"`{name}` must.*{value}"):
        Maxim(**arguments)
