"""Networks that are read from files: to begin a run with, or to work beside the one in training."""

from pathlib import Path

import keras

import tfdeblur.networks  # noqa: F401 (registers our classes for loading)
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models.place import find_place
from tfdeblur.models.preset_files import load_preset
from tfdeblur.models.shipped import holds_preset, shipped_names


def find_network(where, file, argument):
    """Path of a `.keras` file.

    Args:
        where: the file itself, or a run folder.
        file: str, name of the file in a run folder.
        argument: str, what errors call `where`.

    Raises:
        DataError: if it is neither, or the run has kept no network yet.
    """
    path = Path(where).expanduser()
    if path.is_dir():
        path = path / file
    if not path.is_file():
        raise DataError(
            f"`{argument}` must be a run folder that holds {file}, or a .keras file. "
            f"Received: {where}. There is no {path}."
        )
    return path


def load_network(path, kind, argument):
    """Loads a network of the class `kind`, without its optimizer.

    Raises:
        DataError: if the file cannot be loaded.
        InvalidInput: if it holds another network.
    """
    try:
        network = keras.saving.load_model(path, compile=False)
    except Exception as error:  # keras raises what zip, h5 and its own code do
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"{path} cannot be loaded as a Keras model: {reason}") from error
    return _checked(network, kind, argument, path)


def _checked(network, kind, argument, path):
    if not isinstance(network, kind):
        raise InvalidInput(
            f"`{argument}` must hold a {kind.__name__}. Received: {path}, which holds a "
            f"{type(network).__name__}."
        )
    return network


def find_initial(where, file):
    """Where the weights that a run begins with lie.

    Args:
        where: name or folder of a preset, a run folder, or a `.keras` file.
        file: str, name of the file in a run folder.

    Returns:
        Path of a preset's folder or of a `.keras` file.

    Raises:
        DataError: if it is none of them, or the run has kept no network yet.
    """
    folder = find_place(where).folder
    if folder is not None and holds_preset(folder):
        return folder
    try:
        return find_network(where, file, "run.init")
    except DataError as error:
        raise DataError(f"{error} Presets that are shipped: {shipped_names()}.") from error


def begin_with(network, path):
    """Gives a fresh network the weights of a trained one.

    Args:
        network: what takes the weights. Of a SEN that has fewer stacks the first ones are taken.
        path: `.keras` file, or folder of a preset; see `find_initial`.

    Raises:
        DataError: if it cannot be loaded.
        InvalidInput: if it holds a network of another class or of other sizes.
    """
    if path.is_dir():
        trained = _checked(load_preset(path), type(network), "run.init", path)
    else:
        trained = load_network(path, type(network), "run.init")
    ours, theirs = [network], [trained]
    if hasattr(network, "estimators"):
        ours, theirs = network.estimators, trained.estimators
    try:
        for to, source in zip(ours, theirs, strict=False):
            to.set_weights(source.get_weights())
    except ValueError as error:
        raise InvalidInput(
            "`run.init` must hold a network of the same settings. Received: "
            f"{path}, {_differences(trained.get_config(), network.get_config())}. Leave these "
            "settings out: they come with --init."
        ) from error


def _differences(theirs, ours):
    """In words, but for the names that Keras gives."""
    return ", ".join(
        f"{name}: {theirs.get(name)} there, {ours.get(name)} here"
        for name in ours
        if name != "name" and theirs.get(name) != ours.get(name)
    )
