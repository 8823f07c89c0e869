"""HEIC (extra `heif`) and AVIF (Pillow): one container, two codecs."""

import io
from functools import cache
from typing import TYPE_CHECKING, Any

from tfdeblur.errors import InvalidInput
from tfdeblur.image.header import Header

if TYPE_CHECKING:  # suffixes are asked for before anything is loaded
    import numpy as np

HEIC_SUFFIXES = frozenset((".heic", ".heif", ".hif"))
AVIF_SUFFIXES = frozenset((".avif",))
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx")
_AVIF_BRANDS = (b"avif", b"avis")
HINT = "install the extra heif (pip install 'tfdeblur[heif]'), or convert them to PNG or JPEG"


@cache
def is_available() -> bool:
    """Whether HEIC can be decoded."""
    from importlib.util import find_spec

    return find_spec("pillow_heif") is not None


@cache
def avif_is_available() -> bool:
    """Whether this build of Pillow decodes AVIF."""
    from PIL import features

    return bool(features.check("avif"))


def is_heif(data: bytes) -> bool:
    """Whether a file is HEIC or AVIF by its first bytes."""
    return data[4:8] == b"ftyp" and data[8:12] in (*_HEIC_BRANDS, *_AVIF_BRANDS)


def header(data: bytes, name: str) -> Header:
    """What a HEIC or AVIF file promises; it is upright once decoded.

    Raises:
        InvalidInput: if its decoder is not installed, or does not know the file.
    """
    if _is_avif(data):
        return _avif_header(data, name)
    image = _open_heic(data, name)
    width, height = image.size
    bits = 16 if image.info.get("bit_depth", 8) > 8 else 8
    channels = 4 if image.has_alpha else 3
    left_out = _left_out(image.info)
    return Header("heif", height, width, bits, channels, pictures=len(image), left_out=left_out)


def _left_out(info: dict[str, Any]) -> str:
    """What lies beside the picture, by pillow-heif's `info`."""
    found = []
    if any("gainmap" in str(kind).lower() for kind in info.get("aux") or ()):
        found.append("the gain map for HDR screens")
    if info.get("depth_images"):
        found.append("the depth map")
    return " and ".join(found)


def decode(data: bytes, name: str) -> "np.ndarray":
    """Decodes the main picture, upright.

    Returns:
        uint8 or uint16 `(height, width, 1, 3 or 4)` over the full range: more than 8 bits
        become 16.

    Raises:
        InvalidInput: if that cannot be done.
    """
    import numpy as np

    try:
        if _is_avif(data):
            return _decode_avif(data, name)
        image = _open_heic(data, name)
        values = np.asarray(image)
        bits = image.info.get("bit_depth", 8)
    except InvalidInput:
        raise
    except Exception as error:  # the libraries raise whatever they meet in damaged data
        raise _damaged(name, error) from error
    if bits > 8:  # libheif's levels were moved up to the top bits
        whole = (1 << bits) - 1
        levels = values.astype(np.uint32) >> (16 - bits)
        values = ((levels * 65535 + whole // 2) // whole).astype(np.uint16)
    return values if values.ndim == 3 else values[..., None]


def metadata_of(data: bytes, name: str) -> dict[str, Any]:
    """What Pillow's readers call `info`: "exif", "icc_profile", "xmp" where they are there."""
    image = _open_avif(data, name) if _is_avif(data) else _open_heic(data, name)
    return dict(image.info)


def _is_avif(data: bytes) -> bool:
    length = int.from_bytes(data[:4], "big")
    brands = data[8 : max(16, min(int(length), 256))]
    return any(brands[at : at + 4] in _AVIF_BRANDS for at in range(0, len(brands), 4))


def _open_heic(data: bytes, name: str) -> Any:
    if not is_available():
        raise InvalidInput(f"{name} is a HEIC file. To restore such files, {HINT}.")
    import pillow_heif

    try:
        return pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    except Exception as error:
        raise _damaged(name, error) from error


def _avif_header(data: bytes, name: str) -> Header:
    image = _open_avif(data, name)
    height, width = image.size[::-1]
    # Pillow gives 8 bits whatever there are: the codec's own box tells (AV1-ISOBMFF, sec. 2.3).
    box = data.find(b"av1C")
    if 0 <= box < len(data) - 7 and data[box + 6] & 0x40:
        raise InvalidInput(
            f"{name} is an AVIF of more than 8 bits, which are not read. Convert it to 16-bit PNG."
        )
    turn = image.getexif().get(0x0112, 1)
    pictures = getattr(image, "n_frames", 1)
    channels = 4 if "A" in image.mode else 3
    return Header("avif", height, width, 8, channels, turn if turn in range(1, 9) else 1, pictures)


def _open_avif(data: bytes, name: str) -> Any:
    if not avif_is_available():
        raise InvalidInput(f"{name} is an AVIF file, which this build of Pillow does not read.")
    from PIL import AvifImagePlugin

    try:
        return AvifImagePlugin.AvifImageFile(io.BytesIO(data))
    except Exception as error:
        raise _damaged(name, error) from error


def _decode_avif(data: bytes, name: str) -> "np.ndarray":
    import numpy as np

    return np.asarray(_open_avif(data, name))


def _damaged(name: str, error: Exception) -> InvalidInput:
    return InvalidInput(f"{name} is damaged or cut off: {' '.join(str(error).split())[:120]}.")
