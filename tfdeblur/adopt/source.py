"""What every kind of source is read into."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tfdeblur.adopt.running import Running


class Graph(Protocol):
    """A network of somebody else, whatever runs it.

    Attributes:
        file: name of the file that it is written to.
        operators: int, their number.
    """

    file: str

    @property
    def operators(self) -> int: ...  # noqa: D102 (see Attributes)

    def cut(self, results: Collection[str]) -> "Graph":
        """What is needed for the tensors `results`; all of it where there are none, or not all.

        What is not needed is not looked at either: an operator for training may be there.

        Raises:
            InvalidInput: if one of them is there and holds no image.
        """

    def checked(self, where: str) -> "Graph":
        """The same, if it only computes.

        Args:
            where: the file it comes from, for messages.

        Raises:
            DataError: if it does not, with the reason.
        """

    def running(self, where: str) -> "Running":
        """Ready to be run; of a checked graph only.

        Raises:
            DataError: if what runs it does not take it.
        """

    def to_bytes(self) -> bytes:
        """What its file holds."""


@dataclass(frozen=True)
class Source:
    """A network of somebody else, read and not yet trusted.

    Attributes:
        kind: str, the format, for people.
        where: str, the file that holds the graph, for messages.
        graph: with the values of all constants.
        outputs: tensors that the file itself names as results; empty where it names none.
        licences: texts found beside it, by file name.
        sha256: of the files that were read, by name.
    """

    kind: str
    where: str
    graph: Graph
    outputs: Sequence[str]
    licences: Mapping[str, bytes]
    sha256: Mapping[str, str]
