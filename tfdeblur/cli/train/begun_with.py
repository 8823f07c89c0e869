"""What `--init` says about the network to be trained (standard library only)."""

import dataclasses
import json
import zipfile
from pathlib import Path
from typing import Any

from tfdeblur.config.sections import NetworkConfig
from tfdeblur.models.place import find_place
from tfdeblur.models.shipped import GENERATOR_FILE, NETWORK_FILE

_MODELS = {"tfdeblur>BiSkip": "biskip", "tfdeblur>Maxim": "maxim"}


def begun_with(init: str) -> tuple[str | None, dict[str, Any]]:
    """The kind of network that gives its weights, and its settings.

    A run that goes on from it must have the same ones, so nobody should have to repeat them.

    Args:
        init: preset, run folder or `.keras` file.

    Returns:
        What `--model` would say, and settings by dotted name; None and nothing of a network that
        is neither Bi-Skip nor MAXIM, or cannot be read: why not is told where it is loaded.
    """
    try:
        described = _described(init)
        model, config = _MODELS.get(described["registered_name"]), dict(described["config"])
    except (OSError, ValueError, LookupError, TypeError, zipfile.BadZipFile):
        return None, {}
    if model is None:
        return None, {}
    fields = [one for one in dataclasses.fields(NetworkConfig) if one.name in config]
    return model, {f"network.{one.name}": _plain(config[one.name], one.default) for one in fields}


def _described(init: str) -> dict[str, Any]:
    place = find_place(init)
    path = Path(init).expanduser() if place.folder is None else place.folder
    if (path / NETWORK_FILE).is_file():
        return json.loads((path / NETWORK_FILE).read_text())
    with zipfile.ZipFile(path / GENERATOR_FILE if path.is_dir() else path) as file:
        return json.loads(file.read("config.json"))


def _plain(value: Any, usual: Any) -> Any:
    """As a setting says it, where Keras has lists, and None for what is as usual."""
    if value is None:
        return usual
    return tuple(value) if isinstance(value, list) else value
