"""Packages whose model or package.json `tfdeblur convert maxim` must refuse; see `helpers`."""

import json

import numpy as np
import pytest

from tests.convert.bad.helpers import ROWS, row
from tests.convert.makers import PREFIX, Graph, parameters, write

# What model.json says.


def model_text(name, data, says):
    def make(folder):
        write(folder / "package")
        (folder / "package/models/model.json").write_bytes(data)
        return folder / "package"

    ROWS.append(pytest.param(make, says, 4, id=name))


def model(name, says, change):
    ROWS.append(pytest.param(lambda folder: write(folder / "p", change=change), says, 4, id=name))


def weight(name, says, **changes):
    """Alters the first entry of the manifest."""
    model(name, says, lambda m: m["weightsManifest"][0]["weights"][0].update(changes))


def manifest(name, says, **changes):
    model(name, says, lambda m: m["weightsManifest"][0].update(changes))


model_text("json_empty", b"", "model.json is damaged, it is no JSON: Expecting value")
model_text("json_cut", b'{"format": "graph-model", "model', "is damaged, it is no JSON")
model_text("json_binary", b"\xff\xfe\x00\x01", "is damaged, it is no JSON: 'utf-8' codec")
model_text("json_deep", b"[" * 10**6, "is damaged, it is no JSON: maximum recursion depth")
model_text("json_long_number", b"1" * 5000, "is damaged, it is no JSON: Exceeds the limit")
model_text("json_list", b"[]", "must be a TensorFlow.js graph model (format 'graph-model')")

model("layers_model", "Received: format='layers-model'", lambda m: m.update(format="layers-model"))
model("no_topology", "modelTopology must hold a list", lambda m: m.update(modelTopology=[]))
model("no_nodes", "modelTopology must hold a list", lambda m: m["modelTopology"].update(node=[]))
model("no_manifest", "weightsManifest must be a list", lambda m: m.update(weightsManifest=3))
model("odd_group", "must hold the lists paths and weights", lambda m: m.update(weightsManifest=[3]))
model("odd_node", "node 0 must have name, op", lambda m: m["modelTopology"]["node"].insert(0, 3))
model(
    "odd_input",
    "node 0 must have name, op, input and attr",
    lambda m: m["modelTopology"]["node"][0].update(input=[{}]),
)
model(
    "node_twice",
    "input_conv_0/transpose_3' twice",
    lambda m: m["modelTopology"]["node"].append(m["modelTopology"]["node"][0]),
)
model(
    "weight_twice",
    "weightsManifest lists 'StatefulPartitionedCall/",
    lambda m: m["weightsManifest"].append(
        {"paths": [], "weights": m["weightsManifest"][0]["weights"][:1]}
    ),
)
model(
    "no_value",
    "13 constants have no value in weightsManifest",
    lambda m: m.update(weightsManifest=[]),
)
manifest("path_above", "'../shard.bin' is refused", paths=["../shard.bin"])
manifest("path_absolute", "'/etc/passwd' is refused", paths=["/etc/passwd"])
manifest("path_backslash", "is refused, as it is no name", paths=["..\\shard.bin"])
manifest("path_nul", "is refused, as it is no name", paths=["a\0b"])
manifest("path_no_text", "3 is refused, as it is no name", paths=[3])
manifest("path_twice", "lists 'a.bin' twice", paths=["a.bin", "./a.bin"])
manifest("path_of_a_folder", "is refused: it must be a plain file", paths=["."])
manifest("odd_weight", "a weight must have name, shape and dtype", weights=[{"name": 1}])
weight("quantised", "is quantised, which loses", quantization={"dtype": "uint8", "scale": 1})
weight(
    "dtype_unknown", "must be of type float32, int32, bool. Received: dtype='int8'", dtype="int8"
)
weight("dtype_odd", "must be of type float32, int32, bool. Received: dtype=[]", dtype=[])
weight("shape_huge", "its shards are cut. The constants of a group need 396", shape=[2**31 - 1] * 3)
weight("shape_negative", "must have a shape of at most 8 whole numbers", shape=[-1, 3])
weight("shape_true", "must have a shape of at most 8 whole numbers", shape=[True])
weight("shape_far_too_large", "must have a shape of at most 8 whole numbers", shape=[2**70])
weight("shape_of_many_axes", "must have a shape of at most 8 whole numbers", shape=[1] * 9)


