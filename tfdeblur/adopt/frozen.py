"""Frozen graphs: a GraphDef in a file."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from tfdeblur import limits
from tfdeblur.adopt.graph_def import FrozenGraph
from tfdeblur.adopt.source import Source
from tfdeblur.convert.package import open_package, read_licences
from tfdeblur.restorers.adopted.frozen import parse_graph


def read_frozen(path: Path, tell: Callable[[str], None]) -> Source:
    """Reads a `.pb` file, with the licences in its folder.

    Raises:
        DataError: if it is none, or too large.
    """
    tell(f"reading {path}")
    with open_package(path.resolve().parent, npm="PACKAGE") as beside:
        data = beside.read(path.resolve().name, limits.LARGEST_MESSAGE)
        licences = read_licences(beside)
    graph = parse_graph(data, str(path))
    digests = {path.name: hashlib.sha256(data).hexdigest()}
    return Source("frozen graph", str(path), FrozenGraph(graph), (), licences, digests)
