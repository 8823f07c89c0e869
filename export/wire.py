"""Requests and answers of Predict as bytes, without copies of their numbers.

Protocol Buffers packs and unpacks numbers one at a time, and copies what is large at every step:
20 to 40 ms at each end for a photograph. Here only the small parts of a message go through it;
the numbers stay where they are, and NumPy reads and writes them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError

from export.messages import ModelSpec, PredictRequest, PredictResponse, TensorProto

Parts = list[bytes | memoryview]

# Metadata of a call by which a client asks for answers in `tensor_content`, not in typed fields.
# A LocalService does so; TensorFlow Serving has a flag for it and does not look at metadata.
CONTENT_WANTED = ("tfdeblur-answers", "tensor_content")

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_KEY, _VALUE = 1, 2  # of an entry of a map
_AT_A_TIME = 2**16  # values: what is computed on the way stays in the cache


def _number(message: Any, name: str) -> int:
    return message.DESCRIPTOR.fields_by_name[name].number


_REQUEST_SPEC = _number(PredictRequest, "model_spec")
_INPUTS = _number(PredictRequest, "inputs")
_FILTER = _number(PredictRequest, "output_filter")
_SPEC = _number(PredictResponse, "model_spec")
_OUTPUTS = _number(PredictResponse, "outputs")
# Fields of a TensorProto that images travel in -> their numbers on the wire.
FIELDS = {name: _number(TensorProto, name) for name in ("tensor_content", "float_val", "int_val")}
_NAMES = {number: name for name, number in FIELDS.items()}


class Tensor(NamedTuple):
    """A tensor of an answer.

    Attributes:
        proto: TensorProto, whole, or but for one field of numbers.
        name: of that field; "" if `proto` is whole.
        numbers: its bytes, a view of the answer.
    """

    proto: Any
    name: str = ""
    numbers: memoryview = memoryview(b"")


class Answer(NamedTuple):
    """A PredictResponse.

    Attributes:
        model_spec: ModelSpec.
        outputs: name -> `Tensor`.
    """

    model_spec: Any
    outputs: dict[str, Tensor]


def join_request(
    model_spec: Any, tensors: Mapping[str, Parts], output_filter: Sequence[str] = ()
) -> bytes:
    """The bytes of a PredictRequest; arguments as of `join_answer`."""
    parts = bytes_field(_REQUEST_SPEC, model_spec.SerializeToString())
    parts += _entries(_INPUTS, tensors)
    for name in output_filter:
        parts += bytes_field(_FILTER, name.encode())
    return b"".join(parts)


def join_answer(model_spec: Any, tensors: Mapping[str, Parts]) -> bytes:
    """The bytes of a PredictResponse.

    Args:
        model_spec: ModelSpec.
        tensors: name -> bytes of a TensorProto, in parts.
    """
    parts = _entries(_OUTPUTS, tensors)
    parts += bytes_field(_SPEC, model_spec.SerializeToString())
    return b"".join(parts)


def split_answer(data: bytes) -> Answer:
    """Takes a PredictResponse apart; its large numbers stay in `data`.

    Raises:
        DecodeError: if it is none.
    """
    spec, outputs = ModelSpec(), {}
    for number, kind, _, value in _fields(memoryview(data)):
        if (number, kind) == (_SPEC, _BYTES):
            spec.MergeFromString(value)
        elif (number, kind) == (_OUTPUTS, _BYTES):
            entry = {n: part for n, kind, _, part in _fields(value) if kind == _BYTES}
            name = _text(entry.get(_KEY, b""))
            outputs[name] = _tensor(entry.get(_VALUE, memoryview(b"")))
    return Answer(spec, outputs)


def bytes_field(number: int, *parts: bytes | memoryview) -> Parts:
    """A field of bytes, a message or packed numbers, in parts."""
    size = sum(len(part) for part in parts)
    return [_varint(number << 3 | _BYTES) + _varint(size), *parts]


def _varint(number: int) -> bytes:
    """A number in base 128, least digits first."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def raw(values: np.ndarray) -> memoryview:
    """The bytes of an array, row by row: what `tensor_content` holds."""
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data


