"""Weights as float16 in an .npz file: written the same each time, checked before they are read.

Each array is written as two planes of bytes, all low ones and then all high ones ("byte shuffle" of
HDF5), uint8 `(2, *shape)`: packed, trained weights take 8 % less so. Files of float16 arrays, as
format 1 of presets had them, are read as well.
"""

import io
import math
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from tfdeblur.errors import DataError, InvalidInput

_TYPE = np.dtype("<f2")
_PLANES = np.dtype("|u1")
_ENDING = ".npy"
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def weights_by_path(network) -> dict[str, Any]:
    """The variables of a network by the key that each has in a weights file.

    The key is Keras's path of the variable: the names of the layers that it is in, and its own
    (`down0_conv/kernel`), without the network's name. Where networks share one graph, as the
    stacks of SEN do, a path that comes again gets "#2", "#3" in the order of `network.weights`.
    Metrics and the states of random generators are no weights.
    """
    found: dict[str, Any] = {}
    times: dict[str, int] = {}
    weights = network.weights
    root = f"{network.name}/"
    rooted = all(variable.path.startswith(root) for variable in weights)
    for variable in weights:
        path = variable.path.removeprefix(root) if rooted else variable.path
        times[path] = times.get(path, 0) + 1
        found[path if times[path] == 1 else f"{path}#{times[path]}"] = variable
    return found


def write_weights(file: BinaryIO, values: Mapping[str, np.ndarray]) -> None:
    """Writes arrays of floats as float16: the same values always give the same bytes.

    Raises:
        InvalidInput: if a value is NaN or infinite, or becomes so as float16.
    """
    with zipfile.ZipFile(file, "w") as archive:
        for key, value in values.items():
            data = _as_npy(_to_planes(_to_half(key, value)))
            entry = zipfile.ZipInfo(key + _ENDING)  # its time is always 1980
            # Smaller than uncompressed: by a sixth of trained weights, and by the headers.
            archive.writestr(entry, data, compress_type=zipfile.ZIP_DEFLATED, compresslevel=9)


def read_weights(
    file: BinaryIO, path, shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[tuple[str, np.ndarray]]:
    """Reads what `write_weights` wrote, one array at a time, after all headers have been checked.

    Args:
        file: the file, opened for reading.
        path: its path, for messages.
        shapes: by key: all that must be there.

    Yields:
        Key and float32 array, in the order of `shapes`.

    Raises:
        DataError: if an array is missing, not asked for, there twice, not of that shape, neither
            float16 nor its planes, not finite, or if the file is damaged. Before the first array is
            yielded it is known that the file holds the right ones.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = _check_names(archive, path, shapes)
            for key, shape in shapes.items():
                _open_checked(archive, entries[key], path, key, shape)[0].close()
            for key, shape in shapes.items():
                entry, planes = _open_checked(archive, entries[key], path, key, shape)
                with entry:
                    yield key, _read_array(entry, planes, path, key, shape)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # zip, zlib and the parser of headers raise what they like
        raise DataError(f"{path} is damaged: {_line(error)}") from error


def _to_half(key: str, value: np.ndarray) -> np.ndarray:
    value = np.asarray(value)
    with np.errstate(over="ignore"):
        half = value.astype(_TYPE)
    if not np.isfinite(half).all():
        raise InvalidInput(
            f"`network` must have finite weights, at most {np.finfo(_TYPE).max}, which is what "
            f"float16 holds. Received: {key!r} from {np.min(value)} to {np.max(value)}"
        )
    return half


def _to_planes(half: np.ndarray) -> np.ndarray:
    pairs = np.ascontiguousarray(half).view(_PLANES).reshape(*half.shape, 2)
    return np.moveaxis(pairs, -1, 0)


def _as_npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), (1, 0), allow_pickle=False)
    return buffer.getvalue()


def _check_names(
    archive: zipfile.ZipFile, path, shapes: Mapping[str, Any]
) -> dict[str, zipfile.ZipInfo]:
    entries = {info.filename.removesuffix(_ENDING): info for info in archive.infolist()}
    if len(entries) != len(archive.infolist()):
        raise DataError(f"{path} is damaged: it holds an array twice.")
    for keys, what in (
        (shapes.keys() - entries.keys(), "lacks weights that the network has"),
        (entries.keys() - shapes.keys(), "holds weights that the network has not"),
    ):
        if keys:
            raise DataError(
                f"{path} {what}, {len(keys)} in all, such as {min(keys)!r}: it belongs to another "
                "network, or the two were made by different versions of tfdeblur."
            )
    return entries


def _open_checked(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path, key: str, shape
) -> tuple[Any, bool]:
    """Opens an array behind its header, of which nothing is believed: it takes no memory yet.

    The second value says whether it is in planes.
    """
    if info.compress_type not in _READABLE:
        raise DataError(f"{path} is damaged: {key!r} is packed in a way that is not written here.")
    entry = archive.open(info)
    version = np.lib.format.read_magic(entry)
    if version != (1, 0):
        raise DataError(f"{path} is damaged: {key!r} is of .npy version {version}, not (1, 0).")
    found, by_columns, kind = np.lib.format.read_array_header_1_0(entry)
    if kind not in (_TYPE, _PLANES) or by_columns:
        raise DataError(f"{path}: {key!r} must be float16 or its planes, by rows. Received: {kind}")
    planes = kind == _PLANES
    if found != ((2, *shape) if planes else tuple(shape)):
        raise DataError(
            f"{path}: {key!r} must be of shape {tuple(shape)}. Received: {found}"
            f"{', the first axis of which is the planes' if planes else ''}. The file belongs to "
            "another network."
        )
    if info.file_size - entry.tell() != math.prod(shape) * _TYPE.itemsize:
        raise DataError(f"{path} is damaged: {key!r} is not as long as its header says.")
    return entry, planes


def _read_array(entry: Any, planes: bool, path, key: str, shape) -> np.ndarray:
    size = math.prod(shape) * _TYPE.itemsize
    data = entry.read(size)
    entry.read(1)  # at the end of an entry its checksum is compared
    if len(data) != size:
        raise DataError(f"{path} is damaged: {key!r} ends early.")
    if planes:
        data = np.frombuffer(data, _PLANES).reshape(2, -1).T.tobytes()
    value = np.frombuffer(data, _TYPE).reshape(shape).astype(np.float32)
    if not np.isfinite(value).all():
        raise DataError(f"{path}: {key!r} holds NaN or infinite values.")
    return value


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
