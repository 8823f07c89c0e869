"""Bi-Skip, SEN and RP-GAN's generator on folded images."""

import keras
import numpy as np
import pytest

from tests.helpers import assert_round_trip, noise
from tfdeblur.networks import SEN, BiSkip, RPGANGenerator
from tfdeblur.networks.folding import Fold
from tfdeblur.restorers.graph import inference_function
from tfdeblur.restorers.network import Restorer


def small(kind, unshuffle):
    """A network, its multiple without unshuffling, and its channels in and out."""
    return {
        "biskip": lambda: (BiSkip(width=0.125, norm="none", unshuffle=unshuffle), 16, 3, 3),
        "two images": lambda: (BiSkip(width=0.125, images=2, unshuffle=unshuffle), 16, 6, 3),
        "sen": lambda: (SEN(1, width=0.05, norm="none", unshuffle=unshuffle), 64, 3, 2),
        "dilated": lambda: (SEN(2, "dilated", 0.05, "none", unshuffle), 16, 3, 2),
        "rpgan": lambda: (RPGANGenerator(0.1, "none", unshuffle=unshuffle), 4, 6, 3),
    }[kind]()


@pytest.mark.parametrize(
    ("kind", "unshuffle"),
    [("biskip", 2), ("biskip", 4), ("two images", 2), ("sen", 4), ("dilated", 2), ("rpgan", 4)],
)
def test_sizes_and_files(tmp_path, kind, unshuffle):
    network, multiple, seen, made = small(kind, unshuffle)
    assert network.size_multiple == multiple * unshuffle
    image = noise(1, network.size_multiple, 2 * network.size_multiple, seen)
    assert network(image).shape == (*image.shape[:3], made)
    assert_round_trip(network, image, tmp_path)


@pytest.mark.parametrize("kind", ["biskip", "sen", "rpgan"])
def test_one_is_the_network_without(kind):
    network, multiple, seen, _ = small(kind, 1)
    assert network.size_multiple == multiple
    config = network.get_config()
    assert config.pop("unshuffle") == 1
    for name in ("blocks", "channels", "depths"):  # files from before have none of them
        config.pop(name, None)
    keras.utils.set_random_seed(1)
    again = type(network).from_config(config)
    assert [w.path for w in again.weights] == [w.path for w in network.weights]
    again.set_weights(network.get_weights())
    image = noise(1, multiple, multiple, seen)
    np.testing.assert_array_equal(again(image), network(image))


def test_a_network_on_folded_pixels():
    # What it adds is what its inner part says of the folded image, pixel by pixel put back.
    network = BiSkip(width=0.125, norm="none", unshuffle=2)
    image = noise(1, 32, 64, 3)
    inner = keras.Model(network.get_layer("folded").output, network.get_layer("head").output)
    added = np.asarray(inner(Fold(2)(image)))
    restored = np.asarray(network(image))
    for y, x in ((0, 0), (5, 8), (31, 63), (14, 33)):
        first = 3 * (2 * (y % 2) + x % 2)
        wanted = image[0, y, x] + added[0, y // 2, x // 2, first : first + 3]
        np.testing.assert_allclose(restored[0, y, x], wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("unshuffle", [2, 4])
def test_beginning_with_the_image(unshuffle):
    image = noise(1, 64, 64, 6)
    zeros = BiSkip(
        width=0.125, norm="none", head_initializer="zeros", images=2, unshuffle=unshuffle
    )
    np.testing.assert_array_equal(zeros(image), image[..., :3])
    handing_on = RPGANGenerator(0.1, "none", "residual", unshuffle)
    np.testing.assert_allclose(handing_on(image), image[..., :3], atol=1e-6)


def test_flows_of_every_second_pixel_are_put_between_each_other():
    # The last convolution of a dilated stack made constant: each pixel of a cell has its own flow.
    network = SEN(1, "dilated", 0.05, "none", unshuffle=2)
    (stack,) = network.estimators
    for name in ("flow_c", "flow_shortcut"):
        stack.get_layer(name).kernel.assign(0.0 * stack.get_layer(name).kernel)
    stack.get_layer("flow_c").bias.assign(np.arange(8.0))
    flow = np.asarray(network(noise(1, 32, 32, 3)))
    for y, x in ((0, 0), (0, 1), (1, 0), (7, 9)):
        first = 2 * (2 * (y % 2) + x % 2)
        np.testing.assert_array_equal(flow[0, y, x], [first, first + 1])


def test_a_strided_flow_is_enlarged_after_it_is_put_together():
    # A flow that differs within a cell must not come out as stripes at full size.
    network = SEN(1, "strided", 0.05, "none", unshuffle=2)
    (stack,) = network.estimators
    for name in ("flow_c", "flow_shortcut"):
        stack.get_layer(name).kernel.assign(0.0 * stack.get_layer(name).kernel)
    stack.get_layer("flow_c").bias.assign([0, 0, 8, 8, 0, 0, 8, 8])
    flow = np.asarray(network(noise(1, 128, 128, 3)))
    # Columns at a quarter of the size: 0, 8, 0, ... Enlarged four times, bilinearly.
    np.testing.assert_allclose(flow[0, 64, 2:10, 0], [1, 3, 5, 7, 7, 5, 3, 1], atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (37, 50), (64, 64)])
def test_images_of_any_size_are_restored(size):
    network = BiSkip(width=0.125, norm="none", unshuffle=4, head_initializer="zeros")
    image = np.random.default_rng(0).random((1, *size, 3), "float32")
    np.testing.assert_array_equal(inference_function(network)(image), image)
    np.testing.assert_array_equal(Restorer(network)(image[0]).image, image[0])


@pytest.mark.parametrize("kind", [BiSkip, SEN, RPGANGenerator])
def test_wrong_arguments_are_named(kind):
    with pytest.raises(ValueError, match=r"`unshuffle` must be one of .*Received: unshuffle=3"):
        kind(unshuffle=3)
