"""Motion flows in files: NumPy's .npz and Middlebury's .flo. Needs NumPy alone to read."""

import io
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tfdeblur import limits
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.atomic import write_atomically
from tfdeblur.image.flow_formats import FORMATS

_FLO_MAGIC = np.float32(202021.25).astype("<f4").tobytes()
_FLO_UNKNOWN = 1e9  # larger components mark pixels whose flow is not known
_ENTRY = "flow"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest date of a zip file


def read_flow(path: str | os.PathLike[str]) -> np.ndarray:
    """Reads a flow from a file named *.npz (array "flow") or *.flo.

    Args:
        path: of the file.

    Returns:
        float32 `(height, width, 2)`, pixels, u to the right and v down, as stored: either
        sign. `operators.canonical_flow` picks one.

    Raises:
        DataError: if the file is missing or cannot be read.
        InvalidInput: if its name has another suffix, or it holds no sound flow.

    Source: Baker et al., A database and evaluation methodology for optical flow, IJCV 2011,
        for .flo.
    """
    path = Path(path)
    decode = {"npz": _decode_npz, "flo": _decode_flo}[_format_of(path)]
    try:
        data = path.read_bytes()
    except IsADirectoryError as error:
        raise InvalidInput(f"{path} is a folder; a flow file is needed.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    return _checked(decode(data, str(path)), str(path))


def write_flow(path: str | os.PathLike[str], flow: np.ndarray) -> None:
    """Writes a flow to a file, as a whole or not at all; its suffix says in which format.

    Args:
        path: *.npz or *.flo.
        flow: float `(height, width, 2)`, pixels.

    Raises:
        DataError: if the file cannot be written.
        InvalidInput: if the suffix is another one or `flow` is not what it must be.
    """
    write_atomically(path, encode_flow(flow, _format_of(Path(path))))


def encode_flow(flow: np.ndarray, format: str) -> bytes:
    """The bytes of a flow file; equal flows give equal bytes.

    Args:
        flow: float or int `(height, width, 2)`, pixels, finite; stored as float32.
        format: "npz" or "flo".

    Raises:
        InvalidInput: if `flow` or `format` is not what it must be.
    """
    if format not in FORMATS:
        raise InvalidInput(
            f"`format` must be one of {', '.join(FORMATS)}. Received: format={format!r}"
        )
    flow = _checked(np.asarray(flow), "`flow`")
    if format == "flo":
        size = np.array(flow.shape[1::-1], "<i4")
        return _FLO_MAGIC + size.tobytes() + flow.astype("<f4").tobytes()
    array, archive = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array(array, flow.astype("<f4"), version=(1, 0), allow_pickle=False)
    with zipfile.ZipFile(archive, "w") as file:
        # Not np.savez_compressed: it is not said to leave out the time of day.
        entry = zipfile.ZipInfo(f"{_ENTRY}.npy", date_time=_LONG_AGO)
        entry.compress_type = zipfile.ZIP_DEFLATED
        file.writestr(entry, array.getvalue())
    return archive.getvalue()


def _format_of(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix[1:] not in FORMATS:
        raise InvalidInput(f"{path} must end in .npz or .flo. Received: {path.suffix!r}")
    return suffix[1:]


def _decode_flo(data: bytes, name: str) -> np.ndarray:
    if data[:4] != _FLO_MAGIC:
        raise InvalidInput(
            f"{name} is no Middlebury .flo file: it must begin with {_FLO_MAGIC!r}. "
            f"Received: {data[:4]!r}"
        )
    width, height = (int.from_bytes(data[i : i + 4], "little", signed=True) for i in (4, 8))
    if len(data) < 12 or width < 1 or height < 1:
        raise InvalidInput(f"{name} is damaged: its header gives no size.")
    expected = 12 + 8 * width * height
    if len(data) != expected:
        fault = "cut off" if len(data) < expected else "damaged"
        raise InvalidInput(
            f"{name} is {fault}: {width} x {height} pixels need {expected} bytes. "
            f"Received: {len(data)}"
        )
    return np.frombuffer(data, "<f4", offset=12).reshape(height, width, 2)


def _decode_npz(data: bytes, name: str) -> np.ndarray:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [info.filename.removesuffix(".npy") for info in archive.infolist()]
            if names.count(_ENTRY) != 1:
                found = ", ".join(names) or "none"
                one = "one" if _ENTRY in names else "an"
                raise InvalidInput(f'{name} must hold {one} array "{_ENTRY}". Received: {found}')
            info = archive.infolist()[names.index(_ENTRY)]
            with archive.open(info) as entry:
                _check_header(entry, info, name)
            with archive.open(info) as entry:
                return np.lib.format.read_array(entry, allow_pickle=False)
    except InvalidInput:
        raise
    except Exception as error:  # zip, its compressions and NumPy's parser raise what they like
        raise InvalidInput(f"{name} is damaged, or no .npz file of plain arrays.") from error


def _check_header(entry: Any, info: zipfile.ZipInfo, name: str) -> None:
    """Refuses what is no flow before memory is taken for it."""
    version = np.lib.format.read_magic(entry)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]  # (3, 0) is for names that are no Latin: those of records, not of numbers
    shape, _, dtype = read(entry)
    _check_kind(shape, dtype, name)
    if shape[0] * shape[1] > limits.MOST_PIXELS_OF_A_FLOW:
        raise InvalidInput(
            f"{name} has {shape[1]}x{shape[0]} pixels; at most {limits.MOST_PIXELS_OF_A_FLOW} "
            f"are accepted."
        )
    if info.file_size - entry.tell() != math.prod(shape) * dtype.itemsize:
        raise ValueError("not as long as its header says")


def _check_kind(shape: tuple[int, ...], dtype: np.dtype, name: str) -> None:
    if len(shape) != 3 or shape[-1] != 2 or 0 in shape:
        raise InvalidInput(f"{name} must be a flow (height, width, 2). Received: {shape}")
    if dtype.kind not in "fiu":
        raise InvalidInput(f"{name} must be a flow of numbers. Received: dtype={dtype}")


def _checked(flow: np.ndarray, name: str) -> np.ndarray:
    """The flow as float32 in the machine's byte order, or an error that begins with `name`."""
    _check_kind(flow.shape, flow.dtype, name)
    # Compared as float32: half precision has no 1e9, and a byte no opposite of its least number.
    with np.errstate(over="ignore"):
        flow = flow.astype(np.float32)
    bad = ~(np.abs(flow) <= _FLO_UNKNOWN)  # also true of NaN
    if bad.any():
        raise InvalidInput(
            f"{name} must be known and finite everywhere. Received: "
            f"{int(bad.any(axis=-1).sum())} pixels with NaN or more than 1e9, which marks "
            "unknown flow"
        )
    return flow
