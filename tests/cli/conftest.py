"""A network whose results can be computed by hand."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def affine_model(tmp_path_factory):
    """A run folder whose network maps every level x in [0, 1] to 3/4 x + 1/8."""
    import keras

    run = tmp_path_factory.mktemp("run")
    image = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(3, 1)
    network = keras.Model(image, layer(image))
    layer.set_weights([0.75 * np.eye(3)[None, None], np.full(3, 0.125)])
    network.save(run / "generator.keras")
    return run
