"""Graphs of TensorFlow, from whichever format they come."""

from collections.abc import Collection
from typing import Any

import tensorflow as tf

from tfdeblur.adopt.session import Session
from tfdeblur.restorers.adopted.description import GRAPH_FILE
from tfdeblur.restorers.adopted.operators import checked_graph, node_of


class FrozenGraph:
    """A `Graph` of a tf.compat.v1.GraphDef."""

    file = GRAPH_FILE

    def __init__(self, graph: Any):
        self.graph = graph

    @property
    def operators(self) -> int:
        """See `Graph`."""
        return len(self.graph.node)

    def cut(self, results: Collection[str]) -> "FrozenGraph":
        """See `Graph`."""
        nodes = {node.name: node for node in self.graph.node}
        ends = {node_of(name) for name in results}
        if not ends or not ends <= nodes.keys():
            return self  # what is missing is told with the names that there are
        kept: set[str] = set()
        left = list(ends)
        while left:
            name = left.pop()
            if name not in kept and name in nodes:
                kept.add(name)
                left += [node_of(before) for before in nodes[name].input]
        part = tf.compat.v1.GraphDef()
        part.versions.CopyFrom(self.graph.versions)
        part.node.extend(node for node in self.graph.node if node.name in kept)
        return FrozenGraph(part)

    def checked(self, where: str) -> "FrozenGraph":
        """See `Graph`."""
        return FrozenGraph(checked_graph(self.graph, where))

    def running(self, where: str) -> Session:
        """See `Graph`."""
        return Session(self.graph, where)

    def to_bytes(self) -> bytes:
        """See `Graph`."""
        return self.graph.SerializeToString(deterministic=True)
