"""What a photograph carries beside its pixels: colour profile, EXIF, XMP, resolution, texts."""

import io
import logging
import re
import struct
import warnings
import zlib
from dataclasses import dataclass, replace
from typing import Any

from tfdeblur import limits
from tfdeblur.errors import InvalidInput
from tfdeblur.image import camera_raw, containers, exif, heif, jpeg_beside, tiff
from tfdeblur.image.header import Header

logger = logging.getLogger(__name__)

# Chunks of a PNG that say how its colours are meant, and texts; the profile is kept apart.
_PNG_CHUNKS = (b"sRGB", b"gAMA", b"cHRM", b"cICP", b"mDCV", b"cLLI", b"tEXt", b"zTXt", b"iTXt")
XMP_KEYWORD = b"XML:com.adobe.xmp"
_INCH = 0.0254  # metres
_XMP_TURN = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)[2-8]")
_PROFILE_SPACES = {b"GRAY": (1,), b"RGB ": (3,)}


@dataclass(frozen=True)
class Metadata:
    """What is written again beside the restored pixels, made for an upright photograph.

    Attributes:
        profile: bytes of the ICC colour profile, or None.
        exif: bytes of the EXIF block ("II*.." or "MM.*"), or None.
        xmp: bytes of the XMP packet, or None.
        resolution: float, pixels per inch across and down; None where the file does not say.
        chunks: kind and body of a PNG's chunks about colours, and of its texts.
    """

    profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    resolution: tuple[float, float] | None = None
    chunks: tuple[tuple[bytes, bytes], ...] = ()

    def for_channels(self, colours: int) -> "Metadata":
        """The same without a profile that is of other colours (1 is gray, 3 RGB)."""
        if self.profile is None or colours in _PROFILE_SPACES.get(self.profile[16:20], ()):
            return self
        space = self.profile[16:20].decode("latin-1").strip()
        logger.warning("The colour profile is dropped: it is one of %s colours.", space)
        return replace(self, profile=None)


def read_metadata(data: bytes, header: Header, name: str) -> Metadata:
    """Reads what the file of a photograph carries; what is damaged is left out, and told.

    Args:
        data: the whole file, decoded before.
        header: of it.
        name: what to call it in logs.
    """
    reader = {"png": _of_png, "tiff": _of_tiff, "raw": _of_raw}.get(header.format, _of_pillow)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, about what is dropped here
            found = reader(data, header, name)
    except Exception as error:  # parsers of others, on what the pixels do not depend on
        logger.warning("%s: its metadata are damaged and dropped (%s).", name, error)
        return Metadata()
    block, xmp = found.exif, found.xmp
    resolution = found.resolution or (exif.resolution(block) if block else None)
    if block is not None:
        block = exif.upright(block, header.orientation)
        if block is None:
            logger.warning("%s: its EXIF data are damaged and dropped.", name)
    if xmp is not None:
        xmp = _XMP_TURN.sub(rb"\g<1>1", xmp)
        if header.left_out:
            xmp = jpeg_beside.without_places(xmp)
    if resolution and header.orientation >= 5:
        resolution = resolution[::-1]
    return replace(found, exif=block, xmp=xmp, resolution=resolution)


def _of_pillow(data: bytes, header: Header, name: str) -> Metadata:
    """Of JPEG, WebP, BMP, HEIC and AVIF."""
    from PIL import BmpImagePlugin, JpegImagePlugin, WebPImagePlugin

    if header.format in ("heif", "avif"):
        info: dict[str, Any] = heif.metadata_of(data, name)
    else:
        plugin: Any = {
            "jpeg": JpegImagePlugin.JpegImageFile,
            "webp": WebPImagePlugin.WebPImageFile,
            "bmp": BmpImagePlugin.BmpImageFile,
        }[header.format]
        info = plugin(io.BytesIO(data)).info
    block = info.get("exif")
    return Metadata(
        info.get("icc_profile") or None,
        block.removeprefix(b"Exif\0\0") if block else None,
        info.get("xmp") or None,
        _jfif_resolution(info) if header.format == "jpeg" else _positive(info.get("dpi")),
    )


def _jfif_resolution(info: dict[str, Any]) -> tuple[float, float] | None:
    across, down = info.get("jfif_density", (0, 0))
    scale = {1: 1.0, 2: 2.54}.get(info.get("jfif_unit", 0), 0.0)
    return _positive((across * scale, down * scale))


def _positive(pair: Any) -> tuple[float, float] | None:
    return (float(pair[0]), float(pair[1])) if pair and min(pair) > 0 else None


def _of_png(data: bytes, header: Header, name: str) -> Metadata:
    profile = block = xmp = resolution = None
    chunks = []
    for kind, body in containers.png_chunks(data, name):
        if kind == b"iCCP":
            profile = _inflated(body[body.index(b"\0") + 2 :])
        elif kind == b"eXIf":
            block = body.removeprefix(b"Exif\0\0")
        elif kind == b"iTXt" and body.startswith(XMP_KEYWORD + b"\0"):
            xmp = _text(body)
        elif kind == b"pHYs":
            across, down, unit = struct.unpack(">IIB", body)
            resolution = _positive((across * _INCH, down * _INCH)) if unit == 1 else None
        elif kind in _PNG_CHUNKS:
            chunks.append((kind, body))
    return Metadata(profile, block, xmp, resolution, tuple(chunks))


def _text(body: bytes) -> bytes:
    """The text of an iTXt chunk: keyword, packed or not, how, language, translation, text."""
    packed = body[len(XMP_KEYWORD) + 1]
    text = body[len(XMP_KEYWORD) + 3 :].split(b"\0", 2)[2]
    return _inflated(text) if packed else text


def _inflated(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    found = unpacker.decompress(data, limits.MOST_BYTES_OF_A_PROFILE)
    if not unpacker.eof:
        raise InvalidInput("packed data that are too long or cut off")
    return found


def _of_tiff(data: bytes, header: Header, name: str) -> Metadata:
    _, page = tiff.open_page(data, name)
    xmp = page.tags.valueof(700)
    xmp = xmp.encode() if isinstance(xmp, str) else bytes(xmp) if xmp else None
    return Metadata(page.iccprofile, exif.of_tiff(data), xmp)


def _of_raw(data: bytes, header: Header, name: str) -> Metadata:
    """EXIF of those that are TIFFs inside, as most are."""
    is_tiff = data[:4] in (b"II*\0", b"MM\0*") and camera_raw.is_raw(data, name)
    block = exif.of_tiff(data) if is_tiff else None
    # LibRaw has turned it by the same mark, which `upright` is to reset.
    return Metadata(exif=block)
