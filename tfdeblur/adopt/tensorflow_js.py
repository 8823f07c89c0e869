"""TensorFlow.js graph models, read into a GraphDef."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfdeblur import limits
from tfdeblur.adopt.graph_def import FrozenGraph
from tfdeblur.adopt.source import Source
from tfdeblur.adopt.unfuse import unfuse
from tfdeblur.convert.graph_model import MODEL_FILE, GraphModel, read_graph_model
from tfdeblur.convert.package import open_package, read_licences
from tfdeblur.errors import DataError
from tfdeblur.restorers.adopted.operators import ALLOWED


def read_tensorflow_js(path: str | os.PathLike[str], tell: Callable[[str], None]) -> Source:
    """Reads `model.json` with its shards.

    Args:
        path: a folder, or the archive that `npm pack` writes.
        tell: called with a line of text before what takes time.

    Raises:
        InvalidInput, DataError: see `open_package` and `read_graph_model`; DataError as well if a
            node is none of TensorFlow.
    """
    with open_package(path, npm="PACKAGE") as package:
        licences = read_licences(package)
        model = read_graph_model(package, tell)
        digest = package.archive_digest()
    where = f"{package.path}: {package.shown(MODEL_FILE)}"
    digests = {package.path.name: digest} if digest else model.digests
    graph = FrozenGraph(_graph(model, where))
    return Source(
        "TensorFlow.js graph model", where, graph, _outputs(model.described), licences, digests
    )


def _graph(model: GraphModel, where: str) -> Any:
    from google.protobuf import json_format

    if sum(array.nbytes for array in model.constants.values()) > limits.MOST_BYTES_OF_CONSTANTS:
        raise DataError(
            f"{where} is refused: it holds more than {limits.MOST_BYTES_OF_CONSTANTS / 1e9:g} GB."
        )
    graph = tf.compat.v1.GraphDef()
    topology = model.described["modelTopology"]
    versions = topology.get("versions")
    producer = versions.get("producer") if isinstance(versions, dict) else None
    if type(producer) is int and 0 <= producer < 2**31:
        graph.versions.producer = producer
    for item in topology["node"]:
        name, op = item["name"], item["op"]
        held = op == "Const"
        described = {key: item[key] for key in ("name", "op", "input") if key in item}
        if not held:
            described["attr"] = item.get("attr", {})
        node = graph.node.add()
        try:
            json_format.ParseDict(described, node, ignore_unknown_fields=True)
        except (json_format.ParseError, RecursionError) as error:
            reason = str(error).splitlines()[0][:200]
            raise DataError(f"{where} is damaged: the node {name!r:.150}: {reason}") from error
        if held:
            _give(node, model.constants[name])
    return unfuse(graph, ALLOWED)


def _give(node: Any, value: np.ndarray) -> None:
    """Makes a node the constant of a value."""
    tensor = tf.make_tensor_proto(value, shape=value.shape)
    node.attr["value"].tensor.CopyFrom(tensor)
    node.attr["dtype"].type = tensor.dtype


def _outputs(described: dict[str, Any]) -> tuple[str, ...]:
    """Names of results in the signature, in its order; none where there is no signature."""
    metadata = described.get("userDefinedMetadata")
    found = described.get("signature")
    if not isinstance(found, dict) and isinstance(metadata, dict):
        found = metadata.get("signature")  # of older converters
    outputs = found.get("outputs") if isinstance(found, dict) else None
    listed = outputs.values() if isinstance(outputs, dict) else ()
    names = [item.get("name") for item in listed if isinstance(item, dict)]
    return tuple(name for name in names if isinstance(name, str))
