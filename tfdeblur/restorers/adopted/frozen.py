"""Adopted networks that are frozen graphs of TensorFlow."""

import hashlib
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfdeblur.errors import DataError
from tfdeblur.restorers.adopted.description import GRAPH_FILE, Probe, read_graph
from tfdeblur.restorers.adopted.network import AdoptedNetwork
from tfdeblur.restorers.adopted.operators import checked_graph


class FrozenNetwork(AdoptedNetwork):
    """Runs a frozen graph.

    Args:
        graph: tf.compat.v1.GraphDef, as `operators.checked_graph` returns it.
        probe: how it is called.
        digest: SHA-256 of the graph's file.
    """

    def __init__(self, graph: Any, probe: Probe, digest: str = ""):
        super().__init__(probe)
        self.graph = graph
        self.digest = digest
        # A function of its own: where it is called several times, as in an exported graph, its
        # weights are there once.
        spec = tf.TensorSpec(_shape(probe), tf.float32)
        self._function = tf.function(self._imported, input_signature=[spec], autograph=False)

    def compute(self, given: Any) -> Any:
        """See `AdoptedNetwork`."""
        return self._function(given)

    def _imported(self, given: Any) -> Any:
        (result,) = tf.graph_util.import_graph_def(
            self.graph,
            input_map={self.probe.input: given},
            return_elements=[self.probe.output],
            name="adopted",
        )
        return result


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
