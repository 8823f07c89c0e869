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
from tfdeblur.image import tiff_kinds as kinds
from tfdeblur.image.header import Header, cut_off

_DNG_VERSION, _SUB_DIRECTORIES, _LARGEST_SAMPLE = 50706, 330, 341
# Size, bits, packing, colours, strips, samples, planes, tiles, palette, extra samples, tables.
_OF_PIXELS = {*(256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324)}
_OF_PIXELS |= {325, 332, 338, 339, 341, 347, 530}

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
            raise kinds.raw_by_another_name(name)
        inner = [sub for one in pages if _SUB_DIRECTORIES in one.tags for sub in one.pages]
        if any(int(sub.photometric) in kinds.CAMERA for sub in inner):
            raise kinds.raw_by_another_name(name)
        page = next((one for one in pages if not one.is_reduced and not one.is_mask), None)
        if page is None:  # previews only; what they are of lies beneath them
            page = next((sub for sub in inner if not sub.is_reduced), pages[0])
    except InvalidInput:
        raise
    except Exception as error:  # tifffile raises whatever its parsers meet in a damaged file
        raise cut_off(name) from error
    return file, page


def header(data: bytes, name: str) -> Header:
    """What a TIFF promises, if it is of a kind that can be read.

    Raises:
        InvalidInput: if it is not, or is cut off.
    """
    file, page = open_page(data, name)
    try:
        _check_directory(file, page, data, name)
        _check_whole(page, data, name)
        return _header_of(file, page, name)
    except InvalidInput:
        raise
    except Exception as error:  # tags may hold anything, and tifffile reads them when asked
        raise InvalidInput(f"{name} is damaged: {_one_line(error)}.") from error


def _header_of(file: Any, page: Any, name: str) -> Header:
    if "ImageWidth" not in page.tags or "ImageLength" not in page.tags:
        raise InvalidInput(f"{name} is damaged: its TIFF directory gives no size.")
    kind = kinds.photometric(page)
    kinds.check_kind(page, kind, name)
    colours = 1 if kind in kinds.GRAYS else 3
    turn = page.tags.valueof(274, 1)
    return Header(
        "tiff",
        int(page.imagelength),
        int(page.imagewidth),
        _bits_after(page, kind),
        colours + (kinds.extra_channel(page, kind) != ""),
        turn if turn in range(1, 9) else 1,
        _pictures(file, page),
    )


def decode(data: bytes, name: str) -> Pixels:
    """Unpacks the first picture of a TIFF whose `header` was read.

    Raises:
        InvalidInput: if its pixels are damaged.
    """
    _, page = open_page(data, name)
    kind = kinds.photometric(page)
    if page.compression in (kinds.JPEG, kinds.WEBP):
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
    known = isinstance(largest, int) and kinds.sample_bits(page) == 16 and 0 < largest < 65535
    return Pixels(values, kinds.extra_channel(page, kind), largest if known else None)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _bits_after(page: Any, kind: int) -> int:
    if kind == kinds.PALETTE:
        return 8 if _coarse(page.colormap) else 16
    return 8 if kinds.sample_bits(page) <= 8 else 16


def _coarse(colormap: np.ndarray) -> bool:
    """Whether 8 bits hold the colours of a palette: as n * 257, n * 256, or plain n."""
    return bool(colormap.max() < 256 or not (colormap % 257).any() or not (colormap % 256).any())


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
    reader = containers.jpeg if page.compression == kinds.JPEG else containers.webp
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
    if kind == kinds.PALETTE:
        return _coloured(values[..., 0], page.colormap)
    colours = values.shape[-1] - (kinds.extra_channel(page, kind) != "")
    values = _full_range(values, kinds.sample_bits(page))
    top = np.iinfo(values.dtype).max
    if kind == kinds.WHITE_IS_ZERO:
        values = np.concatenate([top - values[..., :colours], values[..., colours:]], axis=-1)
    if kind == kinds.INKS:
        return _from_inks(values)
    if kinds.extra_channel(page, kind) == "alpha" and int(page.extrasamples[0]) == kinds.ASSOCIATED:
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
