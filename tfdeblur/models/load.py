"""Finds and loads the networks behind a preset name, a run folder or a file."""

import json
import zipfile
from pathlib import Path
from typing import Any

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models.formats import what_it_is
from tfdeblur.models.place import Place, find_place
from tfdeblur.models.preset_card import bfloat16_cost
from tfdeblur.models.shipped import (
    GENERATOR_FILE,
    NETWORK_FILE,
    holds_preset,
    shipped_folder,
    shipped_names,
    shipped_presets,
)
from tfdeblur.near import did_you_mean, did_you_mean_path
from tfdeblur.record import RECORD, resume_command

SEN_FILE = "sen.keras"
SEN_PRESET = "sen"  # the same as a preset: a folder within one of RP-GAN
_SEN_NAME = "tfdeblur>SEN"
_PROBE = (64, 96)  # height and width in pixels that networks of five halvings take
PIPELINE_FILE = "pipeline.json"  # its presence makes a folder one of RP-GAN


def unfinished_text(folder: Path) -> str:
    """Why a run has no network yet, and what to do."""
    return f"its training has not finished an epoch yet. Go on with it: {resume_command(folder)}"


def load_network(model: Any) -> Any:
    """Loads a network that restores by itself.

    Args:
        model: name or folder of a preset, run folder or `.keras` file; or its `Place`.

    Raises:
        InvalidInput: if nothing of that name exists.
        DataError: if a run has no generator yet, a file cannot be loaded, or its network does
            not restore images by itself: it takes or gives something else than one image, or
            gives another size.
    """
    path = _generator_path(model if isinstance(model, Place) else find_place(model))
    network = load_file_or_preset(path)
    if path.name == GENERATOR_FILE:
        network.bfloat16_costs_db = bfloat16_cost(path.parent, (GENERATOR_FILE,))
    _check_restores_alone(network, path)
    if not type(network).__module__.startswith("tfdeblur."):
        check_image_to_image(network, path)
    return network


def no_such_model(name: str) -> InvalidInput:
    """The error for a model that is not there, or is none."""
    hint = did_you_mean(name, shipped_presets()) or did_you_mean_path(name)
    return InvalidInput(
        f"No model {name!r}: it must be a preset ({shipped_names()}), a preset's folder (it "
        f"holds {NETWORK_FILE}), a run folder (it holds {GENERATOR_FILE}) or a .keras file. Train "
        f"one with `tfdeblur train`, or take somebody else's with `tfdeblur adopt`.{hint}"
    )


def find_sen(model: str) -> tuple[Path | None, bool]:
    """The SEN behind a name, and whether there is no network beside it.

    Args:
        model: preset, folder of a preset or a run, or file.

    Returns:
        Path of a `.keras` file or of a preset's folder, or None; and True where the model is a
        SEN and nothing else: RP-GAN's folder holds a SEN as well.
    """
    path = Path(model).expanduser()
    folder = shipped_folder(model) or path
    if is_sen_preset(folder):
        return folder, True
    sen = sen_within(folder)
    if sen is not None:
        return sen, not (holds_preset(folder) or (folder / GENERATOR_FILE).is_file())
    return (path, True) if _is_sen_file(path) else (None, False)


def sen_within(folder: Path) -> Path | None:
    """The SEN that a run, or a preset of RP-GAN, holds: `sen.keras`, or the preset in `sen/`."""
    if (folder / SEN_FILE).is_file():
        return folder / SEN_FILE
    return folder / SEN_PRESET if holds_preset(folder / SEN_PRESET) else None


def is_sen_preset(folder: Path) -> bool:
    """Whether a folder is the preset of a SEN; looked up without loading a framework."""
    try:
        described = json.loads((folder / NETWORK_FILE).read_bytes())
        return described.get("registered_name") == _SEN_NAME
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def _is_sen_file(path: Path) -> bool:
    """Whether a .keras file says that it is a SEN; looked up without loading a framework."""
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json")).get("registered_name") == _SEN_NAME
    except (OSError, ValueError, KeyError, AttributeError, zipfile.BadZipFile):
        return False  # whatever it is, it is refused or loaded as what else it may be


