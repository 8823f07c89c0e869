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
        model: name or path.
        protocol: "gopro" or "flow"; None: what the model is for.
        options: how to restore.
        data: what is measured.
        blur: for photographs, which are blurred.
        json: file for all numbers, or None.
        panels: folder for pictures, or None.
        verbose: whether to log details.
    """

    model: str
    protocol: str | None
    options: RestoringOptions
    data: DataSettings
    blur: BlurSettings
    json: Path | None
    panels: Path | None
    verbose: bool

    @classmethod
    def read(cls, arguments: argparse.Namespace) -> "EvaluateSettings":
        """Of the parsed options.

        Raises:
            InvalidInput: if the report could not be written.
            DataError: if no model is named, and this installation lacks the default preset.
        """
        # Cheap checks first: nothing is worse than an hour of work that cannot be written.
        _check_json_path(arguments.json)
        return read_settings(
            cls,
            arguments,
            model=settled(arguments.model),
            options=restoring_options(arguments),
            data=read_settings(DataSettings, arguments),
            blur=read_settings(BlurSettings, arguments),
        )


def _check_json_path(path: Path | None) -> None:
    if path is None:
        return
    if path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        raise InvalidInput(
            "`--json` must name a file in a folder that exists and can be written to. "
            f"Received: json={str(path)!r}"
        )
