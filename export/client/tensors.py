"""Arrays to tensors of a request, and tensors of an answer to arrays, without slow ways.

TensorFlow Serving answers in the fields of a TensorProto (`float_val`, `int_val`), or, if it was
told so, in its bytes (`tensor_content`). `tf.make_ndarray` takes the first element by element,
and cannot read strings of the second.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from export import wire
from export.messages import TensorProto
from tfdeblur import limits
from tfdeblur.errors import InvalidInput, TfdeblurError

# Numbers of the types on the wire, and the field that holds values of each.
# Source: TensorFlow, core/framework/types.proto and tensor.proto.
_NUMERIC: dict[int, tuple[type, str]] = {
    1: (np.float32, "float_val"),
    2: (np.float64, "double_val"),
    3: (np.int32, "int_val"),
    4: (np.uint8, "int_val"),
    5: (np.int16, "int_val"),
    6: (np.int8, "int_val"),
    9: (np.int64, "int64_val"),
    10: (np.bool_, "bool_val"),
    17: (np.uint16, "int_val"),
    19: (np.float16, "half_val"),
    22: (np.uint32, "uint32_val"),
    23: (np.uint64, "uint64_val"),
}
_STRING, _BFLOAT16 = 7, 14
_NUMBERS = {np.dtype(kind): number for number, (kind, _) in _NUMERIC.items()}


def _type_of(number: int) -> tuple[type, str]:
    """Numbers of a type on the wire, and their field; NumPy itself has no bfloat16."""
    if number != _BFLOAT16:
        return _NUMERIC[number]
    try:
        from ml_dtypes import bfloat16
    except ModuleNotFoundError as error:
        raise InvalidInput("Tensors of bfloat16 need ml_dtypes: pip install ml_dtypes.") from error
    return bfloat16, "half_val"


def _number_of(dtype: np.dtype) -> int:
    number = _BFLOAT16 if dtype.name == "bfloat16" else _NUMBERS.get(dtype)
    if number is None:
        raise InvalidInput(f"`array` must hold numbers. Received: dtype={dtype}")
    return number


class MalformedTensor(TfdeblurError):
    """What a service answered is no tensor."""


def tensor_of(value: np.ndarray | Sequence[bytes]) -> wire.Parts:
    """Numbers, or a vector of byte strings, as a TensorProto of a request, in parts.

    Raises:
        InvalidInput: if the type of an array has no counterpart.
    """
    if not isinstance(value, np.ndarray):
        proto = TensorProto(dtype=_STRING, string_val=value)
        proto.tensor_shape.dim.add().size = len(value)
        return [proto.SerializeToString()]
    proto = TensorProto(dtype=_number_of(value.dtype))
    proto.tensor_shape.SetInParent()  # also without an axis
    for size in value.shape:
        proto.tensor_shape.dim.add().size = size
    content = wire.bytes_field(wire.FIELDS["tensor_content"], wire.raw(value))
    return [proto.SerializeToString(), *content]


def read_tensor(tensor: Any, most: int = limits.LARGEST_MESSAGE) -> np.ndarray | list[bytes]:
    """Reads a tensor of an answer, whichever way it holds its values.

    Args:
        tensor: TensorProto or `export.wire.Tensor`; one that holds fewer values than its shape
            says means the last one for all the rest, so few bytes can ask for much memory.
        most: int, values that are accepted.

    Returns:
        An array that must not be written to, or, for strings, a list of them in order.

    Raises:
        MalformedTensor: if the parts of the message do not fit each other, or `most`.
    """
    tensor = tensor if isinstance(tensor, wire.Tensor) else wire.Tensor(tensor)
    head = tensor.proto
    shape = tuple(dimension.size for dimension in head.tensor_shape.dim)
    count = 1
    for size in shape:
        count *= size
    if head.tensor_shape.unknown_rank or min(shape, default=0) < 0 or count > most:
        raise _malformed(f"shape={shape}")
    if head.dtype == _STRING:
        return _read_strings(wire.whole(tensor), count)
    if head.dtype not in (*_NUMERIC, _BFLOAT16):
        raise _malformed(f"dtype={head.dtype}")
    dtype, field = _type_of(head.dtype)
    content = tensor.numbers if tensor.name == "tensor_content" else head.tensor_content
    if content:
        if len(content) != count * np.dtype(dtype).itemsize:
            raise _malformed(f"{len(content)} bytes for shape={shape}")
        return np.frombuffer(content, dtype).reshape(shape)
    return _filled(_values(tensor, field, dtype), count, shape)


def _values(tensor: wire.Tensor, name: str, dtype: type) -> np.ndarray:
    if tensor.name == name == "float_val" and len(tensor.numbers) % 4 == 0:
        return np.frombuffer(tensor.numbers, "<f4")
    try:
        field = getattr(wire.whole(tensor), name)
    except DecodeError as error:
        raise _malformed(f"{name} that ends within a number") from error
    if name == "half_val":  # 16 bits each, carried as integers
        return np.array(field, np.uint16).view(dtype)
    return np.array(field).astype(dtype, copy=False)


def _filled(values: np.ndarray, count: int, shape: tuple[int, ...]) -> np.ndarray:
    """Values in shape; where the message holds fewer, the last one is meant for the rest."""
    if len(values) > count:
        raise _malformed(f"{len(values)} values for shape={shape}")
    if len(values) < count:
        last = values[-1] if len(values) else values.dtype.type(0)
        values = np.concatenate([values, np.full(count - len(values), last, values.dtype)])
    return values.reshape(shape)


def _read_strings(proto: Any, count: int) -> list[bytes]:
    if not proto.tensor_content:
        strings = list(proto.string_val)
        if len(strings) != count:
            raise _malformed(f"{len(strings)} strings for {count}")
        return strings
    content = proto.tensor_content
    try:
        return wire.split_strings(content, count)
    except DecodeError as error:
        raise _malformed(f"{len(content)} bytes for {count} strings") from error


def _malformed(received: str) -> MalformedTensor:
    return MalformedTensor(f"The service answered a malformed tensor. Received: {received}")
