"""What TensorFlow Serving could not run, or not rightly, is found before it gets its name."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from export import export_model
from export.graph.self_check import (
    CheckFailed,
    check_constants,
    check_size,
    check_version,
    run_signatures,
)
from export.graph.served import served_model
from tests.export.helpers import Compiled, Scale, random_u8
from tests.helpers import noise


class InPython(Scale):
    def __call__(self, image, training):
        image = tf.ensure_shape(tf.py_function(lambda x: x, [image], tf.float32), image.shape)
        return super().__call__(image, training)


@pytest.mark.parametrize("network, message", [(InPython, "EagerPyFunc"), (Compiled, "XLA")])
def test_graphs_that_no_server_runs(tmp_path, network, message):
    with pytest.raises(CheckFailed, match=message) as caught:
        export_model(network(), tmp_path)
    assert caught.value.exit_code == 1
    assert list((tmp_path / "deblur").iterdir()) == []


def test_a_module_that_holds_the_model_itself_fails_as_it_would_when_served(tmp_path):
    """Such a version loads everywhere; `tf.saved_model.load` even runs it."""
    module = tf.Module()
    module.model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 1)])

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32, "image")])
    def serve(image):
        return {"restored": module.model(image)}

    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": serve})
    again = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    assert again(image=tf.zeros((1, 2, 2, 3)))["restored"].shape == (1, 2, 2, 3)
    with pytest.raises(CheckFailed, match="Could not find variable") as caught:
        run_signatures(tmp_path, random_u8(1, 4, 4, 3))
    assert caught.value.__cause__.error_code == 9  # FAILED_PRECONDITION, as clients would get


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    return export_model(Scale(0.9), tmp_path_factory.mktemp("root"))


def test_other_weights_than_the_models(version):
    check_version(version, served_model(Scale(0.9)))
    with pytest.raises(CheckFailed, match="differs from the model's by 0.0"):
        check_version(version, served_model(Scale(0.8)))


def test_more_variables_than_the_model_has(version):
    network = Scale(0.9)
    network.variables.append(tf.Variable(np.zeros(8, "float32")))
    with pytest.raises(CheckFailed, match="holds 1 variables and not 2"):
        check_version(version, served_model(network))


def test_weights_stand_on_the_disk_once(version):
    stored = sum(path.stat().st_size for path in (version / "variables").iterdir())
    check_size(version, 4)
    with pytest.raises(CheckFailed, match=f"take {stored} bytes on the disk, but are"):
        check_size(version, stored + 1)
    with open(version / "variables" / "twice", "wb") as file:
        file.truncate(200_000)
    with pytest.raises(CheckFailed, match="bytes on the disk"):
        check_size(version, 4)
    (version / "variables" / "twice").unlink()


def test_weights_that_are_constants_stand_in_the_graph_once(tmp_path):
    weights = noise(512, 256)

    def exported(*constants):
        module = tf.Module()
        module.add = tf.function(
            lambda x: x + sum(tf.reduce_mean(tf.constant(one)) for one in constants),
            input_signature=[tf.TensorSpec(())],
        )
        folder = tmp_path / str(len(constants))
        tf.saved_model.save(module, folder)
        return folder

    check_constants(exported(weights), weights.nbytes)
    for folder in (exported(), exported(weights, weights)):
        with pytest.raises(CheckFailed, match=f"weights among them are {weights.nbytes} bytes"):
            check_constants(folder, weights.nbytes)


def test_a_version_that_is_cut_off(version, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes((version / "saved_model.pb").read_bytes()[:-100])
    with pytest.raises(CheckFailed, match="cannot be run"):
        run_signatures(tmp_path, random_u8(1, 4, 4, 3))
