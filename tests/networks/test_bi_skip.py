import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import assert_round_trip, noise
from tfdeblur.networks import BiSkip
from tfdeblur.networks.bi_skip import VARIANTS

# Variant: (what section 4.1 of the paper takes away from BS, parameters with batch norm).
# The paper gives no counts; design and README say 5.6 M for BS.
PARAMETERS = {
    "BS": ("nothing", 5_629_827),
    "S": ("residual blocks and deep skips", 3_233_731),
    "BS-cR": ("one convolution of each residual block", 4_602_627),
    "BS-w/o-R": ("residual blocks", 3_575_427),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_parameter_count(variant):
    assert BiSkip(variant).count_params() == PARAMETERS[variant][1]


def test_bs_count_by_hand():
    # Convolutions of scale 2 of BS without biases: 3x3 in, shallow 1x1, 3 blocks of 2, deep, down.
    by_hand = 9 * 128 * 128 + 128 * 64 + 6 * 9 * 128 * 128 + 9 * 128 * 64 + 25 * 128 * 128
    names = ("down2_", "shallow2_", "res2", "deep2_", "to3_")
    layers = [layer for layer in BiSkip("BS").layers if layer.name.startswith(names)]
    kernels = [w for layer in layers for w in layer.weights if w.name == "kernel"]
    assert sum(int(np.prod(w.shape)) for w in kernels) == by_hand == 1_523_712


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("norm", ["batch", "group", "none"])
def test_round_trip(tmp_path, variant, norm):
    network = BiSkip(variant, width=0.125, norm=norm)
    assert_round_trip(network, noise(1, 32, 48, 3), tmp_path)


@pytest.mark.parametrize("variant", VARIANTS)
def test_output_has_the_shape_of_the_image(variant):
    network = BiSkip(variant, width=0.125)
    for height, width in [(16, 16), (32, 16), (48, 80)]:
        assert network(noise(2, height, width, 3)).shape == (2, height, width, 3)


def test_zero_head_starts_at_the_identity():
    image = noise(1, 32, 32, 3)
    network = BiSkip(width=0.125, norm="none", head_initializer="zeros")
    np.testing.assert_array_equal(network(image), image)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("norm", ["batch", "group", "none"])
def test_gradient_reaches_every_weight(variant, norm):
    keras.utils.set_random_seed(0)
    network = BiSkip(variant, width=0.25, norm=norm)
    with tf.GradientTape() as tape:
        restored = network(noise(2, 32, 32, 3), training=True)
        loss = tf.reduce_sum(restored * noise(2, 32, 32, 3, seed=1))
    gradients = tape.gradient(loss, network.trainable_variables)
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        assert gradient is not None and float(tf.norm(gradient)) > 0, variable.path


def test_two_images_round_trip(tmp_path):
    network = BiSkip(width=0.125, images=2)
    assert network.images == 2
    assert_round_trip(network, noise(1, 32, 48, 6), tmp_path)


def test_two_images_with_a_zero_head_give_the_deconvolved_one():
    images = noise(1, 32, 32, 6)
    network = BiSkip(width=0.125, norm="none", head_initializer="zeros", images=2)
    np.testing.assert_array_equal(network(images), images[..., :3])


def test_two_images_are_both_seen_and_reach_every_weight():
    keras.utils.set_random_seed(0)
    network = BiSkip(width=0.125, images=2)
    images = tf.constant(noise(2, 32, 32, 6))
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_sum(network(images, training=True) * noise(2, 32, 32, 3, seed=1))
    seen, *gradients = tape.gradient(loss, [images, *network.trainable_variables])
    assert np.all(np.abs(seen).max(axis=(0, 1, 2)) > 0)
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        assert gradient is not None and float(tf.norm(gradient)) > 0, variable.path


def test_a_second_image_costs_one_kernel():
    one, two = BiSkip(width=0.125), BiSkip(width=0.125, images=2)
    assert two.count_params() - one.count_params() == 9 * 3 * 4
    assert [w.path for w in two.weights] == [w.path for w in one.weights]


def test_files_from_before_the_second_image_load(tmp_path):
    network = BiSkip(width=0.125)
    network.save(tmp_path / "new.keras")
    with (
        zipfile.ZipFile(tmp_path / "new.keras") as new,
        zipfile.ZipFile(tmp_path / "old.keras", "w") as old,
    ):
        for name in new.namelist():
            content = new.read(name)
            if name == "config.json":
                config = json.loads(content)
                assert config["config"].pop("images") == 1
                content = json.dumps(config).encode()
            old.writestr(name, content)
    image = noise(1, 32, 32, 3)
    again = keras.saving.load_model(tmp_path / "old.keras")
    np.testing.assert_array_equal(again(image), network(image))


def test_scales_see_further_than_the_top_one():
    # A change in one corner must reach pixels that full-resolution convolutions (9 of them 3x3)
    # cannot.
    keras.utils.set_random_seed(0)
    network = BiSkip(width=0.25, norm="none")
    image = noise(1, 128, 128, 3)
    changed = image.copy()
    changed[0, 0, 0] += 1.0
    difference = np.abs(network(changed) - network(image)).max(axis=(0, 3))
    assert difference[64:, :64].max() > 0


def test_bfloat16_runs_and_keeps_the_image_in_float32():
    image = np.random.default_rng(0).random((1, 32, 32, 3), "float32")
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = BiSkip(width=0.125, norm="none", head_initializer="zeros")
    finally:
        keras.config.set_dtype_policy("float32")
    restored = network(image)
    assert restored.dtype == tf.float32
    np.testing.assert_array_equal(restored, image)  # bfloat16 would be off by up to 1/512


def test_training_and_inference_agree_once_statistics_are_settled():
    # The paper trains with batches of one and batch norm; inference uses moving statistics.
    keras.utils.set_random_seed(0)
    network = BiSkip(width=0.25, norm="batch")
    image = np.random.default_rng(0).random((1, 64, 64, 3), "float32")
    train = tf.function(lambda: network(image, training=True))
    for _ in range(150):  # 0.9 ** 150: nothing is left of the initial statistics
        trained = train()
    inferred = network(image, training=False)
    scale = np.abs(trained - image).mean()
    assert np.abs(trained - inferred).mean() <= 0.02 * scale


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "XL"}, r"`variant` must be one of .*Received: variant='XL'"),
        ({"norm": "layer"}, r"`norm` must be one of .*Received: norm='layer'"),
        ({"images": 3}, r"`images` must be one of .*Received: images=3"),
        ({"width": 0}, r"`width` must be a positive number. Received: width=0"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        BiSkip(**arguments)
