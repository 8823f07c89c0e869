"""What a source is told to be, and what every kind of source is read into."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Source:
    """A graph of somebody else, read and not yet trusted.

    Attributes:
        kind: str, the format, for people.
        where: str, the file that holds the graph, for messages.
        graph: tf.compat.v1.GraphDef with the values of all constants.
        outputs: tensors that the file itself names as results; empty where it names none.
        licences: texts found beside it, by file name.
        sha256: of the files that were read, by name.
    """

    kind: str
    where: str
    graph: Any
    outputs: tuple[str, ...]
    licences: Mapping[str, bytes]
    sha256: Mapping[str, str]
