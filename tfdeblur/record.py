"""`run.json`, the record of a training run (standard library only)."""

import json
import os
import shlex
from pathlib import Path
from typing import Any

from tfdeblur.errors import DataError

RECORD = "run.json"


def resume_command(folder: Path) -> str:
    """The command that goes on with a run."""
    return f"tfdeblur train --run {shlex.quote(str(folder))} --resume"


def read_record(folder: Path) -> dict[str, Any]:
    """What `run.json` of a run folder holds.

    Raises:
        DataError: if it is missing or broken.
    """
    try:
        return json.loads((folder / RECORD).read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} holds no readable {RECORD}: {error}") from None


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Writes `run.json` as a whole or not at all."""
    beside = folder / f".{RECORD}-{os.getpid()}"
    beside.write_text(json.dumps(record, indent=2) + "\n")
    os.replace(beside, folder / RECORD)
