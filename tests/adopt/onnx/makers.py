"""Small networks of somebody else as ONNX files."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

KERNEL = np.zeros((3, 3, 3, 3), np.float32)  # out, in, rows, columns
for channel in range(3):
    KERNEL[channel, channel] = [[0, -0.2, 0], [-0.2, 1.8, -0.2], [0, -0.2, 0]]


def image(name, shape=(None, 3, None, None), kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def sharpen():
    """A restorer, channels first, of even sizes; its last result is smaller."""
    return [
        helper.make_node("Conv", ["image", "kernel"], ["detail"], pads=[1, 1, 1, 1]),
        helper.make_node("AveragePool", ["image"], ["small"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Resize", ["small", "", "scales"], ["mean"], mode="nearest"),
        helper.make_node("Mul", ["detail", "most"], ["much"]),
        helper.make_node("Mul", ["mean", "rest"], ["little"]),
        helper.make_node("Add", ["much", "little"], ["result"]),
    ]


def turned(nodes):
    """The same around which axes are turned: channels last."""
    before = helper.make_node("Transpose", ["photo"], ["image"], perm=[0, 3, 1, 2])
    after = helper.make_node("Transpose", ["result"], ["last"], perm=[0, 2, 3, 1])
    return [before, *nodes, after]


WEIGHTS = {
    "kernel": KERNEL,
    "scales": np.float32([1, 1, 2, 2]),
    "most": np.float32(0.9),
    "rest": np.float32(0.1),
}


def model_of(
    nodes=None, inputs=None, outputs=None, weights=WEIGHTS, opsets=(("", 17),), **arguments
):
    """An onnx.ModelProto."""
    graph = helper.make_graph(
        sharpen() if nodes is None else nodes,
        "network",
        [image("image")] if inputs is None else inputs,
        [image("result")] if outputs is None else outputs,
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    versions = [helper.make_opsetid(*one) for one in opsets]
    return helper.make_model(graph, opset_imports=versions, ir_version=9, **arguments)


def write(path, model):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


def write_outside(path, model, **changes):
    """With all weights of more than 16 bytes in `weights.bin` beside it."""
    onnx.save_model(
        model, path, save_as_external_data=True, location="weights.bin", size_threshold=16
    )
    written = onnx.load_model(path, load_external_data=False)
    kernel = next(one for one in written.graph.initializer if one.name == "kernel")
    for entry in kernel.external_data:
        entry.value = changes.get(entry.key, entry.value)
    return write(path, written)


def run_plainly(image, mean=0.1):
    """What `sharpen` makes of `(height, width, 3)` of even sides.

    Args:
        image: float.
        mean: the share of means of 2x2 pixels.
    """
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    sides = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    height, width = image.shape[:2]
    blocks = image.reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3))
    means = blocks.repeat(2, axis=0).repeat(2, axis=1)
    return (1 - mean) * (1.8 * image - 0.2 * sides) + mean * means
