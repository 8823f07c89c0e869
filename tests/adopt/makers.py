"""Small networks of somebody else, as frozen graphs and as TensorFlow.js graph models."""

import json

import numpy as np
import tensorflow as tf
from google.protobuf import json_format

from tests.convert.makers import LICENCE


def graph_of(build, channels=3, dtype=tf.float32, sides=(None, None)):
    """The GraphDef of a network: `build` makes results of the image "image"."""
    with tf.Graph().as_default() as graph:
        image = tf.compat.v1.placeholder(dtype, (None, *sides, channels), name="image")
        build(image)
    return graph.as_graph_def()


def sharpen(image, down=4, name="result"):
    """A restorer of multiples of `down`: adds detail, and mixes in what was made smaller."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    for channel in range(3):
        kernel[:, :, channel, channel] = [[0, -0.2, 0], [-0.2, 1.8, -0.2], [0, -0.2, 0]]
    sharper = tf.nn.conv2d(image, tf.constant(kernel), 1, "SAME", name="detail")
    size = tf.shape(image)
    blocks = tf.reshape(image, tf.stack([size[0], size[1] // down, down, size[2] // down, down, 3]))
    mean = tf.reduce_mean(blocks, axis=(2, 4), keepdims=True) + tf.zeros_like(blocks)
    return tf.add(0.9 * sharper, 0.1 * tf.reshape(mean, size), name=name)


def two_results(image):
    """The finest one comes first; a smaller image comes last."""
    result = sharpen(image)
    tf.nn.avg_pool2d(result, 2, 2, "SAME", name="half")


def write_js(folder, graph, change=None, change_parts=None):
    """A package as `npm pack` unpacks it; `change` may alter what `model.json` holds."""
    described = json_format.MessageToDict(graph)
    described.pop("library", None)
    values = {}
    for node in described["node"]:
        if node["op"] == "Const":
            values[node["name"]] = tf.make_ndarray(
                next(n for n in graph.node if n.name == node["name"]).attr["value"].tensor
            )
            node["attr"].pop("value")
    data = b"".join(np.ascontiguousarray(value).tobytes() for value in values.values())
    parts = {"one.bin": data[: len(data) // 2], "two.bin": data[len(data) // 2 :]}
    weights = [
        {"name": name, "shape": list(value.shape), "dtype": str(value.dtype)}
        for name, value in values.items()
    ]
    model = {
        "format": "graph-model",
        "modelTopology": described,
        "weightsManifest": [{"paths": list(parts), "weights": weights}],
    }
    if change:
        change(model)
    if change_parts:
        change_parts(parts)
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "model.json").write_text(json.dumps(model))
    for name, part in parts.items():
        (folder / "models" / name).write_bytes(part)
    (folder / "LICENSE").write_bytes(LICENCE)
    return folder


def write_pb(path, graph):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(graph.SerializeToString())
    return path


def run_plainly(graph, image, output="result:0", multiple=1):
    """What TensorFlow makes of `(height, width, 3)`, mirrored up to a multiple and cut back."""
    height, width = image.shape[:2]
    pads = ((0, -height % multiple), (0, -width % multiple), (0, 0))
    padded = np.pad(image, pads, mode="reflect")[None]
    with tf.Graph().as_default() as whole:
        tf.graph_util.import_graph_def(graph, name="")
        with tf.compat.v1.Session(graph=whole) as session:
            return session.run(output, {"image:0": padded})[0, :height, :width]
