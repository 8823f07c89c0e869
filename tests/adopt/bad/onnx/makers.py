"""ONNX files that `tfdeblur adopt` must refuse, and what it must say of each."""

import math
import os

import numpy as np
from onnx import TensorProto, helper

from tests.adopt.bad.makers import add, file, row
from tests.adopt.onnx.makers import WEIGHTS, image, model_of, sharpen, write, write_outside


def onnx(*, change=None, **arguments):
    """Maker of a file: the restorer, with changes."""

    def make(folder):
        model = model_of(**arguments)
        if change:
            change(model)
        return write(folder / "a.onnx", model)

    return make


def alone(op, **attributes):
    """Maker of a network of one operator."""
    node = helper.make_node(op, ["image"], ["result"], **attributes)
    return lambda folder: write(folder / "a.onnx", model_of([node], weights={}))


def outside(**changes):
    return lambda folder: write_outside(folder / "a.onnx", model_of(), **changes)


def kernel(change):
    return onnx(change=lambda model: change(model.graph.initializer[0]))


def body():
    """A graph that gives what it takes, for loops and branches."""
    given = [image("n", (), TensorProto.INT64), image("go", (), TensorProto.BOOL), image("x")]
    nodes = [
        helper.make_node("Identity", ["go"], ["on"]),
        helper.make_node("Identity", ["x"], ["y"]),
    ]
    results = [image("on", (), TensorProto.BOOL), image("y")]
    return helper.make_graph(nodes, "body", given, results)


# Files.

add("onnx_empty", "it is no ONNX file, or one without", lambda f: file(f, b"", "a.onnx"))
add("onnx_html", "is no ONNX file, or is cut", lambda f: file(f, b"<html>\n", "a.onnx"))


@row("is no ONNX file, or is cut")
def onnx_cut(folder):
    path = write(folder / "a.onnx", model_of())
    path.write_bytes(path.read_bytes()[:-7])
    return path


# Weights in other files.

add("onnx_outside", "is no name of a file inside", outside(location="../secret.bin"))
add("onnx_absolute", "is no name of a file inside", outside(location="/etc/passwd"))
add("onnx_no_such_file", "holds no gone.bin", outside(location="gone.bin"))
add("onnx_offset", "must have 324 bytes from 99999 on", outside(offset="99999"))
add("onnx_bad_offset", "must be whole numbers. Received: '-1'", outside(offset="-1"))
add("onnx_bad_length", "must have 324 bytes", outside(length="8"))


@row("is refused: it must be a plain file inside")
def onnx_link(folder):
    path = write_outside(folder / "a.onnx", model_of())
    os.unlink(folder / "weights.bin")
    os.symlink("/etc/passwd", folder / "weights.bin")
    return path


# Sizes.


def claim(*sides):
    return kernel(lambda tensor: (tensor.ClearField("dims"), tensor.dims.extend(sides)))


add("onnx_huge_weight", "its weights claim more than 1.9 GB", claim(2**20, 2**20))
add("onnx_weight_of_another_size", "must have 540 bytes. Received: 324", claim(5, 3, 3, 3))
add("onnx_negative_side", "must hold numbers. Received: data type 1, shape [-1", claim(-1, 3, 3, 3))
add("onnx_text", "must hold numbers", kernel(lambda tensor: setattr(tensor, "data_type", 8)))
add("onnx_type", "must hold numbers", kernel(lambda tensor: setattr(tensor, "data_type", 999)))


@row("it makes an array of")
def onnx_expands(folder):
    shape = np.int64([2**20, 2**20])
    nodes = [helper.make_node("Expand", ["most", "sides"], ["vast"]), *sharpen()]
    nodes.append(helper.make_node("Add", ["result", "vast"], ["sum"]))
    model = model_of(nodes, outputs=[image("sum")], weights={**WEIGHTS, "sides": shape})
    return write(folder / "a.onnx", model)


@row("it makes an array of")
def onnx_enlarges_without_end(folder):
    weights = {**WEIGHTS, "scales": np.float32([1, 1, 4096, 4096])}
    return write(folder / "a.onnx", model_of(weights=weights))


# Operators.


