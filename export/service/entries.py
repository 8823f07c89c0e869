"""What a message takes in memory once it is parsed, told from its bytes alone.

Two bytes on the wire may be an axis, a text or a resource: thirty to a hundred bytes in memory.
256 MB of them would take 10 GB before anything could look at them. So they are counted first,
without taking anything for them.
"""

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError

from export.wire import read_varint

_OF_AN_ENTRY = 128  # bytes in memory, at most, beside what it holds
_DEEPEST = 100  # messages within each other: beyond, Protocol Buffers refuses by itself
_FIXED = {1: 8, 5: 4}  # wire type -> bytes
_WIDE = frozenset((FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64))
_FOUR = frozenset(
    (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_ENUM)
)


def parsed_size(data: bytes, descriptor: Descriptor, most: int) -> int:
    """Bytes that a message takes once it is parsed, at most.

    Args:
        data: the message.
        descriptor: of its type.
        most: entries (fields, and items that are not packed) that it may have.

    Returns:
        -1 where there are more entries than `most`. Where the message is damaged, the size of
        what comes before that: no parser goes further.
    """
    size = entries = 0
    left: list[tuple[int, int, Descriptor, int]] = [(0, len(data), descriptor, 0)]
    while left:
        at, end, kind, depth = left.pop()
        try:
            while at < end:
                entries += 1
                if entries > most:
                    return -1
                tag, at = read_varint(data, at)
                start, at = _value(data, at, tag & 7)
                if at > end:
                    raise DecodeError("a field that does not end")
                field = kind.fields_by_number.get(tag >> 3) if tag & 7 == 2 else None
                if field is None or field.message_type is None or depth >= _DEEPEST:
                    size += _widened(field, at - start)
                else:
                    left.append((start, at, field.message_type, depth + 1))
        except DecodeError:
            break
    return size + entries * _OF_AN_ENTRY


def _value(data: bytes, at: int, wire_type: int) -> tuple[int, int]:
    """Where the value of a field begins and ends."""
    if wire_type == 0:
        return at, read_varint(data, at)[1]
    if wire_type == 2:
        length, at = read_varint(data, at)
        return at, at + length
    return at, at + _FIXED.get(wire_type, 0)  # groups (3, 4) have no value of their own


def _widened(field: FieldDescriptor | None, length: int) -> int:
    """Bytes in memory of a field that has `length` on the wire: numbers of one byte grow.

    Args:
        field: None: one that is not known, which is kept as it is, or a single number.
        length: int.
    """
    if field is None:
        return length
    if field.cpp_type in _WIDE:
        return 8 * length
    return 4 * length if field.cpp_type in _FOUR else length
