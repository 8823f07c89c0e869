"""TIFF files in: every kind of pixel is read right, or refused by its name.

tifffile and imagecodecs unpack; what the numbers mean (polarity, palette, inks, planes, extra
samples) is settled here. Source: TIFF revision 6.0, 1992; libtiff's tags for what came after.
"""

import io
import logging
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.image import containers, exif
from tfdeblur.image.header import Header, cut_off

_GRAYS, _WHITE_IS_ZERO, _RGB, _PALETTE, _INKS, _YCBCR = (0, 1), 0, 2, 3, 5, 6
_CAMERA = (32803, 34892)  # kinds of colour: a sensor's mosaic, and what was made of one
_DNG_VERSION, _SUB_DIRECTORIES, _LARGEST_SAMPLE, _INK_SET = 50706, 330, 341, 332
_ASSOCIATED, _UNASSOCIATED = 1, 2
_JPEG, _WEBP = 7, 50001
# Others would unpack to a size of their own, which nothing checks before memory is taken.
_COMPRESSIONS = {1, 2, 3, 4, 5, _JPEG, 8, 32773, 32946, 34925, 34926, 50000, _WEBP}
_BITS = (1, 2, 4, 8, 10, 12, 14, 16)
# Size, bits, packing, colours, strips, samples, planes, tiles, palette, extra samples, tables.
_OF_PIXELS = {*(256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324)}
_OF_PIXELS |= {325, 332, 338, 339, 341, 347, 530}
_FORMATS = {1: "unsigned", 2: "signed", 3: "floating", 4: "undefined", 5: "complex", 6: "complex"}
_INTEGERS = {1, 4}  # kinds of samples: unsigned, and undefined, which is read as unsigned

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it sees is told in our words


@dataclass(frozen=True)
class Pixels:
    """What was decoded.

    Attributes:
        values: uint8 or uint16 `(height, width, channels)` over its full range: gray or RGB, and
            the extra channel where there is one.
        extra: what that channel is: "" (none), "alpha", "unnamed" (not said).
        largest: int, the largest level that the file announces, of 16 bits; None: none.
    """

    values: np.ndarray
    extra: str
    largest: int | None = None


def open_page(data: bytes, name: str) -> tuple[Any, Any]:
    """The file and its first picture in full size, as tifffile has them.

    Raises:
        InvalidInput: if it is damaged, or a camera's raw file under another name.
    """
    import tifffile

    try:
        file: Any = tifffile.TiffFile(io.BytesIO(data), _multifile=False)
        pages: list[Any] = list(file.pages)
        if _DNG_VERSION in pages[0].tags:
            raise _raw(name)
        page = next((one for one in pages if not one.is_reduced and not one.is_mask), None)
        if page is None:  # previews only; what they are of lies beneath them
            inner = [sub for one in pages if _SUB_DIRECTORIES in one.tags for sub in one.pages]
            if any(int(sub.photometric) in _CAMERA for sub in inner):
                raise _raw(name)
            page = next((sub for sub in inner if not sub.is_reduced), pages[0])
    except InvalidInput:
        raise
    except Exception as error:  # tifffile raises whatever its parsers meet in a damaged file
        raise cut_off(name) from error
    return file, page


def _raw(name: str) -> InvalidInput:
    return InvalidInput(
        f"{name} is the raw file of a camera under the name of a TIFF. Name it .dng (or as the "
        "camera did), or develop it first, to 16-bit TIFF or PNG."
    )


def header(data: bytes, name: str) -> Header:
    """What a TIFF promises, if it is of a kind that can be read.

    Raises:
        InvalidInput: if it is not, or is cut off.
    """
    file, page = open_page(data, name)
    _check_directory(file, page, data, name)
    _check_whole(page, data, name)
    height, width = int(page.imagelength), int(page.imagewidth)
    if "ImageWidth" not in page.tags or "ImageLength" not in page.tags:
        raise InvalidInput(f"{name} is damaged: its TIFF directory gives no size.")
    kind = _photometric(page)
    _check_kind(page, kind, name)
    colours = 1 if kind in _GRAYS else 3
    turn = page.tags.valueof(274, 1)
    return Header(
        "tiff",
        height,
        width,
        _bits_after(page, kind),
        colours + (_extra(page, kind) != ""),
        turn if turn in range(1, 9) else 1,
        _pictures(file, page),
    )


