"""Asserts and small makers shared by the tests."""

import os
from pathlib import Path

import numpy as np
import pytest

# Marks of modules whose `tf.function`s are not compiled, with TensorFlow's remark that those of
# datasets are all the same.
EAGERLY = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]
SHARED_DATA = Path(
    os.environ.get("TFDEBLUR_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
)


def shared_data(*parts):
    """Path below the large data folder; skips the test, saying so, where it is missing."""
    path = SHARED_DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(parts)} below TFDEBLUR_SHARED_DATA (not found: {path})")
    return path


def noise(*shape, seed=0, dtype="float32"):
    """Zero-mean normal noise: all-positive input hides sign errors."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def picture(height, width, channels=3, seed=0):
    """A smooth random picture, float32 `(height, width, channels)` in [0, 1]."""
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, 1, height)[:, None, None]
    columns = np.linspace(0, 1, width)[None, :, None]
    waves = 0.0
    for _ in range(4):
        down, across = rng.integers(1, 5, size=2)
        waves = waves + np.sin(2 * np.pi * (down * rows + across * columns + rng.random(channels)))
    return (0.5 + waves / 8).astype("float32")


def assert_round_trip(network, image, folder):
    """A saved and loaded network has the same config and gives the same output."""
    import keras

    network.save(folder / "network.keras")
    again = keras.saving.load_model(folder / "network.keras")
    assert type(again) is type(network)
    assert again.get_config() == network.get_config()
    np.testing.assert_array_equal(again(image), network(image))
