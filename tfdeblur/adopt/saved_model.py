"""SavedModels: looked through before TensorFlow loads them, then frozen."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfdeblur import limits
from tfdeblur.adopt.graph_def import FrozenGraph
from tfdeblur.adopt.session import first_line
from tfdeblur.adopt.source import Source
from tfdeblur.convert.package import Package, open_package, read_licences
from tfdeblur.errors import DataError
from tfdeblur.restorers.adopted.operators import ALLOWED, checked_graph

SAVED_MODEL_FILE = "saved_model.pb"
# What every SavedModel holds to keep, save and restore its own variables; none of it is left in
# the frozen graph, which is checked once more.
_OF_VARIABLES = frozenset(
    "VarHandleOp ReadVariableOp AssignVariableOp DisableCopyOnRead VarIsInitializedOp RestoreV2 "
    "SaveV2 ShardedFilename MergeV2Checkpoints StringJoin StaticRegexFullMatch "
    "StatefulPartitionedCall PartitionedCall".split()
)


def read_saved_model(path: Path, tell: Callable[[str], None]) -> Source:
    """Reads the folder of a SavedModel, with the licences in it.

    Raises:
        DataError: if a file is missing, cut, too large or leads out of the folder; if it uses
            operators that do more than compute; if it has not one way to be called.
    """
    tell(f"reading {path}")
    where = f"{path}: {SAVED_MODEL_FILE}"
    with open_package(path, npm="PACKAGE") as folder:
        data = folder.read(SAVED_MODEL_FILE, limits.LARGEST_MESSAGE)
        licences = read_licences(folder)
        digests = {SAVED_MODEL_FILE: hashlib.sha256(data).hexdigest()}
        _check_meaning(data, where)
        digests |= _check_variables(path, folder)
    frozen, outputs = _freeze(path, where)
    # Each result goes by its own name: the graph may have been rewritten since it was named.
    graph = FrozenGraph(checked_graph(frozen, where))
    return Source("SavedModel", where, graph, outputs, licences, digests)


def _check_meaning(data: bytes, where: str) -> None:
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    try:
        saved = saved_model_pb2.SavedModel.FromString(data)
    except (DecodeError, RecursionError) as error:
        raise DataError(f"{where} is no SavedModel, or is cut: {error}") from error
    if len(saved.meta_graphs) != 1:
        raise DataError(f"{where} must hold one graph. Received: {len(saved.meta_graphs)}")
    graph = saved.meta_graphs[0]
    if graph.asset_file_def or "saved_model_assets" in graph.collection_def:
        raise DataError(f"{where} is refused: it reads files of its own (assets).")
    bad = sorted({node.op for node in _nodes(graph)} - ALLOWED - _OF_VARIABLES)
    if bad:
        raise DataError(
            f"{where} is refused: it uses operators that are not plain computation, or that "
            f"TensorFlow does not have: {', '.join(f'{op:.60}' for op in bad[:5])}. Custom "
            "operators, files, Python, state, chance and loops are not run from files of others."
        )
    total = sum(_claimed(node) for node in _nodes(graph) if node.op == "VarHandleOp")
    if total > limits.MOST_BYTES_OF_CONSTANTS:
        raise DataError(f"{where} is refused: its variables claim {total:.3g} bytes.")


def _nodes(graph: Any) -> Iterator[Any]:
    yield from graph.graph_def.node
    for function in graph.graph_def.library.function:
        yield from function.node_def


def _claimed(node: Any) -> int:
    count = 4
    for side in node.attr["shape"].shape.dim:
        count *= max(side.size, 1)
    return count


def _check_variables(path: Path, folder: Package) -> dict[str, str]:
    """SHA-256 of the files of variables, all of which lie in the folder and are not too large."""
    inner = path / "variables"
    try:
        names = sorted(file.name for file in inner.iterdir()) if inner.exists() else []
    except OSError as error:
        raise DataError(f"{inner} cannot be read: {error.strerror or error}") from error
    return {
        f"variables/{name}": hashlib.sha256(
            folder.read(f"variables/{name}", limits.MOST_BYTES_OF_CONSTANTS)
        ).hexdigest()
        for name in names
    }


def _freeze(path: Path, where: str) -> tuple[Any, tuple[str, ...]]:
    """The graph of the signature with its variables as constants, and its results."""
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    try:
        loaded = tf.saved_model.load(path)
        signatures = loaded.signatures
        names = list(signatures)
        if "serving_default" not in names and len(names) != 1:
            raise DataError(
                f"{where} must have one signature, or one named serving_default. "
                f"Received: {names[:5]}"
            )
        called = signatures["serving_default" if "serving_default" in names else names[0]]
        frozen = convert_variables_to_constants_v2(called)
    except DataError:
        raise
    # The loader raises what it comes upon in the file: KeyError, AssertionError, NotFoundError...
    except Exception as error:
        raise DataError(f"{where} is damaged or cut: {first_line(error)}") from error
    return frozen.graph.as_graph_def(), tuple(tensor.name for tensor in frozen.outputs)
