"""Restorer of adopted networks: also of those that take one size only."""

from functools import cached_property

from tfdeblur.image.tiling import OVERLAP, TilePlan
from tfdeblur.restorers.adopted.network import AdoptedNetwork
from tfdeblur.restorers.network import Restorer


class AdoptedRestorer(Restorer):
    """A `Restorer` whose tiles are of the one size that the network takes, where there is one."""

    network: AdoptedNetwork

    def plan(self, height: int, width: int) -> TilePlan:
        """See `Restorer`; `tile` and the budget say nothing where the size is fixed."""
        fixed = self._fixed
        if fixed is None:
            return super().plan(height, width)
        rows, columns = _starts(height, fixed[0]), _starts(width, fixed[1])
        return TilePlan(height, width, *fixed, rows, columns)

    @cached_property
    def max_pixels(self) -> int:
        """See `Restorer`."""
        fixed = self._fixed
        return super().max_pixels if fixed is None else fixed[0] * fixed[1]

    @property
    def _fixed(self) -> tuple[int, int] | None:
        fixed = self.network.probe.fixed
        # An image that is turned by a quarter must fit as well.
        return (min(fixed), min(fixed)) if fixed and self.self_ensemble else fixed


def _starts(length: int, tile: int) -> tuple[int, ...]:
    """Evenly spread, the last tile ending with the image; neighbours share a part."""
    if length <= tile:
        return (0,)
    overlap = min(OVERLAP, tile // 4)
    steps = -(-(length - tile) // (tile - 2 * overlap))
    return tuple((length - tile) * i // steps for i in range(steps + 1))
