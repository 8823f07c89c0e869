"""Gated blocks by hand, and Bi-Skip made of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import assert_round_trip, noise
from tfdeblur.networks import BiSkip
from tfdeblur.networks.gated import GatedBlock

SMALL = {"blocks": "gated", "channels": (8, 12, 16), "depths": (1, 2, 1, 2, 1), "norm": "none"}


def filled(channels, seed=0):
    """A block whose weights are all different."""
    block = GatedBlock()
    block.build((None, None, None, channels))
    rng = np.random.default_rng(seed)
    for weight in block.weights:
        weight.assign(0.3 * rng.standard_normal(weight.shape))
    return block


def by_hand(block, x):
    """The block in float64: norm and gain, 3x3 with zeros around, gate, 1x1, scale, sum."""
    weights = {w.name: np.asarray(w, "float64") for w in block.weights}
    y = x / np.sqrt((x.astype("float64") ** 2).mean(-1, keepdims=True) + 1e-6) * weights["gain"]
    height, width = x.shape[1:3]
    padded = np.pad(y, ((0, 0), (1, 1), (1, 1), (0, 0)))
    y = weights["bias"] + sum(
        padded[:, i : i + height, j : j + width] @ weights["kernel"][i, j]
        for i in range(3)
        for j in range(3)
    )
    half = x.shape[-1] // 2
    gated = y[..., :half] * y[..., half:]
    y = gated @ weights["pointwise_kernel"][0, 0] + weights["pointwise_bias"]
    return x + weights["scale"] * y


def test_a_block_by_hand():
    block, x = filled(6), noise(2, 5, 7, 6)
    np.testing.assert_allclose(block(x), by_hand(block, x), rtol=1e-4, atol=1e-5)


def test_a_block_begins_with_little_to_say():
    block = GatedBlock()
    block(noise(1, 4, 4, 8))
    weights = {w.name: np.asarray(w) for w in block.weights}
    np.testing.assert_array_equal(weights["scale"], np.full(8, 0.2, "float32"))
    np.testing.assert_array_equal(weights["gain"], np.ones(8))


def test_the_norm_is_float32_in_bfloat16():
    # Squares of features that differ in the last bits of bfloat16 would be the same.
    x = tf.cast(noise(1, 8, 8, 64) * 100, tf.bfloat16)
    block = GatedBlock(dtype="mixed_bfloat16")
    block.build(x.shape)
    twin = GatedBlock(dtype="float32")
    twin.build(x.shape)
    twin.set_weights(block.get_weights())
    result = block(x)
    assert result.dtype == tf.bfloat16
    exact = twin(tf.cast(x, tf.float32))
    change = np.asarray(exact - tf.cast(x, tf.float32))
    # Two roundings of the features (2^-9 of 300 at most) and products of rounded numbers.
    error = np.abs(np.asarray(tf.cast(result, tf.float32) - exact))
    assert error.max() <= 2**-8 * 400 + 0.03 * np.abs(change).max()


def test_odd_channels_are_named():
    with pytest.raises(ValueError, match="`channels` must be even.*Received: channels=5"):
        GatedBlock()(noise(1, 4, 4, 5))


def test_parameters_by_hand():
    first, second, third = SMALL["channels"]
    blocks = {c: 9 * c * c + c * c // 2 + 4 * c for c in (first, second, third)}

    def conv(size, seen, made):
        return size * size * seen * made + made

    wanted = conv(3, 3 * 16, first) + 2 * blocks[first] + 4 * blocks[second] + blocks[third]
    for larger, smaller in ((first, second), (second, third)):
        wanted += conv(1, larger, larger // 2) + conv(3, larger, larger // 2)  # skips
        wanted += conv(2, larger, smaller)  # down
        wanted += conv(1, smaller, 4 * larger) + conv(3, 2 * larger, larger)  # up
    wanted += conv(1, first, 3 * 16)
    assert BiSkip(unshuffle=4, **SMALL).count_params() == wanted


@pytest.mark.parametrize("unshuffle", [1, 2, 4])
def test_any_multiple_of_the_size(tmp_path, unshuffle):
    network = BiSkip(unshuffle=unshuffle, **SMALL)
    assert network.size_multiple == 4 * unshuffle
    for rows, columns in ((1, 1), (2, 3)):
        image = noise(2, rows * 4 * unshuffle, columns * 4 * unshuffle, 3)
        assert network(image).shape == image.shape
    assert_round_trip(network, image, tmp_path)


def test_default_channels_and_depths():
    network = BiSkip(blocks="gated", unshuffle=4)
    assert network.size_multiple == 32
    names = [layer.name for layer in network.layers if isinstance(layer, GatedBlock)]
    counts = [
        sum(name.startswith(f"{place}_") for name in names)
        for place in ("down0", "down1", "down2", "up3", "up2", "up1", "up0")
    ]
    assert counts == [2, 6, 3, 1, 2, 2, 2]
    channels = [
        network.get_layer(f"{name}_conv").filters for name in ("front", "to1", "to2", "to3")
    ]
    assert channels == [48, 96, 128, 128]


def test_width_keeps_channels_even():
    network = BiSkip(width=0.1, **SMALL)
    assert network.get_layer("front_conv").filters == 2
    assert network(noise(1, 8, 8, 3)).shape == (1, 8, 8, 3)


def test_gradient_reaches_every_weight():
    keras.utils.set_random_seed(0)
    network = BiSkip(unshuffle=2, **SMALL)
    with tf.GradientTape() as tape:
        restored = network(noise(1, 32, 32, 3), training=True)
        loss = tf.reduce_sum(restored * noise(1, 32, 32, 3, seed=1))
    gradients = tape.gradient(loss, network.trainable_variables)
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        assert gradient is not None and float(tf.norm(gradient)) > 0, variable.path


def test_bfloat16_hands_the_image_on_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = BiSkip(unshuffle=4, head_initializer="zeros", **SMALL)
    finally:
        keras.config.set_dtype_policy("float32")
    image = np.random.default_rng(0).random((1, 32, 32, 3), "float32")
    np.testing.assert_array_equal(network(image), image)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blocks": "dense"}, r"`blocks` must be one of .*Received: blocks='dense'"),
        ({"variant": "S", "blocks": "gated"}, "`variant` must be 'BS' for gated.*variant='S'"),
        ({"channels": (8,)}, r"`channels` must be at least two.*Received: channels=\(8,\)"),
        ({"channels": (8, 0)}, r"`channels` must be .* >= 1.*Received: channels=\(8, 0\)"),
        ({"channels": (8, 9), "blocks": "gated"}, r"even ones for gated.*channels=\(8, 9\)"),
        ({"channels": 8}, "`channels` must be .*Received: channels=8"),
        ({"depths": (1, 2)}, r"`depths` must be 9 .* 5 scales, 4 going down.*depths=\(1, 2\)"),
        (
            {"channels": (8, 8), "depths": (1, -1, 0)},
            r"`depths` must be 3 .*2 scales.*depths=\(1, -1, 0\)",
        ),
        ({"variant": "S", "depths": (0,) * 9}, "`depths` must be None for variant 'S'"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        BiSkip(**arguments)