def decode(data: bytes, name: str) -> Pixels:
    """Unpacks the first picture of a TIFF whose `header` was read.

    Raises:
        InvalidInput: if its pixels are damaged.
    """
    _, page = open_page(data, name)
    kind = _photometric(page)
    if page.compression in (_JPEG, _WEBP):
        _check_inner_sizes(page, data, name)
    try:
        stored = page.asarray(squeeze=False, maxworkers=1)
        # (separate planes, depth, height, width, channels together): one of the ends is 1
        values = stored[:, 0, ..., 0].transpose(1, 2, 0) if len(stored) > 1 else stored[0, 0]
        if values.dtype == bool:
            values = values.astype(np.uint8)
        if values.dtype not in (np.uint8, np.uint16):
            raise ValueError(values.dtype)
        # Codecs that turn YCbCr into RGB have done so; nothing else has.
        values = _meaning(values, page, kind)
    except Exception as error:  # codecs raise whatever they meet in damaged data
        raise InvalidInput(
            f"{name} is damaged: its pixel data cannot be unpacked ({_one_line(error)})."
        ) from error
    largest = page.tags.valueof(_LARGEST_SAMPLE)
    largest = max(largest) if isinstance(largest, tuple) else largest
    known = isinstance(largest, int) and _sample_bits(page) == 16 and 0 < largest < 65535
    return Pixels(values, _extra(page, kind), largest if known else None)


def inks(page: Any) -> bool:
    """Whether the pixels of a page are amounts of ink."""
    return _photometric(page) == _INKS


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _photometric(page: Any) -> int:
    """The kind of colour; where the file does not say, what libtiff takes it for."""
    if 262 in page.tags:
        return int(page.tags[262].value)
    return _RGB if page.samplesperpixel >= 3 else 1


def _sample_bits(page: Any) -> int:
    bits = page.tags.valueof(258, 1)
    several = bits if isinstance(bits, tuple) else (bits,)
    return several[0] if len(set(several)) == 1 else 0


def _bits_after(page: Any, kind: int) -> int:
    if kind == _PALETTE:
        return 8 if _coarse(page.colormap) else 16
    return 8 if _sample_bits(page) <= 8 else 16


def _coarse(colormap: np.ndarray) -> bool:
    """Whether 8 bits hold the colours of a palette: as n * 257, n * 256, or plain n."""
    return bool(colormap.max() < 256 or not (colormap % 257).any() or not (colormap % 256).any())


def _extra(page: Any, kind: int) -> str:
    colours = {_PALETTE: 1, _INKS: 4}.get(kind, 1 if kind in _GRAYS else 3)
    if page.samplesperpixel == colours:
        return ""
    said = tuple(int(one) for one in page.extrasamples)
    return "alpha" if said in ((_ASSOCIATED,), (_UNASSOCIATED,)) else "unnamed"


def _check_kind(page: Any, kind: int, name: str) -> None:
    """Refuses what is not read, by its name."""

    def refuse(what: str, instead: str = "Convert it first") -> None:
        raise InvalidInput(f"{name} is a TIFF {what}. {instead}.")

    formats = page.tags.valueof(339, 1)
    formats = set(formats if isinstance(formats, tuple) else (formats,))
    bits = page.tags.valueof(258, 1)
    if not formats <= _INTEGERS or _sample_bits(page) > 16:
        known = ", ".join(sorted(_FORMATS.get(one, f"format {one}") for one in formats))
        refuse(
            f"of {_sample_bits(page) or bits}-bit values ({known}) that are no plain integers; "
            "8 or 16 bits per channel can be read"
        )
    if _sample_bits(page) not in _BITS:
        refuse(f"of {bits}-bit values; 1, 2, 4, 8, 10, 12, 14 and 16 bits can be read")
    if _sample_bits(page) < 8 and page.samplesperpixel > 1:
        refuse(f"of several channels of {_sample_bits(page)} bits")
    if kind in _CAMERA:
        raise _raw(name)
    if page.imagedepth > 1:
        refuse(f"of a volume, {page.imagedepth} pictures deep", "Save one slice of it")
    if int(page.compression) not in _COMPRESSIONS:
        compression = getattr(page.compression, "name", str(page.compression))
        refuse(f"compressed as {compression}, which is not read", "Save it with LZW or Deflate")
    colours = {0: 1, 1: 1, _RGB: 3, _PALETTE: 1, _INKS: 4, _YCBCR: 3}.get(kind)
    if colours is None:
        known = getattr(page.photometric, "name", str(kind))
        refuse(f"whose colours are {known}, which are not read", "Save it as RGB")
    more = page.samplesperpixel - (colours or 0)
    most = 0 if kind in (_PALETTE, _INKS) else 1
    if not 0 <= more <= most or len(page.extrasamples) > more:
        refuse(
            f"with {page.samplesperpixel} channels of the kind {page.photometric.name}; gray, RGB, "
            "palette and CMYK, the first two with one extra channel, can be read",
            "Remove the others",
        )
    if kind == _INKS and page.tags.valueof(_INK_SET, 1) != 1:
        refuse("of inks other than CMYK", "Save it as RGB")
    if kind == _PALETTE and (
        page.colormap is None or page.colormap.shape != (3, 2 ** _sample_bits(page))
    ):
        refuse("with a palette that does not fit its pixels")
    if kind == _YCBCR and (int(page.compression) != _JPEG or page.planarconfig != 1):
        refuse("of YCbCr colours that are not JPEG, or in separate planes", "Save it as RGB")


