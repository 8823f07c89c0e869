"""Networks of others, as `tfdeblur adopt` writes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tfdeblur.models.place import Place
from tfdeblur.restorers.adopted.description import DESCRIPTION_FILE
from tfdeblur.restorers.kind import Kind

if TYPE_CHECKING:
    from tfdeblur.restorers.adopted.network import AdoptedNetwork
    from tfdeblur.restorers.protocol import Restores


class Adopted(Kind):
    """A folder that holds `adopted.json`."""

    name = "adopted network"
    restorer = "Restorer"
    takes: ClassVar[tuple[str, ...]] = (
        "tile",
        "memory_budget_bytes",
        "precision",
        "self_ensemble",
        "passes",
    )

    def recognises(self, place: Place) -> bool:
        """Whether it is a folder with what was found out."""
        return place.holds(DESCRIPTION_FILE)

    def open(self, place: Place, options: Mapping[str, Any]) -> "Restores":
        """See `Kind`; `InPasses` where there are several."""
        from tfdeblur.restorers.adopted.restorer import AdoptedRestorer
        from tfdeblur.restorers.passes import InPasses

        if place.folder is None:
            raise ValueError(f"{place} is no folder: see `recognises`")
        own = {name: value for name, value in options.items() if name != "passes"}
        restorer = AdoptedRestorer(self.load(place.folder), **own)
        passes = options.get(
            "passes",
        )
        return restorer if passes is None else InPasses(restorer, passes)

    def load(self, folder: Path) -> "AdoptedNetwork":
        """The network of a folder, by what runs it."""
        from tfdeblur.restorers.adopted.frozen import load_frozen

        return load_frozen(folder)
