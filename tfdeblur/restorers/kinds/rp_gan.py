"""RP-GAN: a SEN estimates the motion, a solver undoes it, a generator cleans up, by turns."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tfdeblur.models.load import PIPELINE_FILE
from tfdeblur.models.place import Place
from tfdeblur.restorers.kind import CONFIDENCE, FLOW, SOLVER, STAGES, Kind

if TYPE_CHECKING:
    from tfdeblur.restorers.protocol import Restores

_OF_THE_LOOP = ("tolerance", "max_steps")


class RPGAN(Kind):
    """A folder that holds `pipeline.json`."""

    name = "RP-GAN"
    restorer = "BlindRestorer"
    takes = (
        *("passes", "levels", "tile", "memory_budget_bytes", "precision", "early_stop"),
        *_OF_THE_LOOP,
    )
    takes_flow = True
    reports = frozenset({FLOW, CONFIDENCE, STAGES, SOLVER})

    def recognises(self, place: Place) -> bool:
        """Whether it is a folder with settings of the loop."""
        return place.folder is not None and (place.folder / PIPELINE_FILE).exists()

    def open(self, place: Place, options: Mapping[str, Any]) -> "Restores":
        """See `Kind`."""
        from tfdeblur.restorers.blind.load import load_blind
        from tfdeblur.restorers.blind.restorer import BlindRestorer

        sen, generator, settings = load_blind(place)
        loop = {name: options[name] for name in _OF_THE_LOOP if name in options}
        own = {name: value for name, value in options.items() if name not in loop}
        return BlindRestorer(sen, generator, replace(settings, **loop), **own)