# Another network.


@row("is damaged: 'nothing' (0, 2147483647")
def shape_that_no_array_has(folder):
    def change(model):
        entry = {"name": "nothing", "shape": [0, *[2**31 - 1] * 3], "dtype": "int32"}
        model["weightsManifest"].append({"paths": [], "weights": [entry]})

    return write(folder / "package", change=change)


def graph(name, says, make, **options):
    def package(folder):
        return write(folder / "package", make(), **options)

    ROWS.append(pytest.param(package, says, 4, id=name))


def changed(alter):
    """A graph that `alter(graph)` made a bad one of."""

    def make():
        made = Graph()
        alter(made)
        return made

    return make


def without_a_module():
    made = Graph({})
    made.node("image", "Placeholder")
    return made


def with_values(**values):
    """The good graph with other parameters; "__" stands for "/"."""
    return lambda: Graph(parameters() | {k.replace("__", "/"): v for k, v in values.items()})


def two_stages():
    return Graph({name: v for name, v in parameters().items() if "stage_2" not in name})


def convolution(name, *inputs):
    return changed(lambda g: g.node(PREFIX + name, "Conv2D", *inputs))


def dense(equation):
    return changed(lambda g: g.dense("stage_0_y", g.constant("c", np.eye(2, dtype="f4")), equation))


BIAS = f"{PREFIX}stage_0_input_conv_0/Reshape"
RAIN = {"name": "@upscalerjs/maxim-deraining", "version": "0.1.0"}

graph("rain", "Received: name='@upscalerjs/maxim-deraining'", Graph, identity=RAIN)
graph("identity_odd", "package.json must be that of @upscalerjs/maxim-d", Graph, identity=[1])
graph("identity_missing", "holds no package.json, and its model.json is not", Graph, identity=None)
graph("two_stages", "holds a MAXIM of 2 stages, and the one for deblurring has 3", two_stages)
graph("no_maxim", "is no graph of MAXIM: nothing in it is named", without_a_module)
graph("fewer_modules", "lacks parameters that the network has: 761", Graph)
graph(
    "unknown_module",
    "the parameter foo/bias is none of MAXIM for deblurring",
    with_values(foo__bias=np.zeros(3, "f4")),
)
graph(
    "not_finite",
    "stage_0_input_conv_0/bias must be float32 and finite. Received: float32, 4 values",
    with_values(stage_0_input_conv_0__bias=np.full(4, np.nan, "f4")),
)
graph(
    "whole_numbers",
    "stage_0_input_conv_0/bias must be float32 and finite. Received: int32",
    with_values(stage_0_input_conv_0__bias=np.zeros(4, "i4")),
)
graph("kernel_computed", "has no constant as its kernel", convolution("stage_0_x/Conv2D", "x", "y"))
graph("kernel_missing", "has no constant as its kernel", convolution("stage_0_x/Conv2D"))
graph(
    "kernel_is_no_kernel", "has no constant as its ker", convolution("stage_0_x/Conv2D", "x", "n")
)
graph("odd_name", "must end with '/Conv2D' to be of MAXIM", convolution("odd", "x", BIAS))
graph("odd_equation", "is no dense layer. Received: 'abcd,fg->abcd'", dense("abcd,fg->abcd"))
graph("no_equation", "must multiply an image by a matrix. Received: ''", dense(""))
graph(
    "parameter_twice",
    "two constants claim to be the parameter stage_0_input_conv_0/bias",
    changed(lambda g: g.node(f"{PREFIX}stage_0_input_conv_0/again", "AddV2", "x", BIAS)),
)


@row("package.json is damaged, it is no JSON")
def identity_damaged(folder):
    write(folder / "package")
    (folder / "package/package.json").write_text("{")
    return folder / "package"


@row("package.json is refused, it has 1048577 bytes (most: 1048576)")
def identity_huge(folder):
    write(folder / "package")
    (folder / "package/package.json").write_text(json.dumps("a" * (2**20 - 1)))
    return folder / "package"
