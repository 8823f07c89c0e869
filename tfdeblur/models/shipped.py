"""Which presets are shipped, and which one is the default.

Loads the standard library only: `--help` and `tfdeblur presets` read it.
"""

import os
from pathlib import Path

from tfdeblur.errors import DataError, InvalidInput

DEFAULT_PRESET = "maxim"
WEIGHTS_FOLDER = Path(__file__).parents[1] / "weights"

GENERATOR_FILE = "generator.keras"  # of training runs, and of presets that are a copy of one
NETWORK_FILE = "network.json"  # these four: see preset_files
WEIGHTS_FILE = "weights.npz"
CARD_FILE = "card.json"
README_FILE = "README.md"


def shipped_presets() -> list[str]:
    """Names of all presets of this installation, sorted."""
    if not WEIGHTS_FOLDER.is_dir():
        return []
    folders = (folder for folder in WEIGHTS_FOLDER.iterdir() if folder.is_dir())
    return sorted(
        folder.name
        for folder in folders
        # Hidden ones are those that `save_preset` has begun.
        if not folder.name.startswith(".")
        and (holds_preset(folder) or (folder / GENERATOR_FILE).is_file())
    )


def shipped_names() -> str:
    """The same as text, for messages."""
    return ", ".join(shipped_presets()) or "none are shipped in this installation"


def shipped_folder(name: str) -> Path | None:
    """Folder of a shipped preset; None if there is none of that name."""
    return WEIGHTS_FOLDER / name if name in shipped_presets() else None


def holds_preset(folder: str | os.PathLike[str]) -> bool:
    """Whether `folder` is one that `save_preset` wrote, complete or not."""
    return any((Path(folder) / file).is_file() for file in (NETWORK_FILE, WEIGHTS_FILE))


def checked_name(name: str) -> str:
    """Returns `name`.

    Raises:
        InvalidInput: if no preset of that name is shipped, with those that are.
    """
    if name not in shipped_presets():
        raise InvalidInput(f"No preset {name!r} is shipped. There are: {shipped_names()}")
    return name


def default_model() -> str:
    """Name of the preset that is taken where no model is named.

    Raises:
        DataError: if this installation lacks it.
    """
    if DEFAULT_PRESET not in shipped_presets():
        raise DataError(
            f"No model was named, and the default preset {DEFAULT_PRESET!r} is not in this "
            f"installation: {WEIGHTS_FOLDER / DEFAULT_PRESET} is missing or empty. Install "
            "tfdeblur again, or name a model: a training run or a .keras file (--model). "
            f"Shipped presets: {shipped_names()}"
        )
    return DEFAULT_PRESET
