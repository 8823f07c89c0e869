"""Takes apart the operators that TensorFlow.js has and TensorFlow has not, or not for everyone.

The converter of TensorFlow.js joins a convolution with the addition and the function after it
(`_FusedConv2D`, `FusedDepthwiseConv2dNative`, `_FusedMatMul`) and writes PReLU as `Prelu`.
Format: tfjs-converter, python/tensorflowjs/converters/fuse_depthwise_conv2d.py and fuse_prelu.py.
"""

from collections.abc import Container
from typing import Any

import tensorflow as tf

_PLAIN = {
    "_FusedConv2D": "Conv2D",
    "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative",
    "_FusedMatMul": "MatMul",
}
_FUNCTIONS = ("Relu", "Relu6", "Elu", "Sigmoid", "Tanh", "LeakyRelu", "Prelu")
# What the joined operators carry for themselves; the plain ones do not know it.
_OF_FUSION = ("fused_ops", "num_args", "epsilon", "leakyrelu_alpha", "TArgs", "num_host_args")


def unfuse(graph: Any, known: Container[str]) -> Any:
    """The same graph of plain operators; those that are not understood stay as they are.

    Args:
        graph: tf.compat.v1.GraphDef.
        known: operators that need not be looked at.
    """
    plain = tf.compat.v1.GraphDef()
    plain.versions.CopyFrom(graph.versions)
    for node in graph.node:
        parts = None if node.op in known else _parts(node)
        if parts is None:
            plain.node.add().CopyFrom(node)
        else:
            plain.node.extend(parts)
    return plain


def _parts(node: Any) -> list[Any] | None:
    """The plain operators of a joined one, the last of which has its name."""
    if node.op == "Prelu" and len(node.input) == 2:
        return _prelu(node.name, node.input[0], node.input[1])
    fused = [name.decode("ascii", "replace") for name in node.attr["fused_ops"].list.s]
    arguments = [name for name in node.input if not name.startswith("^")]
    if node.op not in _PLAIN or not fused or len(arguments) < 2:
        return None
    first = tf.compat.v1.NodeDef(name=f"{node.name}/plain", op=_PLAIN[node.op])
    first.input.extend([*arguments[:2], *(name for name in node.input if name.startswith("^"))])
    for name, value in node.attr.items():
        if name not in _OF_FUSION:
            first.attr[name].CopyFrom(value)
    parts, rest = [first], arguments[2:]
    for number, function in enumerate(fused):
        before = parts[-1].name
        name = node.name if number == len(fused) - 1 else f"{node.name}/plain_{number}"
        if function == "BiasAdd" and rest:
            parts.append(_node(name, "BiasAdd", before, rest.pop(0)))
        elif function == "Prelu" and rest:
            parts += _prelu(name, before, rest.pop(0))
        elif function in _FUNCTIONS and function != "Prelu":
            parts.append(_node(name, function, before))
            if function == "LeakyRelu" and "leakyrelu_alpha" in node.attr:
                parts[-1].attr["alpha"].f = node.attr["leakyrelu_alpha"].f
        else:
            return None
    return parts


def _node(name: str, op: str, *inputs: str) -> Any:
    node = tf.compat.v1.NodeDef(name=name, op=op, input=inputs)
    node.attr["T"].type = tf.float32.as_datatype_enum
    return node


def _prelu(name: str, x: str, slope: str) -> list[Any]:
    """max(x, 0) + slope * min(x, 0), by Relu(x) - slope * Relu(-x)."""
    return [
        _node(f"{name}/above", "Relu", x),
        _node(f"{name}/turned", "Neg", x),
        _node(f"{name}/below", "Relu", f"{name}/turned"),
        _node(f"{name}/sloped", "Mul", f"{name}/below", slope),
        _node(name, "Sub", f"{name}/above", f"{name}/sloped"),
    ]
