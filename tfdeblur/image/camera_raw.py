"""Raw files of cameras, developed by LibRaw (extra `raw`)."""

import io
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.errors import InvalidInput
from tfdeblur.image.header import Header

if TYPE_CHECKING:  # suffixes are asked for before anything is loaded
    import numpy as np

SUFFIXES = frozenset(
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef "
    ".raf .rw2 .rwl .sr2 .srf .srw .x3f".split()
)
# Of those that are no TIFFs by their first bytes: Fujifilm, Olympus, Panasonic, Sigma, Minolta.
_SIGNATURES = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")
_CANON = ((8, b"CR\x02"), (6, b"HEAPCCDR"), (4, b"ftypcrx "))
HINT = "install the extra raw (pip install 'tfdeblur[raw]'), or develop them first, to 16-bit TIFF"


@cache
def is_available() -> bool:
    """Whether LibRaw is installed."""
    from importlib.util import find_spec

    return find_spec("rawpy") is not None


def is_raw(data: bytes, name: str) -> bool:
    """Whether a file is a camera's raw file, by its first bytes or by its name.

    By name as well: many begin as a TIFF does, whose first picture is a small preview.
    """
    told = data.startswith(_SIGNATURES) or any(
        data[place : place + len(mark)] == mark for place, mark in _CANON
    )
    return told or (Path(name).suffix.lower() in SUFFIXES and not data.startswith(b"\x89PNG"))


def header(data: bytes, name: str) -> Header:
    """What a raw file promises: its size once it is developed and upright.

    Raises:
        InvalidInput: if LibRaw is not installed, or does not know the file.
    """
    with _open(data, name) as raw:
        height, width = raw.sizes.height, raw.sizes.width
        if raw.sizes.flip in (5, 6):
            height, width = width, height
        return Header("raw", height, width, 16, 3)


def decode(data: bytes, name: str) -> "np.ndarray":
    """Develops a raw file with the white balance of the camera, as sRGB.

    Brightness is that of the exposure: nothing is stretched from picture to picture.

    Returns:
        uint16 `(height, width, 3)`, upright.

    Raises:
        InvalidInput: if LibRaw is not installed, or cannot develop the file.
    """
    import rawpy

    with _open(data, name) as raw:
        try:
            return raw.postprocess(
                use_camera_wb=True,
                no_auto_bright=True,
                output_bps=16,
                output_color=rawpy.ColorSpace.sRGB,
                gamma=(2.4, 12.92),  # the curve of sRGB
            )
        except rawpy.LibRawError as error:
            raise _unknown(name, error) from error


def _open(data: bytes, name: str) -> Any:
    if not is_available():
        raise InvalidInput(f"{name} is the raw file of a camera. To restore such files, {HINT}.")
    import rawpy

    try:
        return rawpy.imread(io.BytesIO(data))
    except rawpy.LibRawError as error:
        raise _unknown(name, error) from error


def _unknown(name: str, error: Exception) -> InvalidInput:
    reason = error.args[0] if error.args else error
    reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    return InvalidInput(
        f"{name} is the raw file of a camera that LibRaw cannot develop ({reason}). Develop it "
        "first, to 16-bit TIFF or PNG."
    )
