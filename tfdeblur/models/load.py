"""Finds and loads the networks behind a preset name, a run folder or a file."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models.shipped import (
    GENERATOR_FILE,
    NETWORK_FILE,
    holds_preset,
    shipped_folder,
    shipped_names,
)

if TYPE_CHECKING:
    from tfdeblur.restorers.blind.one_pass import BlindSettings

SEN_FILE = "sen.keras"
PIPELINE_FILE = "pipeline.json"  # its presence makes a folder one of RP-GAN


def load_network(name_or_path):
    """Loads the network behind a preset's name or folder, a run folder or a `.keras` file.

    Raises:
        InvalidInput: if nothing of that name exists.
        DataError: if a run has no generator yet, a file cannot be loaded, or its network does
            not restore images by itself.
    """
    path = _generator_path(name_or_path)
    network = _load(path) if path.is_file() else _load_preset(path)
    _check_restores_alone(network, path)
    return network


def is_blind_model(name_or_path) -> bool:
    """Whether this is the folder (or preset) of an RP-GAN, to be loaded with `load_blind`."""
    folder = _folder(name_or_path)
    return folder is not None and (folder / PIPELINE_FILE).exists()


def load_blind(name_or_path) -> tuple[Any, Any, "BlindSettings"]:
    """Loads SEN, the generator and the settings of an RP-GAN.

    Args:
        name_or_path: name of a preset or path of a folder that holds `pipeline.json`.

    Returns:
        SEN, generator and `BlindSettings`.

    Raises:
        DataError: if a file is missing or broken, or a network is not what it must be.
    """
    folder = _folder(name_or_path)
    if folder is None:
        raise DataError(f"{name_or_path} is no folder; one of RP-GAN holds {PIPELINE_FILE}.")
    settings = _read_settings(folder / PIPELINE_FILE)
    for name, why in (
        (GENERATOR_FILE, "its training has not finished an epoch yet"),
        (SEN_FILE, "the network that estimates the motion is missing: copy it from its run"),
    ):
        if not (folder / name).is_file():
            raise DataError(f"{folder} holds {PIPELINE_FILE} but no {name}: {why}.")
    sen, generator = _load(folder / SEN_FILE), _load(folder / GENERATOR_FILE)
    _check_channels(sen, folder / SEN_FILE, "SEN", (3, 2))
    _check_channels(generator, folder / GENERATOR_FILE, "the generator of RP-GAN", (6, 3))
    return sen, generator, settings


def _read_settings(path: Path) -> "BlindSettings":
    from tfdeblur.restorers.blind.one_pass import BlindSettings

    try:
        return BlindSettings.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, InvalidInput) as error:
        raise DataError(f"{path} cannot be read as settings of RP-GAN: {error}") from error


def _load_preset(folder: Path):
    from tfdeblur.models.preset_files import load_preset  # numpy: help texts import this module

    return load_preset(folder)


def _load(path: Path):
    import keras

    import tfdeblur.networks  # noqa: F401 (registers our classes for loading)

    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # keras raises what zip, h5 and its own code do
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"{path} cannot be loaded as a Keras model: {reason}") from error


def _check_restores_alone(network, path: Path) -> None:
    """Networks that are parts of RP-GAN take or give something else than one image."""
    channels = _channels(network)
    if channels == (3, 2):
        raise DataError(
            f"{path} is a SEN: it estimates the motion of a photograph and restores none. Train "
            "RP-GAN with it (`tfdeblur train --model rpgan --sen ...`)."
        )
    if channels == (6, 3):
        raise DataError(
            f"{path} is the generator of an RP-GAN and restores nothing by itself. Give the "
            f"folder that also holds {SEN_FILE} and {PIPELINE_FILE}."
        )


def _check_channels(network, path: Path, what: str, wanted: tuple[int, int]) -> None:
    received = _channels(network)
    if received != wanted:
        raise DataError(
            f"{path} is not {what}: that has {wanted[0]} channels in and {wanted[1]} out. "
            f"Received: {received}"
        )


def _channels(network) -> tuple[int | None, int | None]:
    """Channels in and out; None where a network does not tell."""
    shapes = (getattr(network, side, None) for side in ("input_shape", "output_shape"))
    into, out = (s[-1] if isinstance(s, tuple) and len(s) == 4 else None for s in shapes)
    return into, out


def _folder(name_or_path) -> Path | None:
    """The folder of a shipped preset or of a run; None where it is neither."""
    shipped = shipped_folder(str(name_or_path))
    if shipped is not None:
        return shipped
    path = Path(name_or_path)
    # Path("") is this folder; an empty name is one that was forgotten.
    return path if os.fspath(name_or_path) and path.is_dir() else None


def _generator_path(name_or_path) -> Path:
    """The file of the network, or the folder where it is a preset of `preset_files`."""
    folder, path = _folder(name_or_path), Path(name_or_path)
    if folder is not None:
        if holds_preset(folder):
            return folder
        if (folder / GENERATOR_FILE).is_file():
            return folder / GENERATOR_FILE
        if (folder / SEN_FILE).is_file():
            return folder / SEN_FILE  # refused later, by what it is
        raise DataError(
            f"{path} holds no {GENERATOR_FILE}. It is no run folder, or its training has not "
            f"finished an epoch yet; nor is it a preset ({NETWORK_FILE})."
        )
    if path.is_file() and path.suffix == ".keras":
        return path
    raise InvalidInput(
        f"No model {str(name_or_path)!r}: it must be a preset ({shipped_names()}), a preset's "
        f"folder (it holds {NETWORK_FILE}), a run folder (it holds {GENERATOR_FILE}) or a .keras "
        "file. Train one with `tfdeblur train`."
    )
