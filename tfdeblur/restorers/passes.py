"""Restoring in several passes: each time, the result of the last one is restored again."""

import numbers
from collections.abc import Callable
from dataclasses import replace
from typing import Any, overload

import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.image.levels import to_float, to_integers
from tfdeblur.restorers.calling import Images, Told, call_on
from tfdeblur.restorers.images import check_image
from tfdeblur.restorers.precision import precision_of
from tfdeblur.restorers.protocol import Restored, Restores
from tfdeblur.restorers.reading import ImageLike


class InPasses:
    """A `Restorer` applied several times to one image, without rounding in between.

    A pass whose output is degenerate is left out and ends the row; the result counts as
    degenerate only if that was the first.

    Args:
        restorer: a `Restorer`.
        passes: int >= 1.

    Call arguments:
        image: as for `Restorer`; no batch.
        progress: called as `progress(done, total)`, in tiles of all passes together; else as for
            `Restorer`.

    Returns:
        `Restored`, of the kind of `image`; `passes` counts those that are in the result.

    Raises:
        InvalidInput: if `passes` is no whole number, or below 1.
    """

    reports: frozenset[str] = frozenset()

    def __init__(self, restorer: Restores, passes: int):
        if not isinstance(passes, numbers.Integral) or passes < 1:
            raise InvalidInput(f"`passes` must be at least 1. Received: passes={passes!r}")
        self.restorer: Restores = restorer
        self.passes: int = passes

    @overload
    def __call__(self, image: ImageLike, *, progress: Told = None) -> Restored: ...

    @overload
    def __call__(self, image: Images, *, progress: Told = None) -> list[Restored]: ...

    def __call__(self, image, *, progress=None):
        """Restores an image or a list; arguments and errors: see the class."""
        return call_on(self._in_kind, image, progress)

    def __repr__(self) -> str:
        return f"{self.restorer!r} in {self.passes} passes"

    def _in_kind(self, image: np.ndarray, progress: Callable[[int, int], None] | None) -> Restored:
        image = check_image(image)
        if image.dtype not in (np.uint8, np.uint16):
            return self._restore(image, progress)
        restored = self._restore(to_float(image), progress)
        return replace(restored, image=to_integers(restored.image, image.dtype.type))

    @property
    def precision(self) -> str | None:
        """The arithmetic of the passes."""
        return precision_of(self.restorer)

    def plan(self, height: int, width: int) -> Any:
        """The tiles of each pass."""
        return self.restorer.plan(height, width)

    def _restore(self, image, progress) -> Restored:
        def run(image, before: int) -> Restored:
            def on_tiles(done: int, total: int) -> None:
                if progress is not None:
                    progress(before * total + done, self.passes * total)

            return self.restorer(image, progress=on_tiles)

        restored = run(image, 0)
        while restored.passes < self.passes and not restored.degenerate:
            again = run(restored.image, restored.passes)
            if again.degenerate:
                break
            seconds = restored.seconds + again.seconds
            restored = replace(again, passes=restored.passes + 1, seconds=seconds)
        return restored
