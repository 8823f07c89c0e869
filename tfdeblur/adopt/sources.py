"""Tells what a source is, by what lies there, and reads it."""

import os
from collections.abc import Callable
from pathlib import Path

from tfdeblur.adopt.source import Source
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models.formats import what_it_is

TAKEN = (
    "a TensorFlow.js graph model (the folder of model.json, or the .tgz of `npm pack`), a "
    "SavedModel (the folder of saved_model.pb), a frozen graph (.pb), a Keras file (.keras) or an "
    "ONNX file (.onnx)"
)


def read_source(source: str | os.PathLike[str], tell: Callable[[str], None]) -> Source:
    """Reads a network of any format that is taken; nothing in it is run.

    Raises:
        InvalidInput: if nothing lies there, or something else.
        DataError: if it is damaged, incomplete or refused.
    """
    from tfdeblur.adopt.frozen import read_frozen
    from tfdeblur.adopt.keras_file import read_keras
    from tfdeblur.adopt.onnx.read import read_onnx
    from tfdeblur.adopt.saved_model import SAVED_MODEL_FILE, read_saved_model
    from tfdeblur.adopt.tensorflow_js import read_tensorflow_js

    name = os.fspath(source)
    path = Path(name)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        is_folder = is_file = False
    if not name or not (is_folder or is_file):
        raise InvalidInput(
            f"`source` must be {TAKEN}. Received: source={name!r}, which is neither a file nor a "
            "folder"
        )
    if path.name == "model.json" or path.name == SAVED_MODEL_FILE:
        path, is_folder = path.resolve().parent, True
    if is_folder and (path / SAVED_MODEL_FILE).exists():
        return read_saved_model(path, tell)
    if is_folder and not any((path / f).exists() for f in ("model.json", "models/model.json")):
        raise DataError(f"{path} holds no model. A source is {TAKEN}.")
    if is_folder or path.name.endswith((".tgz", ".tar.gz")):
        return read_tensorflow_js(path, tell)
    suffix = path.suffix.lower()
    if suffix == ".pb":
        return read_frozen(path, tell)
    if suffix == ".keras":
        return read_keras(path, tell)
    if suffix == ".onnx":
        return read_onnx(path, tell)
    other = what_it_is(path) or "something else, by its name"
    raise InvalidInput(f"`source` must be {TAKEN}. Received: source={name!r}: {other}.")
