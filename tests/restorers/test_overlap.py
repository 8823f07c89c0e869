"""Tiles overlap by what the network sees: farther where cells of pixels are folded into one."""

import keras
import numpy as np
import pytest

from tests.helpers import noise, picture
from tests.restorers.makers import Network
from tfdeblur.errors import InvalidInput
from tfdeblur.networks import BiSkip
from tfdeblur.restorers.memory import DEFAULT_BUDGET_BYTES
from tfdeblur.restorers.network import Restorer
from tfdeblur.restorers.tiled import TiledNetwork


def gated(unshuffle):
    keras.utils.set_random_seed(1)
    channels, depths = (12, 16, 24, 24), (2, 6, 3, 1, 2, 2, 2)
    return BiSkip(
        unshuffle=unshuffle, blocks="gated", channels=channels, depths=depths, norm="none"
    )


def left_behind(network, image, tile, **options):
    """Largest difference of tiles and whole, over what the network changes on average."""
    common = {"memory_budget_bytes": DEFAULT_BUDGET_BYTES, "precision": "float32"}
    tiled = TiledNetwork(network, tile=tile, **common, **options)
    plan = tiled.plan(*image.shape[:2])
    assert plan.tiles > 1
    whole = tiled.run(image[None])[0]
    difference = np.abs(tiled.in_tiles(image, plan) - whole)
    return difference.max() / np.abs(whole - image).mean()


def test_tiles_of_a_network_that_folds_equal_the_whole():
    network = gated(4)
    image = np.float32(np.clip(picture(64, 704) + 0.1 * noise(64, 704, 3), 0, 1))
    assert left_behind(network, image, 352) < 1e-3
    assert left_behind(network, image, 352, overlap=64) > 1e-2  # what this is there for


@pytest.mark.parametrize(("unshuffle", "least"), [(1, 160), (2, 224), (4, 352)])
def test_the_smallest_tile_follows_the_network(unshuffle, least):
    network = gated(unshuffle)
    assert Restorer(network, tile=least).plan(64, 1000).tile_width == least
    with pytest.raises(InvalidInput, match=f"`tile` must be at least {least} pixels"):
        Restorer(network, tile=least - 1)


def test_networks_that_do_not_say_overlap_as_before():
    common = {"tile": None, "memory_budget_bytes": 10**9, "precision": "float32"}
    assert TiledNetwork(Network(lambda image: image), **common).overlap == 64
