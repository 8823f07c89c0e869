"""Networks that restore in one step, such as Bi-Skip and MAXIM."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfdeblur.models.load import load_network
from tfdeblur.models.place import Place
from tfdeblur.restorers.kind import Kind

if TYPE_CHECKING:
    from tfdeblur.restorers.protocol import Restores


class Network(Kind):
    """A preset, a run folder or a `.keras` file; and what no other kind recognises."""

    name = "network"
    restorer = "Restorer"
    takes = ("tile", "memory_budget_bytes", "precision", "self_ensemble", "passes")

    def recognises(self, place: Place) -> bool:
        """Says what is wrong with all others, when it opens them."""
        return True

    def open(self, place: Place, options: Mapping[str, Any]) -> "Restores":
        """See `Kind`; `InPasses` where there are several."""
        from tfdeblur.restorers.network import Restorer
        from tfdeblur.restorers.passes import InPasses

        own = {name: value for name, value in options.items() if name != "passes"}
        restorer = Restorer(load_network(place), **own)
        passes = options.get("passes")
        return restorer if passes is None else InPasses(restorer, passes)
