import urllib.error

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import assert_round_trip, noise, picture, shared_data
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.networks.features import VGGFeatures


def vgg19_file():
    return shared_data("vgg", "vgg19_block1_block3.npz")


def kernels(features):
    return {
        layer.name: layer for layer in features.layers if isinstance(layer, keras.layers.Conv2D)
    }


def tiny_file(path, drop=(), **changed):
    """A whole weights file for block1_conv2, with some arrays left out or changed."""
    arrays = {
        "block1_conv1.kernel": noise(3, 3, 3, 64),
        "block1_conv1.bias": noise(64),
        "block1_conv2.kernel": noise(3, 3, 64, 64),
        "block1_conv2.bias": noise(64),
        **changed,
    }
    np.savez(path, **{key: value for key, value in arrays.items() if key not in drop})
    return path


def test_known_first_kernel_values():
    first = kernels(VGGFeatures("vgg19", "block1_conv1", vgg19_file()))["block1_conv1"]
    assert first.kernel[0, 0, 0, 0] == np.float32(0.34119523)
    path = shared_data("vgg", "vgg16_block1_block2.npz")
    first = kernels(VGGFeatures("vgg16", "block2_conv2", path))["block1_conv1"]
    known = np.array([0.42947057, 0.11727387, 0.03401296], "float32")
    np.testing.assert_array_equal(first.kernel[0, 0, 0, :3], known)


@pytest.mark.parametrize("architecture", ["vgg16", "vgg19"])
def test_equals_keras_applications_before_the_relu(architecture):
    """Same kernels in keras.applications' own network, with its own preprocessing."""
    build = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}[architecture]
    preprocess = {
        "vgg16": keras.applications.vgg16.preprocess_input,
        "vgg19": keras.applications.vgg19.preprocess_input,
    }[architecture]
    whole = build(weights=None, include_top=False)
    layer = "block3_conv3"
    ours = VGGFeatures(architecture, layer, "random:5")
    for name, convolution in kernels(ours).items():
        whole.get_layer(name).set_weights(convolution.get_weights())
    whole.get_layer(layer).activation = keras.activations.linear
    cut = keras.Model(whole.input, whole.get_layer(layer).output)
    image = picture(20, 22)[None]
    levels = preprocess(255.0 * image.copy())
    expected, found = np.asarray(cut(levels)), np.asarray(ours(image))
    assert found.min() < 0  # no relu at the cut
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_equals_keras_applications_with_the_real_weights():
    ours = VGGFeatures("vgg19", "block3_conv3", vgg19_file())
    whole = keras.applications.VGG19(weights=None, include_top=False)
    with np.load(vgg19_file()) as archive:
        for name in kernels(ours):
            whole.get_layer(name).set_weights([archive[f"{name}.kernel"], archive[f"{name}.bias"]])
    after_relu = keras.Model(whole.input, whole.get_layer("block3_conv3").output)
    image = picture(16, 16)[None]
    levels = keras.applications.vgg19.preprocess_input(255.0 * image.copy())
    np.testing.assert_allclose(np.maximum(ours(image), 0), after_relu(levels), rtol=1e-3, atol=0.05)


def test_features_grow_apart_with_blur():
    features = VGGFeatures(weights=vgg19_file())
    sharp = (picture(48, 48) + 0.2 * noise(48, 48, 3)).clip(0, 1)[None]
    reference, distances = np.asarray(features(sharp)), []
    for sigma in (0.5, 1.0, 2.0, 4.0):
        blurred = keras.ops.image.gaussian_blur(sharp, (15, 15), (sigma, sigma))
        distances.append(float(np.mean((features(blurred) - reference) ** 2)))
    assert distances == sorted(distances)
    assert distances[0] > 0


def test_only_what_is_needed_is_built_and_frozen():
    features = VGGFeatures("vgg19", "block2_conv1", "random:0")
    assert list(kernels(features)) == ["block1_conv1", "block1_conv2", "block2_conv1"]
    assert features.trainable_variables == []
    image = tf.constant(picture(9, 7)[None])
    with tf.GradientTape() as tape:
        tape.watch(image)
        result = features(image)
    assert result.shape == (1, 4, 3, 128)  # pooled once, rounded down
    gradient = tape.gradient(result, image)
    assert np.all(np.isfinite(gradient))
    assert np.abs(gradient).max() > 0


def test_input_is_rgb_and_0_to_1():
    """A first layer that passes each channel on shows the order and the scale."""
    features = VGGFeatures("vgg19", "block1_conv1", "random:0")
    kernel = np.zeros((3, 3, 3, 64), "float32")
    kernel[1, 1, [0, 1, 2], [0, 1, 2]] = 1
    kernels(features)["block1_conv1"].set_weights([kernel, np.zeros(64, "float32")])
    red = np.array([1.0, 0.5, 0.0], "float32").reshape(1, 1, 1, 3)
    # blue 0 - 103.939, green 127.5 - 116.779, red 255 - 123.68
    np.testing.assert_allclose(features(red)[0, 0, 0, :3], [-103.939, 10.721, 131.32], rtol=1e-5)


