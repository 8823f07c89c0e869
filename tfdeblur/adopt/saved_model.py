"""SavedModels: placeholder for now."""

from collections.abc import Callable
from pathlib import Path

from tfdeblur.adopt.source import Source
from tfdeblur.errors import DataError

SAVED_MODEL_FILE = "saved_model.pb"


def read_saved_model(path: Path, tell: Callable[[str], None]) -> Source:
    """Refuses a SavedModel: they are not taken yet."""
    raise DataError(f"{path} is a SavedModel, which is not taken yet: give a frozen graph (.pb).")
