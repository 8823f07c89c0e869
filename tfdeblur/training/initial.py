"""Networks that are read from files: to begin a run with, or to work beside the one in training."""

import tempfile
from pathlib import Path

import numpy as np

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.atomic import write_atomically
from tfdeblur.models.load import SEN_FILE, load_file_or_preset, sen_within
from tfdeblur.models.place import find_place
from tfdeblur.models.shipped import holds_preset, shipped_names, shipped_presets
from tfdeblur.near import did_you_mean, did_you_mean_path


def find_network(where, file, argument):
    """Where a trained network lies.

    Args:
        where: a `.keras` file, a run folder, or the name or folder of a preset.
        file: str, name of the file in a run folder.
        argument: str, what errors call `where`.

    Returns:
        Path of a `.keras` file or of a preset's folder.

    Raises:
        DataError: if it is none of them, or the run has kept no network yet.
    """
    path = Path(where).expanduser()
    folder = find_place(where).folder or path
    within = sen_within(folder) if file == SEN_FILE else None
    if within is not None:
        return within
    if holds_preset(folder):
        return folder
    if path.is_dir():
        path = path / file
    if not path.is_file():
        hint = did_you_mean(str(where), shipped_presets()) or did_you_mean_path(where)
        raise DataError(
            f"`{argument}` must be a run folder that holds {file}, a .keras file, or a preset "
            f"({shipped_names()}). Received: {where}. There is no {path}.{hint}"
        )
    return path


def load_network(path, kind, argument):
    """Loads a network of the class `kind`, without its optimizer.

    Args:
        path: `.keras` file, or folder of a preset.
        kind: the class.
        argument: str, what errors call it.

    Raises:
        DataError: if the file cannot be loaded.
        InvalidInput: if it holds another network.
    """
    return _checked(load_file_or_preset(path), kind, argument, path)


def copy_network(path, to):
    """Writes a network, a `.keras` file or a preset, as the file `to`, whole or not at all."""
    if path.is_file():
        write_atomically(to, path.read_bytes())
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / to.name
        load_file_or_preset(path).save(file)
        write_atomically(to, file.read_bytes())


def is_copy(path, copied):
    """Whether a `.keras` file is what `copy_network` made of a network, as far as it decides."""
    if path.is_file():
        return path.read_bytes() == copied.read_bytes()
    here, there = (load_file_or_preset(one).get_weights() for one in (path, copied))
    return len(here) == len(there) and all(map(np.array_equal, here, there))


def _checked(network, kind, argument, path):
    if not isinstance(network, kind):
        raise InvalidInput(
            f"`{argument}` must hold a {kind.__name__}. Received: {path}, which holds a "
            f"{type(network).__name__}."
        )
    return network


def begin_with(network, path):
    """Gives a fresh network the weights of a trained one.

    Args:
        network: what takes the weights. Of a SEN that has fewer stacks the first ones are taken.
        path: `.keras` file, or folder of a preset; see `find_network`.

    Raises:
        DataError: if it cannot be loaded.
        InvalidInput: if it holds a network of another class or of other sizes.
    """
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
