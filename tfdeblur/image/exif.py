"""EXIF blocks: read for their turn, corrected in place, and moved between files.

Directories are copied entry by entry, as bytes: libraries that take them apart and write them
anew lose what they do not know (a camera's MakerNote). Layout: TIFF 6.0, sec. 2; EXIF 2.32, 4.5.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tfdeblur import limits

ORIENTATION = 0x0112
EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY = 0x8769, 0x8825, 0xA005
DIRECTORIES = (EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY)
# What of a TIFF's first directory is said of the photograph, not of how its pixels are stored:
# description, make, model, resolution and its unit, software, date, artist, host, copyright.
OF_PHOTOGRAPH = (270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 33432)
_SWAPPED_BY_TURN = ((282, 283), (0xA002, 0xA003))  # resolution and size, across and down
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}  # BigTIFF's

Damaged = (struct.error, IndexError, KeyError, ValueError)


@dataclass(frozen=True)
class Entry:
    """One entry of a directory.

    Attributes:
        tag, kind, count: int, as in the file; `kind` is the type of its values.
        value: bytes of the values, in the byte order of the file.
        place: where those bytes lie in the file.
    """

    tag: int
    kind: int
    count: int
    value: bytes
    place: int = 0


def byte_order(block: bytes) -> str:
    """ "<" or ">", of an EXIF block or a TIFF; raises `KeyError` where it is neither."""
    return {b"II": "<", b"MM": ">"}[bytes(block[:2])]


def orientation(block: bytes) -> int:
    """The turn 1..8 of an EXIF block, or 1 where it is damaged: it must not cost the picture."""
    try:
        entries = _first_directory(block)
        found = [e for e in entries if (e.tag, e.kind) == (ORIENTATION, 3)]
        (turn,) = struct.unpack_from(byte_order(block) + "H", found[0].value) if found else (1,)
    except Damaged:
        return 1
    return turn if 1 <= turn <= 8 else 1


def upright(block: bytes, turn: int) -> bytes | None:
    """The block of a photograph that was turned upright, without its thumbnail.

    Changed in place, so that all else keeps its place, a MakerNote with its own offsets as well.

    Args:
        block: of the photograph as it was stored.
        turn: its orientation, 1..8.

    Returns:
        The block; None where it is damaged.
    """
    try:
        order, changed = byte_order(block), bytearray(block)
        entries = _first_directory(block)
        for entry in entries:
            if entry.tag == ORIENTATION and entry.kind == 3:
                struct.pack_into(order + "H", changed, entry.place, 1)
        (first,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, first)
        # The second directory is the thumbnail: blurred, and turned otherwise.
        struct.pack_into(order + "I", changed, first + 2 + 12 * count, 0)
        if turn >= 5:
            _swap(changed, [*entries, *_directory_of(block, entries, EXIF_DIRECTORY)])
    except Damaged:
        return None
    return bytes(changed)


def resolution(block: bytes) -> tuple[float, float] | None:
    """Pixels per inch across and down, as the block says them; None where it does not."""
    try:
        order = byte_order(block)
        found = {entry.tag: entry for entry in _first_directory(block)}
        x, y = (_ratio(found[tag], order) for tag in (282, 283))
        (unit,) = struct.unpack_from(order + "H", found[296].value) if 296 in found else (2,)
        return (x * _PER_INCH[unit], y * _PER_INCH[unit]) if x > 0 and y > 0 else None
    except (*Damaged, ZeroDivisionError):
        return None


_PER_INCH = {2: 1.0, 3: 2.54}


def of_tiff(data: bytes) -> bytes | None:
    """An EXIF block of what a TIFF says of its photograph; None if that is nothing.

    Raises:
        One of `Damaged`, if its directories are.
    """
    entries = read_directory(data, *_start(data))
    order = byte_order(data)
    kept = [e for e in entries if e.tag in OF_PHOTOGRAPH or e.tag == ORIENTATION]
    inner = {tag: _directory_of(data, entries, tag) for tag in (EXIF_DIRECTORY, GPS_DIRECTORY)}
    if not kept and not any(inner.values()):
        return None
    # Pointers first with any value: the length of the first directory does not depend on it.
    pointers = [Entry(tag, 4, 1, bytes(4)) for tag, found in inner.items() if found]
    block = struct.pack(order + "2sHI", data[:2], 42, 8)
    place = 8 + len(write_directory([*kept, *pointers], 8, order))
    after = b""
    for i, pointer in enumerate(pointers):
        pointers[i] = replace(pointer, value=struct.pack(order + "I", place + len(after)))
        after += write_directory(inner[pointer.tag], place + len(after), order)
    return block + write_directory([*kept, *pointers], 8, order) + after


def inner_directory(block: bytes, tag: int) -> list[Entry]:
    """Entries of the EXIF or GPS directory of a block; none where there is none."""
    return _directory_of(block, _first_directory(block), tag)


def first_directory(block: bytes) -> list[Entry]:
    """Entries of the first directory that say something of the photograph."""
    return [entry for entry in _first_directory(block) if entry.tag in OF_PHOTOGRAPH]


def read_directory(data: bytes, place: int, order: str, big: bool = False) -> list[Entry]:
    """The entries of one directory; those of unknown types, or that lie outside, are left out.

    Args:
        data: an EXIF block, a TIFF or a BigTIFF.
        place: where the directory begins.
        order: "<" or ">".
        big: whether it is a BigTIFF.

    Raises:
        One of `Damaged`, if the directory lies outside or is no directory.
    """
    head, entry_format, room = ("Q", "HHQ", 8) if big else ("H", "HHI", 4)
    (count,) = struct.unpack_from(order + head, data, place)
    if count > limits.MOST_ENTRIES_OF_A_DIRECTORY:
        raise ValueError(count)
    place += struct.calcsize(order + head)
    length = struct.calcsize(order + entry_format)
    entries = []
    for start in range(place, place + count * (length + room), length + room):
        tag, kind, number = struct.unpack_from(order + entry_format, data, start)
        size, at = _SIZES.get(kind, 0) * number, start + length
        if size > room:
            (at,) = struct.unpack_from(order + ("Q" if big else "I"), data, at)
        if size and at + size <= len(data):
            entries.append(Entry(tag, kind, number, bytes(data[at : at + size]), at))
    return entries


def write_directory(entries: Iterable[Entry], place: int, order: str) -> bytes:
    """A directory that is to lie at `place`, with its values after it; nothing follows it."""
    entries = sorted(entries, key=lambda entry: entry.tag)
    values = place + 2 + 12 * len(entries) + 4
    head, tail = struct.pack(order + "H", len(entries)), b""
    for entry in entries:
        head += struct.pack(order + "HHI", entry.tag, entry.kind, entry.count)
        if len(entry.value) <= 4:
            head += entry.value.ljust(4, b"\0")
        else:
            head += struct.pack(order + "I", values + len(tail))
            tail += entry.value + b"\0" * (len(entry.value) % 2)
    return head + bytes(4) + tail


def _start(data: bytes) -> tuple[int, str, bool]:
    order = byte_order(data)
    (version,) = struct.unpack_from(order + "H", data, 2)
    big = version == 43
    (place,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    return place, order, big


def _first_directory(block: bytes) -> list[Entry]:
    return read_directory(block, *_start(block))


def _directory_of(data: bytes, entries: Iterable[Entry], tag: int) -> list[Entry]:
    """Entries of the directory that `tag` points to; those that point on are left out."""
    _, order, big = _start(data)
    for entry in entries:
        if entry.tag == tag and len(entry.value) in (4, 8):
            (place,) = struct.unpack(order + "IQ"[len(entry.value) == 8], entry.value)
            inner = read_directory(data, place, order, big)
            return [one for one in inner if one.tag not in DIRECTORIES]
    return []


def _swap(changed: bytearray, entries: list[Entry]) -> None:
    """Exchanges what is said of across and down."""
    found = {entry.tag: entry for entry in entries}
    for across, down in _SWAPPED_BY_TURN:
        if across in found and down in found and found[across].kind == found[down].kind:
            first, second = found[across], found[down]
            changed[first.place : first.place + len(first.value)] = second.value
            changed[second.place : second.place + len(second.value)] = first.value


def _ratio(entry: Entry, order: str) -> float:
    above, below = struct.unpack_from(order + "II", entry.value)
    return above / below
