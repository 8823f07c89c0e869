"""Restorer: any size and kind in, the same out; tiles equal the whole; bad input is named."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import noise, picture
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.codec import to_integers
from tfdeblur.networks import BiSkip
from tfdeblur.restorers.memory import bytes_per_pixel
from tfdeblur.restorers.network import Restorer
from tfdeblur.restorers.protocol import DegenerateOutputWarning


@keras.saving.register_keras_serializable("tests")
class SmallNet(keras.Model):
    """A strided residual network that sees 14 pixels far; checks its sizes."""

    size_multiple = 4

    def __init__(self, **kwargs):
        image = keras.Input((None, None, 3))
        x = keras.layers.Conv2D(8, 5, strides=2, padding="same", activation="silu")(image)
        x = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="silu")(x)
        x = keras.layers.Conv2D(8, 3, padding="same", activation="silu")(x)
        residual = keras.ops.depth_to_space(keras.layers.Conv2D(48, 1)(x), 4)
        super().__init__(image, image + 0.1 * residual, **kwargs)

    def get_config(self):
        return {"name": self.name}


class Constant:
    """Stands for a network: returns what it is told."""

    size_multiple = 1

    def __init__(self, function):
        self.function = function

    def __call__(self, image, training):
        if training is not False:
            raise RuntimeError("inference must pass training=False")
        return self.function(image)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    return SmallNet()


@pytest.fixture(scope="module")
def restorer(network):
    return Restorer(network)


@settings(deadline=None, max_examples=30)
@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_identity_keeps_every_size_and_8_bit_level(height, width):
    restorer = _identity()
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    np.testing.assert_array_equal(restorer(image).image, image)


def _identity(cache=[]):  # noqa: B006 (one trace for all examples)
    if not cache:
        cache.append(Restorer(Constant(lambda image: image)))
    return cache[0]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(7, 9, 3), (2, 7, 9, 3)])
def test_the_same_kind_out(restorer, dtype, shape):
    image = picture(7, 9) * np.ones(shape, "float32")
    if dtype.startswith("uint"):
        image = np.round(image * np.iinfo(dtype).max)
    image = image.astype(dtype)
    restored = restorer(image)
    assert restored.image.dtype == dtype
    assert restored.image.shape == shape
    assert restored.flow is None and restored.confidence is None and restored.passes == 1
    assert restored.seconds > 0
    assert restored.degenerate == (False if len(shape) == 3 else (False, False))


def test_integers_are_rounded_and_floats_clipped():
    restorer = Restorer(Constant(lambda image: image + 0.2))
    image = np.full((1, 1, 3), 100, np.uint8)
    np.testing.assert_array_equal(restorer(image).image, image + 51)
    np.testing.assert_array_equal(restorer(np.ones((2, 2, 3))).image, np.ones((2, 2, 3)))


def test_a_batch_is_its_images(restorer):
    batch = np.stack([picture(33, 18, seed=seed) for seed in range(3)])
    alone = [restorer(image).image for image in batch]
    np.testing.assert_allclose(restorer(batch).image, alone, atol=1e-6)


def test_a_batch_is_split_to_the_budget(network):
    sizes = []

    def spy(image):
        tf.py_function(lambda shape: sizes.append(int(shape[0])), [tf.shape(image)], [])
        return image

    restorer = Restorer(Constant(spy))
    restorer.max_pixels = 2 * 8 * 8  # room for two images
    restorer(np.zeros((5, 8, 8, 3), np.float32))
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize("size", [(300, 420), (301, 419), (500, 63)])
def test_tiles_equal_the_whole(network, size):
    image = picture(*size)
    whole = Restorer(network)(image).image
    tiled = Restorer(network, tile=192)
    assert tiled.plan(*size).tiles > 1
    np.testing.assert_allclose(tiled(image).image, whole, atol=1e-5)


def test_seams_of_bi_skip_are_invisible():
    """The real network sees farther than the overlap, but hardly: below one 8-bit level."""
    keras.utils.set_random_seed(0)
    network = BiSkip(width=0.25, norm="none")
    image = picture(416, 416) + 0.05 * noise(416, 416, 3)
    image = np.clip(image, 0, 1)
    change = network(image[None]).numpy()[0] - image
    # Scaled to the change a trained network makes: 0.03 on average.
    head = network.get_layer("head")
    for weight in head.weights:
        weight.assign(weight * (0.03 / np.abs(change).mean()))
    whole = Restorer(network)(image).image
    tiled = Restorer(network, tile=288)
    assert tiled.plan(416, 416).tiles == 4
    assert 0.02 < np.abs(whole - image).mean() < 0.04
    assert np.abs(tiled(image).image - whole).max() < 1 / 255


def test_budget_decides_the_tiles(network):
    per_pixel = bytes_per_pixel(network)
    assert (
        Restorer(network, memory_budget_bytes=int(300 * 400 * per_pixel) + 9).plan(300, 400).tiles
        == 1
    )
    plan = Restorer(network, memory_budget_bytes=int(200 * 200 * per_pixel)).plan(300, 400)
    assert plan.tiles > 1 and plan.tile_pixels <= 200 * 200
    with pytest.raises(InvalidInput, match=r"must hold 160 x 160.* [0-9.]+ times as"):
        Restorer(network, memory_budget_bytes=int(9 * per_pixel)).plan(300, 400)


def test_bi_skip_at_1280x720_runs_whole_by_default():
    restorer = Restorer(BiSkip())
    assert restorer.plan(720, 1280).tiles == 1
    assert 4 <= restorer.plan(2160, 3840).tiles <= 9
    # Measured: 895 bytes a pixel.
    assert 895 <= bytes_per_pixel(restorer.network) <= 1000


def test_tiles_nobody_asked_for_end_at_2112_pixels():
    cheap = BiSkip(width=0.125, unshuffle=4)
    plan = Restorer(cheap).plan(2160, 3840)
    assert plan.tiles == 4 and max(plan.tile_height, plan.tile_width) <= 2112
    assert Restorer(cheap).plan(2112, 2112).tiles == 1
    assert Restorer(cheap, tile=3840).plan(2160, 3840).tiles == 1


def test_a_network_may_say_that_it_holds_more(monkeypatch):
    network = BiSkip(width=0.125)
    plain = bytes_per_pixel(network)
    monkeypatch.setattr(BiSkip, "memory_factor", 1.5, raising=False)
    assert bytes_per_pixel(network) == pytest.approx(1.5 * plain)


def test_progress_counts_tiles(network):
    told = []
    batch = np.stack([picture(200, 300)] * 2)
    restorer = Restorer(network, tile=192)
    restorer(batch, progress=lambda done, total: told.append((done, total)))
    total = 2 * restorer.plan(200, 300).tiles
    assert told == [(done, total) for done in range(1, total + 1)]


def test_self_ensemble_is_equivariant(network):
    restorer = Restorer(network, self_ensemble=True)
    image = picture(16, 24)
    turned = np.ascontiguousarray(np.rot90(image)[::-1])
    expected = np.rot90(restorer(image).image)[::-1]
    np.testing.assert_allclose(restorer(turned).image, expected, atol=1e-6)


def test_bfloat16_is_close_and_leaves_no_trace(network):
    image = picture(64, 64)
    low, full = Restorer(network, precision="bfloat16"), Restorer(network)
    before = full(image).image
    np.testing.assert_allclose(low(image).image, before, atol=0.01)
    np.testing.assert_array_equal(full(image).image, before)


@pytest.mark.parametrize(
    "nonsense",
    [lambda x: x * np.nan, lambda x: x + np.inf, lambda x: x + 1e30, lambda x: x - 0.3],
)
def test_degenerate_output_falls_back_to_the_input(nonsense):
    restorer = Restorer(
        Constant(lambda x: tf.where(tf.reduce_max(x, (1, 2, 3), True) > 0.95, nonsense(x), x))
    )
    batch = np.stack([np.full((4, 5, 3), 0.5), np.full((4, 5, 3), 1.0)])
    with pytest.warns(DegenerateOutputWarning, match=r"images \[1\] of the batch"):
        restored = restorer(batch)
    assert restored.degenerate == (False, True)
    np.testing.assert_allclose(restored.image, batch, atol=1e-6)
    with pytest.warns(DegenerateOutputWarning, match="for the image is degenerate"):
        assert restorer(batch[1]).degenerate is True


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((4, 4, 3), np.nan), "`image` must be finite. Received: 48 NaN or infinite"),
        (np.full((4, 4, 3), np.inf), "`image` must be finite"),
        (np.zeros((4, 4)), "Received: shape=(4, 4)"),
        (np.zeros((1, 1, 4, 4, 3)), "Received: shape=(1, 1, 4, 4, 3)"),
        (np.zeros((4, 4, 1)), "Received: shape=(4, 4, 1)"),
        (np.zeros((4, 4, 4)), "set alpha aside"),
        (np.zeros((0, 4, 3)), "must not be empty. Received: shape=(0, 4, 3)"),
        (np.zeros((0, 4, 4, 3)), "must not be empty"),
        (np.full((4, 4, 3), 255.0), "values from 255 to 255. Divide by 255"),
        (np.full((4, 4, 3), -1.0), "must be in [0, 1]"),
        (np.zeros((4, 4, 3), object), "Received: dtype=object"),
        (np.zeros((4, 4, 3), np.int64), "Received: dtype=int64"),
        (np.zeros((4, 4, 3), bool), "Received: dtype=bool"),
        (np.zeros((4, 4, 3), complex), "Received: dtype=complex128"),
        (None, "or a list of these. Received: NoneType"),
        ([[1, 2], [3]], "`image` must be an array. Received: list"),
    ],
)
def test_bad_input_is_named(restorer, image, message):
    with pytest.raises(InvalidInput, match=re.escape(message)):
        restorer(image)


def test_bad_options_are_named(network):
    with pytest.raises(InvalidInput, match="`precision` must be one of.*'float64'"):
        Restorer(network, precision="float64")
    with pytest.raises(InvalidInput, match="`tile` must be at least 160.*tile=0"):
        Restorer(network, tile=0)


def test_from_preset_loads_a_run_folder_and_a_file(network, restorer, tmp_path):
    network.save(tmp_path / "generator.keras")
    image = picture(9, 11)
    expected = restorer(image).image
    for place in (tmp_path, str(tmp_path / "generator.keras")):
        np.testing.assert_array_equal(Restorer.from_preset(place)(image).image, expected)


def test_from_preset_says_what_is_missing(tmp_path):
    said = r"No model 'biskp': it must be a preset .* Did you mean biskip\?"
    with pytest.raises(InvalidInput, match=said):
        Restorer.from_preset("biskp")
    with pytest.raises(DataError, match="holds no generator.keras"):
        Restorer.from_preset(tmp_path)
    (tmp_path / "generator.keras").write_bytes(b"no zip")
    with pytest.raises(DataError, match="cannot be loaded as a Keras model"):
        Restorer.from_preset(tmp_path)


def test_a_network_of_two_outputs_is_refused_by_its_name():
    def network(image, training):
        return image, image

    with pytest.raises(InvalidInput, match=r"`network` must give one image. Received: 2 outputs"):
        Restorer(network)(np.zeros((8, 9, 3), np.float32))


def test_levels_that_the_graph_rounds_are_those_that_numpy_rounds():
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3)).astype(np.uint8)
    for network in (
        lambda x, training=False: 1.3 * x - 0.1,
        lambda x, training=False: x + (0.5 / 255),  # halves go to the even level
    ):
        restorer = Restorer(network)
        floats = restorer(image * np.float32(1 / 255)).image
        levels = restorer(image)
        assert levels.image.dtype == np.uint8 and not levels.degenerate
        np.testing.assert_array_equal(levels.image, to_integers(floats, np.uint8))
