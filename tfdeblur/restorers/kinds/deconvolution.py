"""Deconvolution with a known motion flow, without any model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfdeblur.models.place import Place
from tfdeblur.restorers.kind import FLOW, SOLVER, Kind

if TYPE_CHECKING:
    from tfdeblur.restorers.protocol import Restores


class Deconvolution(Kind):
    """What restores where no model is named."""

    name = "deconvolution"
    restorer = "KnownFlow"
    needs_model = False
    takes = ("beta", "tolerance", "max_steps", "rasterizer")
    takes_flow = True
    reports = frozenset({FLOW, SOLVER})

    def recognises(self, place: Place) -> bool:
        """No model is one of deconvolution."""
        return False

    def open(self, place: Place, options: Mapping[str, Any]) -> "Restores":
        """See `Kind`."""
        from tfdeblur.restorers.known_flow import KnownFlow

        return KnownFlow(**options)
