"""oneDNN computes norms and dense layers with GELU in one pass each, and gives what they should."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tests.helpers import noise
from tfdeblur import processor
from tfdeblur.networks import Maxim
from tfdeblur.networks.maxim_blocks import gated_mlp
from tfdeblur.networks.maxim_layers import ChannelDense, ChannelNorm
from tfdeblur.networks.maxim_windows import Cells


def run(call, image):
    """The result for an image whose size the graph does not know, and its operations as run."""
    spec = tf.TensorSpec((None, None, None, image.shape[-1]))
    function = tf.function(call, input_signature=[spec], autograph=False).get_concrete_function()
    frozen = convert_variables_to_constants_v2(function)
    options, told = tf.compat.v1.RunOptions(output_partition_graphs=True), config_pb2.RunMetadata()
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(frozen.graph.as_graph_def(), name="")
        with tf.compat.v1.Session(graph=graph) as session:
            feeds = {frozen.inputs[0].name: image}
            found = session.run(frozen.outputs[0].name, feeds, options, told)
    return found, [node for made in told.partition_graphs for node in made.node]


# TensorFlow uses oneDNN by itself on processors of this kind.
fuses = pytest.mark.skipif(
    os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0" or not processor.has_bfloat16(),
    reason="needs a processor on which TensorFlow uses oneDNN by itself",
)


def with_form(form):
    layer = ChannelDense(6, "gelu")
    layer.gelu = form
    return layer


def learned(layer):
    """With weights that no optimiser can leave out, as ones and zeros."""
    for seed, weight in enumerate(layer.weights):
        weight.assign(weight + 0.1 * noise(*weight.shape, seed=seed))
    return layer


def exact_norm(x, epsilon):
    x = np.float64(x)
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(-1, keepdims=True) + epsilon)


@pytest.mark.parametrize("spread", [1e-4, 1e-3, 0.03, 1, 300])
def test_the_norm_keeps_its_epsilon(spread):
    """The fused operation has one of its own, which only small variances show."""
    layer, image = ChannelNorm(), spread * noise(2, 9, 12, 8)
    layer.build(image.shape)
    found, _ = run(layer, image)
    np.testing.assert_allclose(found, exact_norm(image, 1e-6), atol=2e-5)
    np.testing.assert_allclose(layer(image), exact_norm(image, 1e-6), atol=2e-5)


@fuses
def test_norms_are_one_operation():
    layer, image = ChannelNorm(), 0.001 * noise(2, 9, 12, 8)
    layer.build(image.shape)
    learned(layer)
    found, nodes = run(layer, image)
    kinds = [node.op for node in nodes]
    assert kinds.count("_MklLayerNorm") == 1 and "SquaredDifference" not in kinds
    wanted = exact_norm(image, 1e-6) * layer.gain.numpy() + layer.offset.numpy()
    np.testing.assert_allclose(found, wanted, atol=2e-5)


@fuses
@pytest.mark.parametrize(("form", "name"), [("tanh", "GeluApproximate"), ("erf", "GeluExact")])
def test_gelu_is_part_of_its_dense_layer(form, name):
    layer = with_form(form)
    layer.build((None, None, None, 8))
    learned(layer)
    found, nodes = run(layer, noise(2, 9, 12, 8))
    (product,) = (node for node in nodes if "FusedMatMul" in node.op)
    assert list(product.attr["fused_ops"].list.s) == [b"BiasAdd", name.encode()]
    np.testing.assert_allclose(found, layer(noise(2, 9, 12, 8)), atol=1e-5)


@fuses
def test_a_gated_mlp_is_fused():
    entry = keras.Input((None, None, 8))
    network = learned(keras.Model(entry, gated_mlp(entry, "grid", Cells(4, 64), "mlp")))
    image = noise(1, 8, 12, 8)
    found, nodes = run(network, image)
    kinds = [node.op for node in nodes]
    assert kinds.count("_MklLayerNorm") == 2
    assert not {"Tanh", "Sigmoid", "SquaredDifference", "Rsqrt"} & set(kinds)
    np.testing.assert_allclose(found, network(image), rtol=1e-5, atol=1e-5)


def test_the_form_of_gelu_is_kept():
    def forms(network):
        return {layer.gelu for layer in network.layers if isinstance(layer, ChannelDense)}

    assert forms(Maxim.from_config({"stages": 1, "features": 4})) == {"tanh"}  # of older files
    again = Maxim.from_config(Maxim(features=4, gelu="erf").get_config())
    assert again.gelu == "erf" and forms(again) == {"erf"}
    with pytest.raises(ValueError, match="`gelu` must be one of .*Received: gelu='relu'"):
        Maxim(gelu="relu")