def operator(op, domain=""):
    return [helper.make_node(op, ["image"], ["detail"], domain=domain), *sharpen()[1:]]


def of(nodes, **arguments):
    return lambda folder: write(folder / "a.onnx", model_of(nodes, **arguments))


COM = (("", 17), ("com.microsoft", 1))
add(
    "onnx_domain", "com.microsoft.Gelu (1 times)", of(operator("Gelu", "com.microsoft"), opsets=COM)
)
add("onnx_unknown", "EvilOp (1 times)", of(operator("EvilOp")))
add("onnx_chance", "RandomNormalLike (1 times)", of(operator("RandomNormalLike")))
add("onnx_sequence", "SequenceConstruct (1 times)", of(operator("SequenceConstruct")))


@row("Loop (1 times). Custom operators, files, text, chance, loops")
def onnx_loop(folder):
    loop = helper.make_node("Loop", ["times", "", "image"], ["detail"], body=body())
    weights = {**WEIGHTS, "times": np.int64(2**62)}
    return write(folder / "a.onnx", model_of([loop, *sharpen()[1:]], weights=weights))


@row("`onnx.inliner.inline_local_functions`")
def onnx_functions(folder):
    inner = [helper.make_node("Relu", ["x"], ["y"])]
    own = helper.make_function("own", "F", ["x"], ["y"], inner, [helper.make_opsetid("", 17)])
    opsets = (("", 17), ("own", 1))
    model = model_of(operator("F", "own"), opsets=opsets, functions=[own])
    return write(folder / "a.onnx", model)


# Structure.


def to_nothing(model):
    model.graph.node[0].input[0] = "gone"


def in_a_circle(model):
    model.graph.node[0].input[0] = "result"


add("onnx_to_nothing", "is damaged: ", onnx(change=to_nothing))
add("onnx_circle", "is damaged: ", onnx(change=in_a_circle))
add("onnx_opset", "is no network that onnxruntime", onnx(opsets=(("", 999),)))
add("onnx_no_opset", "is damaged: ", onnx(change=lambda m: m.ClearField("opset_import")))
add(
    "onnx_sparse",
    "it holds sparse weights",
    onnx(change=lambda m: m.graph.sparse_initializer.add()),
)


# Networks that are no restorers.


def enlarging(model):
    model.graph.initializer[1].CopyFrom(
        helper.make_tensor("scales", TensorProto.FLOAT, [4], [1, 1, 4, 4])
    )
    del model.graph.node[3:]
    model.graph.output[0].name = "mean"


add("onnx_twice_the_size", "it makes one of", onnx(change=enlarging))
add("onnx_one_channel", "of shape (None, 1, 8, 8)", onnx(inputs=[image("image", (None, 1, 8, 8))]))
add(
    "onnx_five_channels",
    "of shape (None, None, None, 5)",
    of(
        [helper.make_node("Neg", ["image"], ["result"])],
        inputs=[image("image", (None, None, None, 5))],
        weights={},
    ),
)
add(
    "onnx_one_number",
    "results that may be images",
    of(
        [helper.make_node("ReduceMean", ["image"], ["result"], keepdims=0)],
        outputs=[image("result", ())],
        weights={},
    ),
)
add(
    "onnx_nan",
    "values are NaN or infinite",
    onnx(weights={**WEIGHTS, "most": np.float32(math.nan)}),
)
add("onnx_negative", "it changes a picture by", alone("Neg"))
add("onnx_fixed_small", "takes images of 8x8 only", onnx(inputs=[image("image", (1, 3, 8, 8))]))
add("onnx_batch_of_four", "of shape (4, 3, None", onnx(inputs=[image("image", (4, 3, None, None))]))
add(
    "onnx_two_inputs",
    "it must take one image. Received: 2 inputs (image, much)",
    of(
        sharpen()[1:3] + sharpen()[4:],
        inputs=[image("image"), image("much")],
    ),
)
add(
    "onnx_whole_numbers",
    "must take images in float32. Received: uint8",
    of(
        [helper.make_node("Cast", ["image"], ["result"], to=TensorProto.FLOAT)],
        inputs=[image("image", kind=TensorProto.UINT8)],
        weights={},
    ),
)