def test_float32_under_a_mixed_policy_unless_told_otherwise():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        image = picture(8, 8)[None]
        plain = VGGFeatures("vgg19", "block2_conv1", "random:0")
        assert plain(image).dtype == tf.float32
        fast = VGGFeatures("vgg19", "block2_conv1", "random:0", dtype="mixed_bfloat16")
        assert fast(image).dtype == tf.bfloat16
    finally:
        keras.config.set_dtype_policy("float32")
    exact = np.asarray(VGGFeatures("vgg19", "block2_conv1", "random:0")(image))
    np.testing.assert_array_equal(plain(image), exact)
    error = np.asarray(tf.cast(fast(image), "float32")) - exact
    assert np.linalg.norm(error) < 0.02 * np.linalg.norm(exact)


def test_round_trip(tmp_path):
    features = VGGFeatures("vgg16", "block2_conv2", "random:3")
    assert_round_trip(features, picture(8, 8)[None], tmp_path)


def test_random_weights_repeat_with_the_seed():
    image = picture(4, 4)[None]
    first, again, other = (
        np.asarray(VGGFeatures(layer="block1_conv2", weights=f"random:{seed}")(image))
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def write_as_keras_2(network, path):
    """The layout of the files that keras.applications downloads."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in network.layers]
        for layer in network.layers:
            group, values = file.create_group(layer.name), layer.get_weights()
            names = [f"{layer.name}_{part}_1:0".encode() for part in "Wb"][: len(values)]
            group.attrs["weight_names"] = names
            for name, value in zip(names, values, strict=True):
                group[name.decode()] = value


@pytest.mark.parametrize("name", ["vgg16.weights.h5", "vgg16_notop.h5"])
def test_reads_what_keras_writes(tmp_path, name):
    whole = keras.applications.VGG16(weights=None, include_top=False)
    path = tmp_path / name
    if name.endswith(".weights.h5"):
        whole.save_weights(path)
    else:
        write_as_keras_2(whole, path)
    for layer, convolution in kernels(VGGFeatures("vgg16", "block2_conv1", path)).items():
        np.testing.assert_array_equal(convolution.kernel, whole.get_layer(layer).kernel)
    # A VGG19 needs more layers than this file has.
    with pytest.raises(DataError, match=r"is not a weights file of vgg19.*--scheme 1-BS"):
        VGGFeatures("vgg19", "block2_conv1", path)


def test_no_network_for_imagenet_says_how_to_go_on(monkeypatch):
    def build(include_top, weights):
        raise Exception("URL fetch failure on https://somewhere: None -- no route") from (
            urllib.error.URLError("no route")
        )

    monkeypatch.setattr(keras.applications, "VGG19", build)
    with pytest.raises(DataError) as caught:
        VGGFeatures(weights="imagenet")
    text = str(caught.value)
    for words in ("could not get the ImageNet weights", "URL fetch", "weights=FILE", "1-BS"):
        assert words in text


def test_files_that_do_not_serve_are_refused(tmp_path):
    def refused(path, layer="block1_conv2"):
        with pytest.raises(DataError) as caught:
            VGGFeatures("vgg19", layer, path)
        return str(caught.value)

    assert "1-BS" in refused(tmp_path / "absent.npz")
    path = tmp_path / "vgg.npz"
    text = refused(tiny_file(path), layer="block2_conv1")
    assert "has no block2_conv1.kernel" in text
    assert "It holds: block1_conv1, block1_conv2." in text
    assert "no block1_conv2.bias" in refused(tiny_file(path, drop=["block1_conv2.bias"]))
    text = refused(tiny_file(path, **{"block1_conv1.kernel": noise(64, 3, 3, 3)}))
    assert "block1_conv1.kernel of shape (64, 3, 3, 3); the network needs (3, 3, 3, 64)" in text
    damaged = np.full(64, np.nan, "float32")
    assert "NaN" in refused(tiny_file(path, **{"block1_conv1.bias": damaged}))
    path.write_bytes(path.read_bytes()[:5000])
    assert "cannot be read as .npz" in refused(path)
    path.write_bytes(b"")
    assert "cannot be read as .npz" in refused(path)
    path = tmp_path / "vgg.h5"
    path.write_bytes(b"not hdf5")
    assert "is not a weights file of vgg19" in refused(path)
    path = tmp_path / "vgg.pt"
    path.write_bytes(b"")
    assert "must end in .npz or .h5" in refused(path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"architecture": "vgg11"}, "architecture='vgg11'"),
        ({"layer": "conv3_3"}, "Did you mean block3_conv3?"),
        ({"architecture": "vgg16", "layer": "block3_conv4"}, "layer='block3_conv4'"),
        ({"weights": "random:x"}, "weights='random:x'"),
    ],
)
def test_wrong_arguments_are_named(arguments, words):
    with pytest.raises(InvalidInput) as caught:
        VGGFeatures(**{"weights": "random:0", **arguments})
    assert words in str(caught.value)


def test_an_image_too_small_to_pool_is_refused():
    features = VGGFeatures("vgg19", "block2_conv1", "random:0")
    assert features(picture(2, 2)[None]).shape == (1, 1, 1, 128)
    with pytest.raises(InvalidInput, match=r"at least 2x2 pixels for features of block2_conv1"):
        features(picture(1, 5)[None])