def load_file_or_preset(path: Path) -> Any:
    """Loads a `.keras` file, or the preset in a folder.

    Raises:
        DataError: if it cannot be loaded.
    """
    if path.is_file():
        return load_keras(path)
    from tfdeblur.models.preset_files import load_preset  # numpy: help texts import this module

    return load_preset(path)


def load_keras(path: Path) -> Any:
    """Loads a `.keras` file.

    Raises:
        DataError: if it cannot be loaded.
    """
    import keras

    import tfdeblur.networks  # noqa: F401 (registers our classes for loading)

    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # keras raises what zip, h5 and its own code do
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        what = what_it_is(path)
        hint = f". It is {what}." if what else ""
        raise DataError(f"{path} cannot be loaded as a Keras model: {reason}{hint}") from error


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


def check_image_to_image(network, path: Path) -> None:
    """Runs somebody's network on a small image, once: what is no image then is told by its name.

    Raises:
        DataError: if it does not make one image of the same size and channels of it.
    """
    from keras import ops

    takes = getattr(network, "input_shape", None)
    if not isinstance(takes, tuple) or len(takes) != 4 or takes[1:3] != (None, None):
        received = f"{len(takes)} inputs" if isinstance(takes, list | dict) else f"shape {takes}"
        raise DataError(
            f"{path} must take one image of any size, of shape (None, None, None, 3). Received: "
            f"{received}. What takes one size only can be taken with `tfdeblur adopt`."
        )
    shape = (1, *_PROBE, takes[3] or 3)
    try:
        given = network(ops.zeros(shape, "float32"), training=False)
    except Exception as error:  # keras raises what its layers and their own code do
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"{path} cannot be run on an image of {_size(shape)}: {reason}") from error
    if isinstance(given, list | tuple | dict):
        raise DataError(
            f"{path} must give one image. Received: {len(given)} outputs. Save a model that has "
            "the restored image as its only output."
        )
    if len(given.shape) != 4 or tuple(given.shape[1:3]) != _PROBE:
        raise DataError(
            f"{path} must give an image of the size that it takes. Received: shape "
            f"{tuple(given.shape)} for an image of {shape}. Networks that enlarge or reduce do "
            "not restore in place; scale their output in the model."
        )
    if shape[3] != 3 or given.shape[3] != 3:
        raise DataError(
            f"{path} must take and give 3 channels, RGB. Received: {shape[3]} in, "
            f"{given.shape[3]} out"
        )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[2]}x{shape[1]} pixels"


def check_channels(network, path: Path, what: str, wanted: tuple[int, int]) -> None:
    """Raises DataError if a network has other channels in and out than `wanted`."""
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


def _generator_path(place: Place) -> Path:
    """The file of the network, or the folder where it is a preset of `preset_files`."""
    folder = place.folder
    if folder is not None:
        if holds_preset(folder):
            return folder
        if place.holds(GENERATOR_FILE):
            return folder / GENERATOR_FILE
        if place.holds(SEN_FILE):
            return folder / SEN_FILE  # refused later, by what it is
        _refuse_others(folder, place.name)
        if place.holds(RECORD):
            raise DataError(
                f"{Path(place.name)} holds no {GENERATOR_FILE}: {unfinished_text(folder)}"
            )
        raise DataError(
            f"{Path(place.name)} holds no {GENERATOR_FILE}: it is neither a run folder nor a "
            f"preset ({NETWORK_FILE})."
        )
    if place.path is not None and place.path.is_file() and place.path.suffix == ".keras":
        return place.path
    if place.path is not None:
        _refuse_others(place.path, place.name)
    raise no_such_model(place.name)


def _refuse_others(path: Path, name: str) -> None:
    """Tells models of other formats what they are."""
    what = what_it_is(path)
    if what is not None:
        raise InvalidInput(f"`model` must be a model of this project. {name!r} is {what}.")
