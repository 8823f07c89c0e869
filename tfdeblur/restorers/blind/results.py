"""What blind deblurring returns, and how it is put together from the images of a batch."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfdeblur.restorers.protocol import (
    DegenerateOutputWarning,
    NotConvergedWarning,
    Restored,
    Stage,
)

_CALLER = 7  # of a restorer's `__call__`: above `warn`, `_restore`, and `calling`


@dataclass(frozen=True, repr=False)
class BlindRestored(Restored):
    """What a `BlindRestorer` returns; for a batch, numbers are tuples with one entry per image.

    `flow` and `confidence` are those of the first pass: the blur of the photograph itself.
    `passes` counts those that are in the result.

    Attributes:
        score: float in [0, 1], confidence of the whole image, of the first pass.
        stages: the images of all levels of all passes, if they were asked for.
        steps: int, iterations of all deconvolutions together.
        residual: float, the worst relative residual of them, dimensionless.
        converged: bool, whether all reached the tolerance.
        remark: str, one line on what there is to tell (not converged, stopped early, a pass that
            was left out); "" otherwise.
    """

    passes: Any = 1
    score: Any = 0.0
    stages: tuple[Stage, ...] = ()
    steps: Any = 0
    residual: Any = 0.0
    converged: Any = True
    remark: str = ""


@dataclass
class Found:
    """The state of one image: as it came, or after the passes that are in it.

    Attributes as those of `BlindRestored`, for one image; `passes` is 0 where none is.
    """

    image: np.ndarray
    flow: np.ndarray
    confidence: np.ndarray
    score: float = 0.0
    passes: int = 0
    steps: int = 0
    residual: float = 0.0
    converged: bool = True
    remarks: list[str] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    degenerate: bool = False


def warn(found: list[Found]) -> None:
    """Python warnings about a whole call: what nobody reads in `remark` is not silent."""

    def of(places):
        return f"images {places} of the batch" if len(found) > 1 else "the image"

    bad = [i for i, one in enumerate(found) if one.degenerate]
    if bad:
        warnings.warn(
            f"The result for {of(bad)} is degenerate ({found[bad[0]].remarks[0]}); the input is "
            "returned in its place.",
            DegenerateOutputWarning,
            stacklevel=_CALLER,
        )
    short = [i for i, one in enumerate(found) if not one.converged]
    if short:
        warnings.warn(
            f"{of(short)}: {found[short[0]].remarks[0]}.",
            NotConvergedWarning,
            stacklevel=_CALLER,
        )


def single(found: Found, seconds: float) -> BlindRestored:
    """The result of one image."""
    values = {**vars(found), "remark": "; ".join(found.remarks), "stages": tuple(found.stages)}
    del values["remarks"]
    return BlindRestored(**{**values, "passes": max(1, found.passes)}, seconds=seconds)


def joined(found: list[Found], seconds: float) -> BlindRestored:
    """The result of a batch."""
    each = [single(one, 0.0) for one in found]

    def all_of(name):
        return tuple(getattr(one, name) for one in each)

    remarks = (f"image {i}: {one.remark}" for i, one in enumerate(each) if one.remark)
    names = ("score", "passes", "steps", "residual", "converged", "degenerate")
    values: dict[str, Any] = {name: all_of(name) for name in names}
    for name in ("image", "flow", "confidence"):
        values[name] = np.stack(all_of(name))
    return BlindRestored(**values, remark="; ".join(remarks), seconds=seconds)
