"""Windows of MAXIM's grid: how axes are cut, and that each is mixed by itself."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise
from tests.networks.test_maxim import assert_equal_but_for_rounding, mixed_by_hand, small  # noqa: F401
from tfdeblur.networks import Maxim
from tfdeblur.networks.maxim_layers import CellMixing
from tfdeblur.networks.maxim_windows import lay_windows


def by_hand(blocks, window):
    """Windows' first blocks; for each block the window whose middle is nearest, or the later."""
    count = -(-blocks // window)
    starts = [i * (blocks - window) // (count - 1) for i in range(count)]
    distance = np.abs(np.arange(blocks)[:, None] - np.asarray(starts) - (window - 1) / 2)
    return starts, count - 1 - distance[:, ::-1].argmin(axis=1)


@pytest.mark.parametrize("size", [8, 16])
@pytest.mark.parametrize("blocks", [9, 11, 12, 16, 20, 33])
def test_windows_cover_an_axis_and_each_block_is_of_the_nearest(blocks, size):
    found, window = lay_windows(blocks, 8, size), 8
    starts, nearest = by_hand(blocks, window)
    assert found.count == len(starts)
    all_blocks = found.taken.reshape(found.count, window)
    np.testing.assert_array_equal(all_blocks, np.add.outer(starts, np.arange(window)))
    # The wanted cells, `size / window` to a block, as blocks of the axis.
    cells = found.cells.reshape(found.count, -1, size // window)
    wanted = np.asarray(starts)[:, None] + cells[:, :, 0] // (size // window)
    np.testing.assert_array_equal(np.diff(cells, axis=2), 1)
    np.testing.assert_array_equal(wanted.ravel()[found.kept], np.arange(blocks))
    np.testing.assert_array_equal(found.kept // wanted.shape[1], nearest)
    assert wanted.shape[1] == np.bincount(nearest).max()  # no more than the most that one keeps


def test_an_axis_of_one_window_is_left_alone():
    for blocks in (1, 8):
        assert lay_windows(blocks, 8, 16) == (1, None, None, None)


@pytest.mark.parametrize("window", [8, 10])
@pytest.mark.parametrize("blocks", [1, 5, 8, 9, 12, 20])
def test_windows_of_a_size_that_is_not_known_yet(blocks, window):
    found = lay_windows(tf.constant(blocks), window, 16)
    known = lay_windows(blocks, window, 16)
    if known.taken is None:
        all_blocks = np.arange(blocks)
        known = known._replace(taken=all_blocks, cells=[np.arange(16)], kept=all_blocks)
    for ours, wanted in zip(found, known, strict=True):
        np.testing.assert_array_equal(ours, wanted)


def made(window, unit=4, size=4):
    layer = CellMixing("grid", size, offset=1.0, unit=unit)
    layer.build((None, None, None, 3))
    layer.kernel.assign(noise(size**2, size**2, seed=1))
    layer.bias.assign(noise(size**2, seed=2))
    layer.window = window
    return layer


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("window, blocks", [(2, (3, 5)), (3, (4, 7)), (8, (9, 3))])
def test_each_window_is_mixed_by_itself(window, blocks, training):
    """Blocks of 4 pixels, 4 cells a window: its side is a part of that, or not."""
    layer, image = made(window), noise(2, 4 * blocks[0], 4 * blocks[1], 3)
    found = layer(image, training=training)
    bias = np.asarray(layer.bias) + 1.0
    (rows, of_row), (columns, of_column) = (windows_of(length, window) for length in blocks)
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            part = np.s_[:, 4 * top : 4 * (top + window), 4 * left : 4 * (left + window)]
            wanted = np.full_like(image, np.nan)
            wanted[part] = mixed_by_hand(image[part], np.asarray(layer.kernel), bias, "grid", 4)
            kept = np.ix_([0, 1], np.repeat(of_row == i, 4), np.repeat(of_column == j, 4))
            np.testing.assert_allclose(found.numpy()[kept], wanted[kept], atol=1e-5)


def windows_of(blocks, window):
    return ([0], np.zeros(blocks, int)) if blocks <= window else by_hand(blocks, window)


def test_blocks_have_no_windows_and_one_window_changes_nothing():
    image = noise(1, 8, 16, 3)
    np.testing.assert_array_equal(made(4)(image), made(None)(image))
    layer = CellMixing("block", 4)
    before = layer(image)
    layer.window = 1
    np.testing.assert_array_equal(layer(image), before)


def windowed(network, window):
    again = Maxim.from_config({**network.get_config(), "window": window})
    again.set_weights(network.get_weights())
    return again


def test_networks_mix_in_windows_of_any_size_of_image(small):  # noqa: F811
    narrow, whole = windowed(small, 64), windowed(small, None)
    image = noise(1, 64, 192, 3)
    spec = tf.TensorSpec((None, None, None, 3))
    traced = tf.function(lambda x: narrow(x), autograph=False, input_signature=[spec])
    assert_equal_but_for_rounding(traced(image), narrow(image))
    apart = np.abs(np.asarray(narrow(image)) - np.asarray(whole(image))).max()
    assert apart > 0.01 * np.abs(np.asarray(whole(image)) - image).max()
    alone = noise(1, 64, 64, 3)
    assert_equal_but_for_rounding(traced(alone), whole(alone))


def test_gradients_pass_through_windows(small):  # noqa: F811
    """The same, by whatever way indices are taken back, as of windows of known place."""
    layer, image = made(2), tf.constant(noise(1, 8, 12, 3))
    weight = tf.constant(noise(1, 8, 12, 3, seed=5))

    def gradients(height, width):
        spec = [tf.TensorSpec((1, height, width, 3))]

        @tf.function(input_signature=spec, autograph=False)
        def found(x):
            loss = tf.reduce_sum(layer(x, training=True) * weight)
            return tf.gradients(loss, [x, layer.kernel.value])

        return found(image)

    for known, unknown in zip(gradients(8, 12), gradients(None, None), strict=True):
        assert np.abs(known).max() > 0
        np.testing.assert_allclose(known, unknown, atol=1e-4)


def test_the_window_is_part_of_the_config(tmp_path):
    network = Maxim(features=4, window=128)
    assert network.get_config()["window"] == 128
    network.save(tmp_path / "network.keras")
    assert keras.saving.load_model(tmp_path / "network.keras").window == 128
    assert Maxim.from_config({"stages": 1, "features": 4}).window == 512  # files made before it


@pytest.mark.parametrize("window", [0, -64, 100, 64.0, "512", True])
def test_bad_windows_are_named(window):
    with pytest.raises(ValueError, match=f"`window` must.*{window}"):
        Maxim(features=4, window=window)
