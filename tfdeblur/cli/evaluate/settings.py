"""The options of `tfdeblur evaluate`, read once."""

import argparse
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tfdeblur.cli.common import read_settings
from tfdeblur.cli.measuring.data import DataSettings
from tfdeblur.cli.restoring import restoring_options, settled
from tfdeblur.errors import InvalidInput
from tfdeblur.restorers.options import RestoringOptions

FILES = ("json", "csv", "markdown", "latex", "html")  # that may be written


@dataclass(frozen=True)
class BlurSettings:
    """How photographs are blurred to be measured on; None where nothing was said.

    Attributes:
        blur_law: of the motions.
        blur_extent: pixels, ceiling on the motions.
        blur_strength: range of motions.
    """

    blur_law: str | None
    blur_extent: float | None
    blur_strength: str | None

    def given(self) -> dict[str, Any]:
        """Those that were given."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class EvaluateSettings:
    """What `tfdeblur evaluate` is to do.

    Attributes:
        models: names or paths; empty if folders of outputs alone are scored.
        outputs: folders of finished images, each DIR or NAME=DIR.
        protocol: how to measure; None: what the model is for.
        options: how to restore.
        data: what is measured.
        blur: for photographs, which are blurred.
        json, csv, markdown, latex, html: file for all numbers, a table, a page; or None.
        panels: folder for pictures, or None.
        verbose: whether to log details.
    """

    models: tuple[str, ...]
    outputs: tuple[str, ...]
    protocol: str | None
    options: RestoringOptions
    data: DataSettings
    blur: BlurSettings
    json: Path | None
    csv: Path | None
    markdown: Path | None
    latex: Path | None
    html: Path | None
    panels: Path | None
    verbose: bool

    @property
    def model(self) -> str:
        """The one model that is measured."""
        return self.models[0]

    @property
    def compares(self) -> bool:
        """Whether systems are set side by side, and not one model measured by itself."""
        tables = (self.csv, self.markdown, self.latex, self.html)
        others = self.protocol not in (None, "gopro", "flow")
        return bool(self.outputs) or len(self.models) > 1 or others or any(tables)

    def recorded(self) -> dict[str, Any]:
        """What a report says of how was restored."""
        options = self.options
        return {
            **options.recorded("self_ensemble", "passes", "levels"),
            "no_early_stop": not options.early_stop,
        }

    @classmethod
    def read(cls, arguments: argparse.Namespace) -> "EvaluateSettings":
        """Of the parsed options.

        Raises:
            InvalidInput: if the report could not be written.
            DataError: if no model is named, and this installation lacks the default preset.
        """
        # Cheap checks first: nothing is worse than an hour of work that cannot be written.
        for name in FILES:
            _check_file(name, getattr(arguments, name))
        models = arguments.model or ([] if arguments.outputs else [settled(None)])
        return read_settings(
            cls,
            arguments,
            models=tuple(models),
            options=restoring_options(arguments),
            data=read_settings(DataSettings, arguments),
            blur=read_settings(BlurSettings, arguments),
        )


def _check_file(name: str, path: Path | None) -> None:
    if path is None:
        return
    if path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        raise InvalidInput(
            f"`--{name}` must name a file in a folder that exists and can be written to. "
            f"Received: {name}={str(path)!r}"
        )
