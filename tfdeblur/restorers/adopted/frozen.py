"""Adopted networks that are frozen graphs of TensorFlow."""

import hashlib
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfdeblur.errors import DataError
from tfdeblur.restorers.adopted.description import GRAPH_FILE, Probe, read_graph
from tfdeblur.restorers.adopted.network import AdoptedNetwork
from tfdeblur.restorers.adopted.operators import checked_graph, node_of

# TensorFlow keeps about ten copies of what stands in a graph, and copies it while it rewrites it.
# Biases and gains are below this and stay there: operators are fused only with constants.
_LARGE = 16 * 1024  # bytes


class FrozenNetwork(AdoptedNetwork):
    """Runs a frozen graph.

    Args:
        graph: tf.compat.v1.GraphDef, as `operators.checked_graph` returns it.
        probe: how it is called.
        digest: SHA-256 of the graph's file.
    """

    def __init__(self, graph: Any, probe: Probe, digest: str = ""):
        super().__init__(probe)
        self._graph, self._weights = _lightened(graph, probe.output)
        self.digest = digest
        # A function of its own: where it is called several times, as in an exported graph, its
        # weights are there once.
        spec = tf.TensorSpec(_shape(probe), tf.float32)
        self._function = tf.function(self._imported, input_signature=[spec], autograph=False)

    @property
    def sees_whole_image(self) -> bool:
        """Whether tiles may change the result: nobody knows, but where all have one size."""
        return self.probe.fixed is None

    def compute(self, given: Any) -> Any:
        """See `AdoptedNetwork`."""
        return self._function(given)

    def _imported(self, given: Any) -> Any:
        here = tf.compat.v1.get_default_graph()
        weights = {name: here.capture(weight) for name, weight in self._weights.items()}
        (result,) = tf.graph_util.import_graph_def(
            self._graph,
            input_map={self.probe.input: given, **weights},
            return_elements=[self.probe.output],
            name="adopted",
        )
        return result


def _lightened(graph: Any, output: str) -> tuple[Any, dict[str, Any]]:
    """The graph without its large floating-point constants, and these, by the tensors' names.

    Equal small constants are one afterwards: a graph that was traced has one for each time that
    an axis or a factor is named, more of them than of anything else.

    Args:
        graph: tf.compat.v1.GraphDef.
        output: the name of its result.
    """
    taken = {name for node in graph.node for name in node.input}
    weights: dict[str, Any] = {}
    first: dict[bytes, str] = {}
    same: dict[str, str] = {}
    light = tf.compat.v1.GraphDef(versions=graph.versions)
    for node in graph.node:
        name = node.name
        # Named in one way only, and not by what waits for it ("^w").
        free = name in taken and not {f"{name}:0", f"^{name}"} & taken and not node.input
        if node.op == "Const" and free and name != node_of(output):
            value = node.attr["value"].tensor
            if value.ByteSize() >= _LARGE and tf.as_dtype(value.dtype).is_floating:
                weights[f"{name}:0"] = tf.constant(tf.make_ndarray(value))
                continue
            same[name] = first.setdefault(value.SerializeToString(deterministic=True), name)
            if same[name] != name:
                continue
        light.node.add().CopyFrom(node)
    for node in light.node:
        node.input[:] = [same.get(name, name) for name in node.input]
    return light, weights


def load_frozen(folder: Path) -> FrozenNetwork:
    """Loads what `tfdeblur adopt` wrote of a graph of TensorFlow.

    Raises:
        DataError: if a file is missing, damaged, or another than was written; if the graph holds
            anything but plain computation.
    """
    data, probe = read_graph(folder, GRAPH_FILE)
    where = str(folder / GRAPH_FILE)
    graph = checked_graph(parse_graph(data, where), where)
    return FrozenNetwork(graph, probe, hashlib.sha256(data).hexdigest())


def _shape(probe: Probe) -> tuple[int | None, ...]:
    batch = None if probe.batches else 1
    sides = probe.fixed or (None, None)
    return (batch, 3, *sides) if probe.channels_first else (batch, *sides, 3)


def parse_graph(data: bytes, where: str) -> Any:
    """A tf.compat.v1.GraphDef of its bytes.

    Raises:
        DataError: if they are none.
    """
    from google.protobuf.message import DecodeError

    try:
        return tf.compat.v1.GraphDef.FromString(data)
    except (DecodeError, RecursionError) as error:
        raise DataError(f"{where} is no frozen graph (.pb), or is cut: {error}") from error
