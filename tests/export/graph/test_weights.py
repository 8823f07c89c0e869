"""Weights and nodes of an exported graph: which weights, how often, in what arithmetic, where."""

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from export import export_model
from tests.export.helpers import Scale, loaded, random_u8
from tests.helpers import noise
from tfdeblur.restorers.network import Restorer
from tfdeblur.training.callbacks import WithAveragedWeights
from tfdeblur.training.keep import KeepNetwork


def nodes_of(version):
    """All nodes, as (name of their function or "", node)."""
    saved = saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
    (graph,) = (one.graph_def for one in saved.meta_graphs)
    found = [("", node) for node in graph.node]
    for function in graph.library.function:
        found += [(function.signature.name, node) for node in function.node_def]
    return found


def stored_weights(version):
    """What the checkpoint of a version holds, in the order of the model's weights."""
    reader = tf.train.load_checkpoint(str(version / "variables" / "variables"))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("weights")]
    return [reader.get_tensor(name) for name in sorted(names)]


def test_each_variable_is_there_once(bi_skip):
    version, network = bi_skip.version, bi_skip.restorer.network
    handles = [node.name for _, node in nodes_of(version) if node.op == "VarHandleOp"]
    assert len(handles) == len(set(handles)) == len(network.variables)
    stored = stored_weights(version)
    for value, variable in zip(stored, network.variables, strict=True):
        np.testing.assert_array_equal(value, variable)


def test_nothing_needs_python_xla_or_a_certain_device(bi_skip):
    for function, node in nodes_of(bi_skip.version):
        assert not node.op.startswith(("Py", "EagerPy", "Xla")) and "PyFunc" not in node.op
        assert not any("Xla" in key and value.b for key, value in node.attr.items())
        # Loading the weights is pinned; its path is the one constant outside of functions.
        loads = "traced_save" in function or "traced_restore" in function
        if not loads and node.attr["dtype"].type != tf.string.as_datatype_enum:
            assert not node.device, (function, node.name, node.device)


class Heavy(Scale):
    """Has weights that are large beside all that is written about them."""

    def __init__(self):
        super().__init__()
        self.variables.append(tf.Variable(np.random.default_rng(0).random(2**19, "float32")))

    def __call__(self, image, training):
        return super().__call__(image, training) + 0.01 * tf.reduce_mean(self.variables[1])


def test_weights_take_their_own_size_on_the_disk(tmp_path):
    folder = export_model(Heavy(), tmp_path) / "variables"
    assert 2**21 < sum(path.stat().st_size for path in folder.iterdir()) < 1.1 * 2**21


def test_half_precision_inside_and_floats_outside(tmp_path):
    image = keras.Input((None, None, 3))
    convolve = keras.layers.Conv2D(3, 3, padding="same", dtype="mixed_float16")
    network = keras.Model(image, convolve(image))
    assert network(np.zeros((1, 4, 4, 3))).dtype == "float16"
    kernel = 0.02 * noise(3, 3, 3, 3)
    kernel[1, 1] += 0.9 * np.eye(3)
    convolve.set_weights([kernel, np.zeros(3)])
    version = export_model(network, tmp_path)
    assert {value.dtype for value in stored_weights(version)} == {np.dtype("float32")}
    image = random_u8(2, 9, 7, 3)
    restorer = Restorer(network)
    with loaded(version) as v1:
        found = v1("serving_default", image * np.float32(1 / 255))
        assert found.dtype == np.float32
        wanted = restorer(image * np.float32(1 / 255)).image
        np.testing.assert_allclose(found, wanted, atol=1e-3)
        difference = v1("serving_uint8", image).astype(int) - restorer(image).image
        assert np.abs(difference).max() <= 1


def test_the_averaged_weights_of_a_run_are_served(tmp_path):
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 1)])
    optimizer = keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5)
    network.compile(optimizer, loss="mse", run_eagerly=True)
    keep = KeepNetwork(tmp_path / "run" / "generator.keras", always=True)
    (tmp_path / "run").mkdir()
    network.network_to_keep = lambda: network  # as trainers have it
    image = random_u8(1, 6, 6, 3) / np.float32(255)
    raw = []  # until the end of fit, which leaves the averaged ones in the network
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: raw.append(network.get_weights())
    )
    callbacks = [WithAveragedWeights([keep], averaged=True), watch]
    network.fit(image, image, epochs=3, verbose=0, callbacks=callbacks)
    kept = keras.saving.load_model(keep.path, compile=False).get_weights()
    stored = stored_weights(export_model(tmp_path / "run", tmp_path / "root"))
    for value, averaged, last in zip(stored, kept, raw[-1], strict=True):
        np.testing.assert_array_equal(value, averaged)
        assert np.abs(value - last).max() > 1e-3
