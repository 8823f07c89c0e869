"""What adopted graphs may hold, and joined operators that are taken apart."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

from tests.adopt.makers import graph_of, run_plainly
from tests.helpers import picture
from tfdeblur.adopt.unfuse import unfuse
from tfdeblur.restorers.adopted.operators import ALLOWED, checked_graph


def test_allowed_operators_are_there_and_keep_no_state():
    for name in ALLOWED:
        op = op_def_registry.get(name)
        assert op is not None, name
        assert not op.is_stateful, name
        kinds = {argument.type for argument in (*op.input_arg, *op.output_arg)}
        assert not kinds & {tf.resource.as_datatype_enum, tf.variant.as_datatype_enum}, name
        assert not any(attribute.type == "func" for attribute in op.attr), name


def test_what_misleads_is_left_out():
    graph = graph_of(lambda image: tf.add(image, 1.0, name="result"))
    graph.node[-1].device = "/job:elsewhere/task:0"
    graph.node[-1].attr["_class"].list.s.append(b"loc:@gone")
    graph.library.function.add()
    clean = checked_graph(graph, "a.pb")
    assert not clean.node[-1].device and "_class" not in clean.node[-1].attr
    assert not clean.library.function and len(clean.node) == len(graph.node)


def joined(op, fused, kernel, extra=(), **numbers):
    """A graph with one operator as TensorFlow.js joins it, and its image's and result's names."""
    graph = graph_of(lambda image: None)
    for name, value in (("kernel", kernel), *extra):
        node = graph.node.add(name=name, op="Const")
        tensor = tf.make_tensor_proto(np.float32(value))
        node.attr["value"].tensor.CopyFrom(tensor)
        node.attr["dtype"].type = tensor.dtype
    names = [name for name, _ in extra]
    node = graph.node.add(name="result", op=op, input=["image", "kernel", *names])
    node.attr["T"].type = tf.float32.as_datatype_enum
    node.attr["strides"].list.i.extend([1, 1, 1, 1])
    node.attr["padding"].s = b"SAME"
    node.attr["fused_ops"].list.s.extend(fused)
    node.attr["num_args"].i = len(names)
    for name, value in numbers.items():
        node.attr[name].f = value
    return graph


@pytest.mark.parametrize(
    ("op", "convolve", "shape"),
    [
        ("_FusedConv2D", tf.nn.conv2d, (3, 3, 3, 3)),
        ("FusedDepthwiseConv2dNative", tf.nn.depthwise_conv2d, (3, 3, 3, 1)),
    ],
)
@pytest.mark.parametrize("last", ["Relu", "LeakyRelu", "Prelu", None])
def test_joined_operators_are_taken_apart(op, convolve, shape, last):
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal(shape).astype("float32")
    bias, slope = np.float32([0.5, -0.5, 0.1]), np.float32([0.2, 0.3, -0.4])
    extra = [("bias", bias)] + ([("slope", slope)] if last == "Prelu" else [])
    fused = [b"BiasAdd"] + ([last.encode()] if last else [])
    graph = joined(op, fused, kernel, extra, leakyrelu_alpha=0.3)
    plain = checked_graph(unfuse(graph, ALLOWED), "model.json")
    image = picture(9, 11)
    strides = (1, 1, 1, 1)
    wanted = convolve(image[None], kernel, strides, "SAME")[0].numpy() + bias
    if last == "Relu":
        wanted = np.maximum(wanted, 0)
    elif last:
        wanted = np.where(wanted > 0, wanted, wanted * (slope if last == "Prelu" else 0.3))
    np.testing.assert_allclose(run_plainly(plain, image), wanted, atol=1e-5)


def test_those_that_are_not_understood_are_left_for_the_refusal():
    graph = joined("_FusedConv2D", [b"Surprise"], np.ones((1, 1, 3, 3)))
    assert unfuse(graph, ALLOWED).node[-1].op == "_FusedConv2D"
