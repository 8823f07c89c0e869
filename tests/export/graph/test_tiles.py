"""Tiles within a served graph are those of `Restorer`, and the pixels are its pixels."""

import numpy as np
import pytest
import tensorflow as tf

from export import export_model
from export.graph.served import served_model
from export.graph.sizes import default_max_pixels
from export.graph.tiles import _plan, in_tiles
from tests.export.helpers import loaded, random_u8
from tfdeblur import limits
from tfdeblur.errors import InvalidInput
from tfdeblur.image.tiling import Tiling, plan_tiles
from tfdeblur.networks import BiSkip, Maxim
from tfdeblur.restorers.network import Restorer
from tfdeblur.restorers.passes import InPasses

LENGTHS = (1, 64, 65, 191, 193, 500, 720, 1280, 3840, 6000)
TILINGS = (
    Tiling(None, 543_000, 64, 64),
    Tiling(None, 192 * 192, 64, 64),
    Tiling(512, 543_000, 64, 64),
    Tiling(256, None, 16, 96),
    Tiling(None, 300_000, 1, 64),
    Tiling(None, None, 16, 64),
)


class Mean(tf.Module):
    """A network whose result depends on all that it sees at once, as the plan cuts it."""

    size_multiple = 16
    sees_whole_image = True
    largest_bytes = 4 * 3

    def __call__(self, image, training=False):
        mean = tf.reduce_mean(image, axis=(1, 2), keepdims=True)
        return 0.8 * image + 0.2 * mean


@pytest.mark.parametrize("tiling", TILINGS)
def test_the_plan_is_that_of_tiles_outside_of_graphs(tiling):
    planned = tf.function(
        lambda height, width: _plan(height, width, tiling),
        input_signature=[tf.TensorSpec((), tf.int32)] * 2,
    )
    for height in LENGTHS:
        for width in LENGTHS:
            wanted = plan_tiles(height, width, **tiling._asdict())
            rows, columns = planned(height, width)
            assert (int(rows.size), int(columns.size)) == (wanted.tile_height, wanted.tile_width)
            assert tuple(rows.starts.numpy()) == wanted.rows, (height, width)
            assert tuple(columns.starts.numpy()) == wanted.columns, (height, width)


@pytest.mark.parametrize("shape", [(200, 330), (1, 1), (193, 640), (500, 70), (64, 64)])
def test_pixels_are_those_of_the_restorer(shape):
    restorer = Restorer(Mean(), tile=192)
    image = random_u8(*shape, 3) / np.float32(255)
    served = served_model(restorer)
    assert served.tiling == restorer.tiling and served.settings["tiling"]["tile"] == 192
    found = served.restore(tf.constant(image[None])).image[0].numpy()
    np.testing.assert_allclose(found, restorer(image).image, atol=2e-6)


def test_several_images_and_passes_and_the_ensemble():
    images = np.stack([random_u8(230, 330, 3, seed=seed) for seed in range(3)]) / np.float32(255)
    restorer = Restorer(Mean(), tile=192, self_ensemble=True)
    found = served_model(restorer).restore(tf.constant(images)).image.numpy()
    np.testing.assert_allclose(found, restorer(images).image, atol=2e-6)
    one = Restorer(Mean(), tile=192)
    twice = one(one(images).image).image
    found = served_model(InPasses(one, 2)).restore(tf.constant(images)).image.numpy()
    np.testing.assert_allclose(found, twice, atol=2e-6)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_small_images_of_a_batch_go_several_at_once_but_never_too_many(count):
    seen = []

    def restore(images):
        tf.py_function(lambda shape: seen.append(shape.numpy().tolist()), [tf.shape(images)], [])
        return images + 1.0

    images = np.random.default_rng(0).random((count, 64, 100, 3), "float32")
    run = tf.function(
        in_tiles(restore, Tiling(None, 3 * 64 * 112 + 50_000, 16, 64)), autograph=False
    )
    np.testing.assert_array_equal(run(tf.constant(images)), images + 1.0)
    assert sum(shape[0] for shape in seen) == count
    assert max(shape[0] for shape in seen) <= 9  # of 64 x 112 pixels each


def test_what_fits_no_tile_is_told_when_the_graph_is_made():
    with pytest.raises(InvalidInput, match="`tile` must be at least 192 pixels"):
        in_tiles(tf.identity, Tiling(None, 10_000, 64, 64))


def test_networks_that_look_around_themselves_only_see_whole_images():
    served = served_model(BiSkip(width=0.06, norm="none"))
    assert served.tiling is None and "tiling" not in served.settings


def test_maxim_is_served_in_tiles_and_takes_large_photographs():
    served = served_model(Maxim(features=4))
    assert served.tiling.multiple == 64
    assert default_max_pixels(served) == limits.DEFAULT_PIXELS_OF_A_REQUEST


@pytest.mark.slow
def test_pixels_of_maxim_are_those_of_the_restorer(tmp_path):
    network = Maxim(features=4)
    for weight in network.weights:  # random ones restore nothing
        weight.assign(0.5 * weight)
    restorer = Restorer(network, tile=192)
    image = random_u8(200, 260, 3)
    version = export_model(restorer, tmp_path)
    with loaded(version) as call:
        found = call("serving_uint8", image[None])[0]
    assert np.abs(found.astype(int) - restorer(image).image).max() <= 1
