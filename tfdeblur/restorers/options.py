"""How to restore: every option that a kind of restorers may take (standard library only)."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from tfdeblur.errors import InvalidInput


@dataclass(frozen=True)
class RestoringOptions:
    """How to restore, whatever with; what is left as it is here says nothing.

    Attributes:
        tile, memory_budget_bytes, precision: of `Restorer` and `BlindRestorer`.
        self_ensemble: of `Restorer`.
        passes: int >= 1, how often the result is restored again; None: once.
        levels, early_stop: of `BlindRestorer`.
        tolerance, max_steps: of the solver, in the place of a model's own.
        beta, rasterizer: of `KnownFlow`.
    """

    tile: int | None = None
    memory_budget_bytes: int | None = None
    precision: str = "auto"
    self_ensemble: bool = False
    passes: int | None = None
    levels: int | None = None
    early_stop: bool = True
    tolerance: float | None = None
    max_steps: int | None = None
    beta: float | None = None
    rasterizer: str | None = None

    def recorded(self, *more: str) -> dict[str, Any]:
        """What a report says of how was restored: those of all networks, and `more`."""
        names = ["tile", "precision", *more]
        if self.memory_budget_bytes is not None:
            names.append("memory_budget_bytes")
        return {name: getattr(self, name) for name in names}

    def given(self) -> dict[str, Any]:
        """Those that say anything, as keyword arguments."""
        return given(dataclasses.asdict(self))


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `options` that say anything, also of others than `RestoringOptions` has."""
    silent = {field.name: field.default for field in dataclasses.fields(RestoringOptions)}
    silent["passes"] = 1
    return {
        name: value
        for name, value in options.items()
        if value is not None and (value != silent[name] if name in silent else value is not False)
    }


_ALONE = "works with --known-flow only, without --model"
_SOLVER = "works with --known-flow only, or with an RP-GAN model"
_MODELS = "works with --model only"
_RP_GAN = "works with RP-GAN models only (folders that hold pipeline.json)"
# Why an option, or something that was asked for beside the result, is refused; in the order in
# which they are looked at.
WHY = {
    "known_flow": "this model restores without any motion flow; give an RP-GAN model (a folder "
    "that holds pipeline.json), or leave --model out to restore by deconvolution",
    "beta": _ALONE,
    "rasterizer": _ALONE,
    "tolerance": _SOLVER,
    "max_steps": _SOLVER,
    "passes": _MODELS,
    "tile": _MODELS,
    "memory_budget_bytes": _MODELS,
    "precision": f"{_MODELS}, and not with ONNX files, which are run in float32",
    "self_ensemble": f"{_MODELS}, and not with RP-GAN models",
    "levels": _RP_GAN,
    "early_stop": _RP_GAN,
    "confidence": f"{_RP_GAN}: nothing else estimates the motion",
    "flow": "works with RP-GAN models and --known-flow only: this model estimates no motion",
}

# What is no news to those that do not take the option.
ANYWAY: dict[str, Any] = {"precision": "float32"}

Precision = Literal["auto", "float32", "bfloat16"]


class Options(TypedDict, total=False):
    """Options of `Restorer.from_preset`, for editors and type checkers; see `RestoringOptions`."""

    tile: int | None
    memory_budget_bytes: int | None
    precision: Precision
    self_ensemble: bool
    passes: int | None
    levels: int | None
    early_stop: bool
    tolerance: float | None
    max_steps: int | None


class OptionRefused(InvalidInput):
    """An option means nothing for the kind of restorers that is to take it.

    Attributes:
        option: str, its name.
        why: str, which kinds it is for.
    """

    def __init__(self, option: str, text: str):
        super().__init__(text)
        self.option = option
        self.why = WHY.get(option, "means nothing for this model")
