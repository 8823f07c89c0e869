"""Weights as constants of a graph: once in each, equal pixels, and fused operations in the end."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tensorflow.python.eager import context

from export import export_model
from tests.export.graph.test_weights import nodes_of
from tests.export.helpers import loaded
from tests.helpers import noise, picture
from tests.networks.test_fusion import fuses
from tfdeblur.networks import BiSkip, Maxim
from tfdeblur.networks.maxim_blocks import gated_mlp
from tfdeblur.networks.maxim_windows import Cells
from tfdeblur.restorers.constants import ConstantWeights, wants_constants
from tfdeblur.restorers.graph import inference_function, levels_function
from tfdeblur.restorers.network import Restorer


@pytest.fixture(scope="module")
def network():
    """What MAXIM is made of, once: a norm, dense layers, mixing along an axis."""
    keras.utils.set_random_seed(0)
    entry = keras.Input((None, None, 3))
    mixed = gated_mlp(layers.Conv2D(8, 3, padding="same")(entry), "grid", Cells(4, 64), "mlp")
    network = keras.Model(entry, entry + layers.Conv2D(3, 3, padding="same")(mixed))
    for seed, weight in enumerate(network.weights):  # no norm with ones, which would be left out
        scale = 0.3 if weight.name == "kernel" else 1.0
        weight.assign(scale * weight + 0.02 * (noise(*weight.shape, seed=seed) - 0.5))
    network.constant_weights = network.operations_in_turn = True
    return network


def weights_in(function):
    """Bytes of the constants of a graph, and whether it reads variables."""
    graph = function.get_concrete_function().graph
    constants = [op.get_attr("value") for op in graph.get_operations() if op.type == "Const"]
    shapes = [tf.TensorShape(one.tensor_shape).num_elements() for one in constants]
    return 4 * sum(shapes), bool(graph.captures)


@pytest.mark.parametrize("make", [inference_function, levels_function])
def test_a_graph_holds_each_weight_once(network, make):
    held, variables = weights_in(make(network))
    wanted = 4 * network.count_params()
    assert not variables and wanted <= held < wanted + 1000


def test_other_networks_keep_their_variables():
    other = BiSkip(width=0.25)
    assert not wants_constants(other) and weights_in(inference_function(other))[1]
    assert Maxim.constant_weights


def test_two_calls_in_a_graph_share_their_constants(network):
    call = ConstantWeights(network)
    spec = [tf.TensorSpec((1, None, None, 3))]
    twice = tf.function(lambda x: call(call(x)), input_signature=spec, autograph=False)
    held, _ = weights_in(twice)
    assert held < 4 * network.count_params() + 2000
    image = picture(64, 64)[None]
    np.testing.assert_allclose(twice(image), network(network(image)), atol=1e-4)
    np.testing.assert_array_equal(call(image), network(image))  # outside of graphs: the network


def test_the_restorer_gives_what_the_network_gives(network):
    image = picture(70, 90)
    padded = np.pad(image, ((0, 10), (0, 6), (0, 0)), mode="reflect")[None]
    wanted = np.clip(network(padded)[0, :70, :90], 0, 1)
    np.testing.assert_allclose(Restorer(network)(image).image, wanted, atol=1e-4)


@fuses
def test_norms_and_gelus_of_the_restorer_are_fused(network):
    function = inference_function(network)
    context.context().enable_graph_collection()
    try:
        function(picture(64, 64)[None])
        told = context.context().export_run_metadata()
    finally:
        context.context().disable_graph_collection()
    graphs = [graph for made in told.function_graphs for graph in made.partition_graphs]
    kinds = [node.op for graph in graphs for node in graph.node]
    assert kinds.count("_MklLayerNorm") == 2
    assert not {"SquaredDifference", "Rsqrt", "Tanh", "ReadVariableOp"} & set(kinds)


def test_a_version_holds_each_weight_once(network, tmp_path):
    version = export_model(Restorer(network), tmp_path)
    nodes = [node for _, node in nodes_of(version)]
    assert not [node for node in nodes if node.op == "VarHandleOp"]
    constants = [node.attr["value"].tensor for node in nodes if node.op == "Const"]
    shapes = [tuple(tf.TensorShape(one.tensor_shape)) for one in constants]
    kernels = [tuple(weight.shape) for weight in network.weights if weight.name == "kernel"]
    assert all(shapes.count(shape) == kernels.count(shape) for shape in kernels)
    image = picture(70, 90)[None]
    with loaded(version) as v1:
        found = v1("serving_default", image)
    np.testing.assert_allclose(found, Restorer(network)(image).image, atol=1e-4)