def _check_directory(file: Any, page: Any, data: bytes, name: str) -> None:
    """Refuses a directory whose entries about the pixels are not all there.

    tifffile leaves out what it cannot read, and takes what is usual in its place.
    """
    order = exif.byte_order(data)
    head, length = ("Q", 20) if file.is_bigtiff else ("H", 12)
    try:
        (count,) = struct.unpack_from(order + head, data, page.offset)
        start = page.offset + struct.calcsize(order + head)
        places = range(start, start + count * length, length)
        said = {struct.unpack_from(order + "H", data, place)[0] for place in places}
        struct.unpack_from(order + ("Q" if file.is_bigtiff else "I"), data, start + count * length)
    except struct.error as error:
        raise cut_off(name) from error
    if (said & _OF_PIXELS) - set(page.tags.keys()):
        raise cut_off(name)


def _check_whole(page: Any, data: bytes, name: str) -> None:
    """Refuses strips and tiles that are missing or reach beyond the end of the file."""
    pieces = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    expected = math.prod(page.chunked) if 0 not in page.shaped else 0
    contiguous = len(pieces) == 1 and not page.is_tiled  # tifffile joins strips that adjoin
    if not pieces or (len(pieces) < expected and not contiguous):
        raise cut_off(name)
    if any(count == 0 or start + count > len(data) for start, count in pieces):
        raise cut_off(name)


def _check_inner_sizes(page: Any, data: bytes, name: str) -> None:
    """Refuses pieces that are larger pictures than their directory says."""
    largest = (
        page.tilelength if page.is_tiled else page.rowsperstrip,
        page.tilewidth if page.is_tiled else page.imagewidth,
    )
    reader = containers.jpeg if page.compression == _JPEG else containers.webp
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        try:
            inner = reader(data[start : start + count], name)
        except (struct.error, IndexError) as error:
            raise cut_off(name) from error
        if inner.height > max(largest[0], 16) or inner.width > max(largest[1], 16):
            raise InvalidInput(
                f"{name} is damaged: a piece of it is {inner.width} x {inner.height} pixels."
            )


def _meaning(values: np.ndarray, page: Any, kind: int) -> np.ndarray:
    """Levels as stored to gray or RGB over the full range of their type, and the extra channel."""
    if kind == _PALETTE:
        return _coloured(values[..., 0], page.colormap)
    colours = values.shape[-1] - (_extra(page, kind) != "")
    values = _full_range(values, _sample_bits(page))
    top = np.iinfo(values.dtype).max
    if kind == _WHITE_IS_ZERO:
        values = np.concatenate([top - values[..., :colours], values[..., colours:]], axis=-1)
    if kind == _INKS:
        return _from_inks(values)
    if _extra(page, kind) == "alpha" and int(page.extrasamples[0]) == _ASSOCIATED:
        return _divided_by_alpha(values)
    return values


def _full_range(values: np.ndarray, bits: int) -> np.ndarray:
    """Integers of so many bits to the full range of 8 or 16."""
    dtype = np.uint8 if bits <= 8 else np.uint16
    if bits in (8, 16):
        return values.astype(dtype, copy=False)
    scaled = values.astype(np.uint32) * np.iinfo(dtype).max
    whole = (1 << bits) - 1
    return ((scaled + whole // 2) // whole).astype(dtype)


def _coloured(indices: np.ndarray, colormap: np.ndarray) -> np.ndarray:
    table = colormap.T
    if _coarse(colormap):
        shift = 0 if table.max() < 256 else 8
        table = (table >> shift).astype(np.uint8)
    return table[indices]


def _from_inks(values: np.ndarray) -> np.ndarray:
    """CMYK to RGB without a profile: what each ink leaves of the light."""
    top = np.iinfo(values.dtype).max
    left = top - values.astype(np.uint32)
    return ((left[..., :3] * left[..., 3:] + top // 2) // top).astype(values.dtype)


def _divided_by_alpha(values: np.ndarray) -> np.ndarray:
    """Colours that were multiplied by their alpha, to colours beside it."""
    top = np.iinfo(values.dtype).max
    alpha = values[..., -1:].astype(np.uint32)
    colours = values[..., :-1].astype(np.uint32) * top
    straight = np.minimum((colours + alpha // 2) // np.maximum(alpha, 1), top)
    return np.concatenate([straight.astype(values.dtype), values[..., -1:]], axis=-1)


def _pictures(file: Any, page: Any) -> int:
    """Pictures of the file, those of a stack in one directory counted each; masks, previews not."""
    pages = sum(not one.is_reduced and not one.is_mask for one in file.pages)
    stacked = 1
    if file.is_imagej:
        stacked = (file.imagej_metadata or {}).get("images", 1)
    elif page.is_shaped:
        stacked = math.prod(file.series[0].shape) // max(1, math.prod(page.shape))
    return max(1, pages, int(stacked))
