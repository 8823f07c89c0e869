"""Finds and loads the network behind a preset name, a run folder or a file."""

from pathlib import Path

from tfdeblur.errors import DataError, InvalidInput

WEIGHTS_FOLDER = Path(__file__).parents[1] / "weights"
GENERATOR_FILE = "generator.keras"


def load_network(name_or_path):
    """Loads the network behind a preset name, a run folder or a `.keras` file.

    Raises:
        InvalidInput: if nothing of that name exists.
        DataError: if a run has no generator yet, or the file cannot be loaded.
    """
    path = _generator_path(name_or_path)
    import keras

    import tfdeblur.networks  # noqa: F401 (registers our classes for loading)

    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # keras raises what zip, h5 and its own code do
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"{path} cannot be loaded as a Keras model: {reason}") from error


def _generator_path(name_or_path) -> Path:
    path = Path(name_or_path)
    shipped = sorted(folder.parent.name for folder in WEIGHTS_FOLDER.glob(f"*/{GENERATOR_FILE}"))
    if str(name_or_path) in shipped:
        return WEIGHTS_FOLDER / path / GENERATOR_FILE
    if path.is_dir():
        if (path / GENERATOR_FILE).is_file():
            return path / GENERATOR_FILE
        raise DataError(
            f"{path} holds no {GENERATOR_FILE}. It is no run folder, or its training has not "
            "finished an epoch yet."
        )
    if path.is_file() and path.suffix == ".keras":
        return path
    names = ", ".join(shipped) if shipped else "none are shipped yet"
    raise InvalidInput(
        f"No model {str(name_or_path)!r}: it must be a preset ({names}), a run folder (it holds "
        f"{GENERATOR_FILE}) or a .keras file. Train one with `tfdeblur train`."
    )
