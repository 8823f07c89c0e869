"""What a kind of restorers is, and what there is to know of one before it is opened.

Loads the standard library only: what is asked for is checked before a framework is loaded.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tfdeblur.models.place import Place

if TYPE_CHECKING:
    from tfdeblur.restorers.protocol import Restores

# What restorers may report beside the image; see `protocol.Restores`.
FLOW, CONFIDENCE, STAGES, SOLVER = "flow", "confidence", "stages", "solver"
KNOWN_FLOW = "known_flow"  # what a call may be given: `flow`


class Kind(ABC):
    """One way to restore: how its models are told from others, what it takes, how it is opened.

    A new one is a file with a subclass, and a line in `registry.BUILT_IN` (or a call of
    `registry.register`). Its file must load no framework: `open` does.

    Attributes:
        name: str, for people.
        restorer: str, the class of what `open` returns.
        needs_model: whether it restores with a model; exactly one kind does without.
        takes: names of options that it takes, those of `options.RestoringOptions` or of its own.
        takes_flow: whether its restorers take `flow`, a motion that is known, with each image.
        reports: what it may report beside the image.
    """

    name: ClassVar[str]
    restorer: ClassVar[str]
    needs_model: ClassVar[bool] = True
    takes: ClassVar[tuple[str, ...]] = ()
    takes_flow: ClassVar[bool] = False
    reports: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def recognises(self, place: Place) -> bool:
        """Whether what lies there (it exists) is a model of this kind, complete or not."""

    @abstractmethod
    def open(self, place: Place, options: Mapping[str, Any]) -> "Restores":
        """Loads the model and returns its restorer.

        Args:
            place: of the model; of nothing for the kind that needs none.
            options: those that were given, all of which are in `takes`.

        Raises:
            DataError: if it is not complete or broken.
            InvalidInput: if an option is not what it must be.
        """

    def handles(self, wanted: str) -> bool:
        """Whether it has what is wanted of each image: something to report, or `KNOWN_FLOW`."""
        return self.takes_flow if wanted == KNOWN_FLOW else wanted in self.reports
