"""`run.json`, the record of a training run (standard library only)."""

import json
import os
from pathlib import Path
from typing import Any

from tfdeblur.errors import DataError

RECORD = "run.json"


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
