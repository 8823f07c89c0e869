"""Callers at the same time get the pixels that each gets alone.

Not by itself so: oneDNN's convolutions with a bias and an addition are not made for it.
"""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from export.graph.saved_model import export_model
from export.service.engine import Engine
from export.service.options import ServiceOptions
from export.status import Status
from tfdeblur.networks import BiSkip
from tfdeblur.restorers.tiled import TiledNetwork


@pytest.fixture(scope="module")
def network():
    """Residual blocks without norms between, of which the faulty operations are made."""
    keras.utils.set_random_seed(1)
    return BiSkip(variant="BS", width=0.25, norm="none")


@pytest.fixture(scope="module")
def engine(network, tmp_path_factory):
    folder = export_model(network, tmp_path_factory.mktemp("models"), "residual")
    engine = Engine(folder, ServiceOptions())
    yield engine
    engine.close()


def all_alike(call, images, times=25):
    """Whether two threads, calling for these images in turn, always get what one gets."""
    alone = [call(image) for image in images]

    def several(first):
        order = [(first + n) % len(images) for n in range(times)]
        return [np.array_equal(call(images[i]), alone[i]) for i in order]

    with ThreadPoolExecutor(2) as pool:
        return [all(found) for found in pool.map(several, range(2))]


def test_one_version_of_a_model(engine):
    given, made = (
        next(iter(getattr(engine.signatures["serving_uint8"], way).values())).name
        for way in ("inputs", "outputs")
    )
    images = np.random.default_rng(0).integers(0, 256, (2, 1, 240, 320, 3), "uint8")
    assert all_alike(lambda image: engine.run({given: image}, [made])[0], images) == [True, True]


def test_the_networks_of_restorers(network):
    tiled = TiledNetwork(network, tile=None, memory_budget_bytes=2**30, precision="float32")
    levels = np.random.default_rng(0).integers(0, 256, (2, 1, 240, 320, 3), "uint8")
    assert all_alike(lambda image: tiled.run_levels(image)[0], levels) == [True, True]
    assert all_alike(tiled.run, np.float32(levels / 255)) == [True, True]


def test_who_waits_too_long_is_told(engine):
    with engine._turn(None), pytest.raises(Status) as told:
        engine.run({}, [], seconds=0.01)
    assert told.value.row.name == "DEADLINE_EXCEEDED"
    assert engine.run({}, []) == []  # and the next one gets its turn
