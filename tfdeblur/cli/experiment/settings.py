"""The options of `tfdeblur experiment`, read once: what all have in common, and what each adds."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tfdeblur.cli.common import read_settings
from tfdeblur.cli.measuring.data import DataSettings
from tfdeblur.cli.restoring import restoring_options
from tfdeblur.restorers.options import RestoringOptions


@dataclass(frozen=True)
class ExperimentSettings:
    """What every experiment is to do.

    Attributes:
        data: what is measured.
        size: pixels, of the middle of each image; 0: all of it.
        out: folder for the results.
        model: name or path; None: none is needed, or it was forgotten.
        options: how to restore; its `levels` may be more than the model has.
        verbose: whether to log details.
    """

    data: DataSettings
    size: int
    out: Path
    model: str | None
    options: RestoringOptions
    verbose: bool

    @classmethod
    def read(cls, arguments: argparse.Namespace) -> Self:
        """Of the parsed options."""
        return read_settings(
            cls,
            arguments,
            data=read_settings(DataSettings, arguments),
            # Of the study, not of how each image is restored.
            options=restoring_options(arguments, without=("beta", "passes")),
        )


@dataclass(frozen=True)
class PassesSettings(ExperimentSettings):
    """With the `passes` to run."""

    passes: int


@dataclass(frozen=True)
class OracleSettings(ExperimentSettings):
    """With the `beta`s of deconvolution alone."""

    beta: tuple[float, ...]


@dataclass(frozen=True)
class PenaltySettings(ExperimentSettings):
    """With the model that was trained `without` the penalty."""

    without: str | None


@dataclass(frozen=True)
class DeepPriorSettings(ExperimentSettings):
    """With what `DeepPrior` takes."""

    variants: tuple[str, ...]
    input: str
    steps: int
    rate: float
    width: float
    seed: int
