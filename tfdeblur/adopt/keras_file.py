"""`.keras` files of others: looked through before Keras loads them, then frozen."""

import hashlib
import io
import json
import math
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfdeblur import limits
from tfdeblur.adopt.graph_def import FrozenGraph
from tfdeblur.adopt.session import first_line
from tfdeblur.adopt.source import Source
from tfdeblur.convert.package import open_package, read_licences
from tfdeblur.errors import DataError, InvalidInput

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = {_CONFIG, _WEIGHTS, "metadata.json"}
# Layers that hold programs, or networks in other files.
_REFUSED = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "FlaxLayer", "JaxLayer", "__lambda__"}


def read_keras(path: Path, tell: Callable[[str], None]) -> Source:
    """Reads a `.keras` file, with the licences in its folder.

    Raises:
        InvalidInput: if it is a network of this project, which `--model` takes as it is.
        DataError: if it is none, cut, or too large; if it holds anything but layers of Keras.
    """
    tell(f"reading {path}")
    with open_package(path.resolve().parent, npm="PACKAGE") as beside:
        data = beside.read(path.resolve().name, limits.MOST_BYTES_OF_CONSTANTS)
        licences = read_licences(beside)
    config = _read_members(data, str(path))
    _check_classes(config, str(path))
    _check_claims(config, str(path))
    graph, outputs = _freeze(path)
    digests = {path.name: hashlib.sha256(data).hexdigest()}
    return Source("Keras file", str(path), FrozenGraph(graph), outputs, licences, digests)


def _read_members(data: bytes, where: str) -> Any:
    """The description of the network; the weights beside it are looked at only."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            others = sorted(sizes.keys() - _MEMBERS)
            if others:
                raise DataError(
                    f"{where} is refused: it holds files of its own ({others[0]:.100})."
                )
            if (
                sum(sizes.values()) > limits.MOST_BYTES_OF_CONSTANTS
                or sizes.get(_CONFIG, 0) > limits.MOST_BYTES_OF_CONFIG
            ):
                raise DataError(f"{where} is refused: it unpacks to too many bytes.")
            config = json.loads(archive.read(_CONFIG))
            _check_weights(io.BytesIO(archive.read(_WEIGHTS)), where)
            return config
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is damaged: {_CONFIG} in it is no JSON: {error}") from error
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, RuntimeError) as error:
        reason = str(error).strip("'\"")
        raise DataError(f"{where} is no Keras file (.keras), or is cut: {reason}") from error


def _check_weights(file: io.BytesIO, where: str) -> None:
    """A few bytes may claim to be an array of any size, or name a file elsewhere."""
    import h5py

    total = 0

    def visit(group: Any, depth: int = 0) -> None:
        nonlocal total
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink) or depth > limits.MOST_DEPTH:
                raise DataError(f"{where} is refused: {name:.100} in its weights is a link.")
            held = group[name]
            if isinstance(held, h5py.Group):
                visit(held, depth + 1)
            elif not isinstance(held, h5py.Dataset) or held.external or held.is_virtual:
                raise DataError(f"{where} is refused: {name:.100} lies in another file.")
            else:
                total += held.nbytes
                if total > limits.MOST_BYTES_OF_CONSTANTS:
                    raise DataError(f"{where} is refused: its weights claim {total:.3g} bytes.")

    try:
        with h5py.File(file, "r") as weights:
            visit(weights)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{where} is damaged: {_WEIGHTS} in it: {first_line(error)}") from error


def _check_classes(config: Any, where: str) -> None:
    """Only what Keras itself brings is built; nothing else is even looked up."""
    for found in _classes(config):
        name, module = str(found.get("class_name")), found.get("module")
        registered = found.get("registered_name")
        if str(registered).startswith("tfdeblur>"):
            raise InvalidInput(
                f"`source` is a network of this project, which --model takes as it is: "
                f"`--model {where}`. Received: source={where!r}"
            )
        if name in _REFUSED:
            raise DataError(
                f"{where} is refused: it holds a {name:.60}, which is a program or lies in another "
                "file. Build the network of layers and operations of Keras, or save it there as a "
                "SavedModel (`model.export`), and adopt that."
            )
        own = name == "function" or (registered is not None and registered != name)
        if own or (module is not None and not f"{module}.".startswith("keras.")):
            raise DataError(
                f"{where} is refused: it uses {str(registered or name):.100} of "
                f"{str(module):.100}, which is not of Keras. What others have programmed is not "
                "loaded; where it is installed, save the network as a SavedModel (`model.export`), "
                "and adopt that."
            )


def _classes(value: Any) -> Iterator[dict[str, Any]]:
    """All objects that a description names."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            if "class_name" in one:
                yield one
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)


def _check_claims(config: Any, where: str) -> None:
    """Builds the network without weights, and adds up what they would be."""
    import keras

    def build() -> tuple[Any, list[tuple[int, ...]]]:
        # Within it weights are not made before they are asked for.
        with keras.StatelessScope(initialize_variables=False):
            network = keras.saving.deserialize_keras_object(config, safe_mode=True)
            return network, [tuple(variable.shape) for variable in network.variables]

    try:
        # Keras keeps a list of weights to be made, for each thread, and makes all of them when any
        # other network is built there: those of a refused one must go with their thread.
        with ThreadPoolExecutor(1) as pool:
            network, shapes = pool.submit(build).result()
    # It raises what it comes upon in the description: ValueError, TypeError, KeyError...
    except Exception as error:
        raise DataError(f"{where} describes no network of Keras: {first_line(error)}") from error
    if not isinstance(network, keras.Model):
        raise DataError(f"{where} describes no network of Keras: {type(network).__name__}")
    total = 4 * sum(map(math.prod, shapes))
    if total > limits.MOST_BYTES_OF_CONSTANTS:
        raise DataError(f"{where} is refused: it describes weights of {total:.3g} bytes.")


def _freeze(path: Path) -> tuple[Any, tuple[str, ...]]:
    """The graph with its weights as constants, and its results."""
    import keras
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
        specs = [tf.TensorSpec(one.shape, one.dtype, one.name) for one in network.inputs]

        def run(*images):
            return network(images[0] if len(images) == 1 else list(images), training=False)

        called = tf.function(run, input_signature=specs, autograph=False)
        frozen = convert_variables_to_constants_v2(called.get_concrete_function())
    except Exception as error:  # as above
        raise DataError(f"{path} cannot be loaded by Keras: {first_line(error)}") from error
    return frozen.graph.as_graph_def(), tuple(tensor.name for tensor in frozen.outputs)
