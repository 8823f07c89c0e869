"""`.keras` files of others."""

import keras
import numpy as np
import pytest
from keras import layers

from tests.helpers import picture
from tfdeblur import Restorer
from tfdeblur.cli.main import main


@pytest.mark.parametrize("size", [None, 64])
def test_one_is_adopted(size, tmp_path):
    keras.utils.set_random_seed(0)
    image = keras.Input((size, size, 3))
    small = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    small = layers.BatchNormalization()(layers.Dropout(0.5)(small))
    change = layers.Conv2DTranspose(3, 4, strides=2, padding="same")(small)
    network = keras.Model(image, layers.Add()([image, 0.1 * change]))
    network.save(tmp_path / "a.keras")
    (tmp_path / "LICENSE").write_text("MIT")
    assert main(["adopt", str(tmp_path / "a.keras"), "--out", str(tmp_path / "model")]) == 0
    assert (tmp_path / "model" / "LICENSE").read_text() == "MIT"
    photo = picture(64, 64)
    wanted = np.clip(network(photo[None], training=False)[0], 0, 1)
    found = Restorer.from_preset(tmp_path / "model")
    np.testing.assert_allclose(found(photo).image, wanted, atol=1e-5)
    assert found(photo[:41, :35]).image.shape == (41, 35, 3)


def test_outputs_of_a_network_with_several(tmp_path, capsys):
    image = keras.Input((None, None, 3))
    coarse = layers.AveragePooling2D(2)(image)
    fine = layers.Dense(3, kernel_initializer="identity", name="fine")(image)
    keras.Model(image, [coarse, fine]).save(tmp_path / "a.keras")
    assert main(["adopt", str(tmp_path / "a.keras"), "--out", str(tmp_path / "model")]) == 0
    assert "has 2 results: " in capsys.readouterr().err
    photo = picture(20, 22)
    found = Restorer.from_preset(tmp_path / "model")(photo).image
    np.testing.assert_allclose(found, photo, atol=1e-6)
