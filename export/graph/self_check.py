"""Looks at a version as TensorFlow Serving will, before anyone is served with it.

`tf.saved_model.load` is no witness: it runs models that TensorFlow Serving loads and cannot run.
The loader and session here are those of TensorFlow 1, which the server's own code calls, too.
"""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import graph_pb2, node_def_pb2
from tensorflow.core.protobuf import saved_model_pb2

from export.graph.manifest import weights_bytes
from export.graph.served import Served
from tfdeblur.errors import TfdeblurError

CHECKED_SIZE = (21, 34)  # pixels, no multiple of anything that networks have
_CLOSE = 1e-3  # mean difference that arithmetic in another order may make, in [0, 1]
_INDEX_BYTES = 100_000  # names, shapes and offsets beside the weights


class CheckFailed(TfdeblurError):
    """An exported model is not what it must be; a fault of the model or of this package."""


def check_version(folder: Path, served: Served, side: int | None = None) -> None:
    """Loads a written version in a fresh session, runs every signature and looks into its graph.

    Args:
        folder: of the version; it holds `saved_model.pb`.
        served: what was exported; results must be its.
        side: int, pixels, of images, where they must have one size.

    Raises:
        CheckFailed: if it cannot be loaded or run, gives other pixels, holds operations that
            TensorFlow Serving has not, or holds the weights more or less than once.
    """
    variables = served.variables()
    check_graph(folder, len(variables))
    check_size(folder, weights_bytes(variables))
    constants = weights_bytes(served.weights()) - weights_bytes(variables)
    if constants:
        check_constants(folder, constants)
    height, width = (side, side) if side else CHECKED_SIZE
    image = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)
    wanted = served.restore(tf.constant(image * np.float32(1 / 255))).image.numpy()
    for key, outputs in run_signatures(folder, image).items():
        for name, value in outputs.items():
            _check_output(f"{key}/{name}", value, wanted)


def run_signatures(folder: Path, image: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Runs every signature of a version on one uint8 batch; results by signature and name.

    Raises:
        CheckFailed: if the version cannot be loaded or a signature cannot be run.
    """
    inputs = {
        "image": image * np.float32(1 / 255),
        "image_u8": image,
        "image_bytes": np.array([tf.io.encode_png(one).numpy() for one in image], object),
    }
    results = {}
    config = tf.compat.v1.ConfigProto()
    config.gpu_options.allow_growth = True
    with tf.Graph().as_default(), tf.compat.v1.Session(config=config) as session, _quiet():
        try:
            loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folder))
            for key, signature in sorted(loaded.signature_def.items()):
                if key.startswith("__"):
                    continue
                feed = {info.name: inputs[name] for name, info in signature.inputs.items()}
                fetch = {name: info.name for name, info in signature.outputs.items()}
                results[key] = session.run(fetch, feed)
        except (tf.errors.OpError, OSError, ValueError, KeyError, RuntimeError) as error:
            raise CheckFailed(f"The exported model cannot be run: {error}") from error
    return results


@contextlib.contextmanager
def _quiet():
    """TensorFlow says of this loader that it is old, and what to use instead: see above."""
    logger = tf.get_logger()

    def wanted(record):
        return "deprecated" not in str(record.msg)

    logger.addFilter(wanted)
    try:
        yield
    finally:
        logger.removeFilter(wanted)


def _check_output(name: str, value: np.ndarray, wanted: np.ndarray) -> None:
    """Looks at one output; what is an image must be the wanted one."""
    if value.dtype == object:
        value = np.stack([tf.io.decode_png(one).numpy() for one in value])
    if value.dtype == np.uint8:
        value = value * np.float32(1 / 255)
    if not np.isfinite(value).all():
        raise CheckFailed(f"Output {name} of the exported model is not finite.")
    if "restored" not in name:
        return
    if value.shape != wanted.shape:
        raise CheckFailed(f"Output {name} has shape {value.shape} and not {wanted.shape}.")
    difference = float(np.abs(value - wanted).mean())
    if difference > _CLOSE + 1 / 510:  # 8 bits may be off by half a level
        raise CheckFailed(
            f"Output {name} of the exported model differs from the model's by {difference:.3g} "
            "on average, in [0, 1]."
        )


def check_graph(folder: Path, variables: int) -> None:
    """Looks for what TensorFlow Serving cannot run, and counts the variables.

    Raises:
        CheckFailed: if there are Python or XLA operations, functions that XLA must compile, or
            not as many variables.
    """
    handles = set()
    for graph in _graphs(folder):
        for function in graph.library.function:
            _check_attributes(function.signature.name, function.attr)
        for node in _nodes(graph):
            _check_attributes(node.name, node.attr)
            if "PyFunc" in node.op or node.op.startswith("Xla"):
                raise CheckFailed(f"The graph holds {node.op} ({node.name}), which no server runs.")
            if node.op == "VarHandleOp":
                handles.add(node.name)
    if len(handles) != variables:
        raise CheckFailed(f"The graph holds {len(handles)} variables and not {variables}.")


def _graphs(folder: Path) -> list[graph_pb2.GraphDef]:
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    return [one.graph_def for one in saved.meta_graphs]


def _nodes(graph: graph_pb2.GraphDef) -> Iterator[node_def_pb2.NodeDef]:
    """All nodes, those of functions too."""
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _check_attributes(name: str, attributes: Mapping[str, Any]) -> None:
    for key in ("_XlaMustCompile", "_XlaCompile"):
        if key in attributes and attributes[key].b:
            raise CheckFailed(
                f"{name} is to be compiled with XLA, which TensorFlow Serving has switched off: "
                "build the model without `jit_compile`."
            )


def check_constants(folder: Path, weights: int) -> None:
    """Looks whether weights that are constants stand in the graph once.

    Args:
        folder: of the version.
        weights: bytes of these weights.

    Raises:
        CheckFailed: if the constants take much more or less room than they are large.
    """
    held = 0
    for graph in _graphs(folder):
        tensors = (node.attr["value"].tensor for node in _nodes(graph) if node.op == "Const")
        for tensor in tensors:
            size = tf.TensorShape(tensor.tensor_shape).num_elements()
            held += size * tf.dtypes.as_dtype(tensor.dtype).size
    if not weights <= held <= 1.1 * weights + _INDEX_BYTES:
        raise CheckFailed(
            f"The constants of the graph take {held} bytes, but the weights among them are "
            f"{weights} bytes large."
        )


def check_size(folder: Path, weights: int) -> None:
    """Looks whether the weights that are variables are on the disk once.

    Args:
        folder: of the version.
        weights: bytes of all weights.

    Raises:
        CheckFailed: if they take much more or less room than they are large.
    """
    stored = sum(path.stat().st_size for path in (folder / "variables").iterdir())
    if not weights <= stored <= 1.1 * weights + _INDEX_BYTES:
        raise CheckFailed(
            f"The weights take {stored} bytes on the disk, but are {weights} bytes large."
        )