def pack(values: np.ndarray) -> memoryview:
    """Numbers as a packed field holds them.

    Args:
        values: array of float32 (for `float_val`) or uint8 (for `int_val`), any shape.

    Returns:
        float32: their bytes. uint8: two bytes a value, seven bits in each. Below 128 one would
        do, and the shortest form is what others send; but numbers of one or two bytes take ten to
        twenty times as long to put in place, and every reader takes this form too.
    """
    if values.dtype == np.float32:
        return raw(values.astype("<f4", copy=False))
    flat = values.reshape(-1)
    pairs = np.empty(flat.size, "<u2")
    for start in range(0, flat.size, _AT_A_TIME):
        low = flat[start : start + _AT_A_TIME].astype("<u2")
        high = low & 0x80
        low |= 0x80  # "another byte follows"
        np.add(low, high << 1, out=pairs[start : start + _AT_A_TIME])
    return pairs.view(np.uint8).data


def join_strings(texts: Sequence[bytes]) -> bytes:
    """Strings as `tensor_content` holds them: all lengths in base 128, then all bytes."""
    return b"".join([*(_varint(len(text)) for text in texts), *texts])


def split_strings(content: bytes, count: int) -> list[bytes]:
    """The strings that `join_strings` joined, `count` of them.

    Raises:
        DecodeError: if they are not so many, or do not end where `content` does.
    """
    lengths, at = [], 0
    for _ in range(count):
        length, at = read_varint(content, at)
        lengths.append(length)
    if at + sum(lengths) != len(content):
        raise DecodeError(f"{len(content)} bytes for {count} strings")
    texts = []
    for length in lengths:
        texts.append(content[at : at + length])
        at += length
    return texts


def whole(tensor: Tensor) -> Any:
    """The TensorProto with all its fields.

    Raises:
        DecodeError: if the numbers are none.
    """
    if not tensor.name:
        return tensor.proto
    numbers = bytes_field(FIELDS[tensor.name], tensor.numbers)
    data = b"".join([tensor.proto.SerializeToString(), *numbers])
    return TensorProto.FromString(data)


def _entries(number: int, tensors: Mapping[str, Parts]) -> Parts:
    parts: Parts = []
    for name, tensor in tensors.items():
        entry = [*bytes_field(_KEY, name.encode()), *bytes_field(_VALUE, *tensor)]
        parts += bytes_field(number, *entry)
    return parts


def _text(data: bytes | memoryview) -> str:
    try:
        return bytes(data).decode()
    except UnicodeDecodeError as error:
        raise DecodeError("a name that is no text") from error


def _tensor(data: memoryview) -> Tensor:
    head, numbers = [], []
    for number, kind, all_of_it, value in _fields(data):
        if number in _NAMES and kind == _BYTES:
            numbers.append(Tensor(None, _NAMES[number], value))
        else:
            head.append(all_of_it)
    proto = TensorProto.FromString(b"".join(head))
    if len(numbers) == 1 and not (proto.float_val or proto.int_val):
        return numbers[0]._replace(proto=proto)
    return Tensor(TensorProto.FromString(data) if numbers else proto)


def _fields(data: memoryview) -> Iterator[tuple[int, int, memoryview, memoryview]]:
    """Number, wire type, all bytes and the value of each field of a message."""
    at = 0
    while at < len(data):
        start = at
        tag, at = read_varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            _, end = read_varint(data, at)
        elif kind == _BYTES:
            size, at = read_varint(data, at)
            end = at + size
        elif kind in _FIXED:
            end = at + _FIXED[kind]
        else:
            raise DecodeError(f"a field of wire type {kind}")
        if end > len(data):
            raise DecodeError("a field that does not end")
        yield number, kind, data[start:end], data[at:end]
        at = end


def read_varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """An integer in base 128, least digits first, that begins at `at`, and where it ends.

    Raises:
        DecodeError: if it does not end.
    """
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise DecodeError("a number that does not end")
