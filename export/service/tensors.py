"""TensorProto to array and back, checked before anything is allocated.

A request is not to be trusted: 28 bytes can name a shape of any size. So `check` reads only the
header, and `decode` is called for tensors that passed it.
"""

import math
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import tensor_pb2

from export.status import Status
from export.wire import FIELDS, Parts, bytes_field, join_strings, pack, raw, split_strings
from tfdeblur import limits

UNREADABLE = "tensor parsing error: {}"

# Where a type's values stand when they are not in tensor_content (tensor.proto).
_FIELDS = {
    tf.float32: "float_val",
    tf.float64: "double_val",
    **dict.fromkeys((tf.int32, tf.int16, tf.int8, tf.uint16, tf.uint8), "int_val"),
    tf.int64: "int64_val",
    tf.bool: "bool_val",
    tf.uint32: "uint32_val",
    tf.uint64: "uint64_val",
    tf.float16: "half_val",
    tf.bfloat16: "half_val",
    tf.string: "string_val",
}
_BY_NUMBER = {dtype.as_datatype_enum: dtype for dtype in _FIELDS}


def check(alias: str, proto: Any, largest_bytes: int) -> tuple[tf.DType, tuple[int, ...]]:
    """Type and shape of a tensor in a request.

    Args:
        alias: name of the input, for the message.
        proto: TensorProto.
        largest_bytes: what the array may take once decoded.

    Returns:
        dtype and shape.

    Raises:
        Status: INVALID_ARGUMENT, "tensor parsing error", where TensorFlow's own `FromProto`
            refuses the tensor; and, stricter than it, where the shape asks for too much memory.
    """
    dtype = _BY_NUMBER.get(proto.dtype)
    shape = tuple(axis.size for axis in proto.tensor_shape.dim)
    if dtype is None or proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise Status("INVALID_ARGUMENT", UNREADABLE.format(alias))
    if math.prod(max(size, 1) for size in shape) > limits.MOST_ELEMENTS:  # also beside an axis of 0
        raise Status("INVALID_ARGUMENT", UNREADABLE.format(alias))
    count = math.prod(shape)
    size = count * (limits.BYTES_OF_A_TEXT if dtype == tf.string else dtype.size)
    if size > largest_bytes:
        raise Status(
            "INVALID_ARGUMENT",
            f"{UNREADABLE.format(alias)}: shape [{written(shape)}] asks for {size} bytes, and the "
            f"limit is {largest_bytes}",
        )
    content = proto.tensor_content if count else b""  # each look at it is a copy
    if dtype == tf.string and not content:
        size = decoded_size(proto, dtype, shape)
        if size > largest_bytes:
            raise Status(
                "INVALID_ARGUMENT",
                f"{UNREADABLE.format(alias)}: {count} strings, of which {len(proto.string_val)} "
                f"were sent and the last is repeated, take {size} bytes, and the limit is "
                f"{largest_bytes}",
            )
    if content:
        if dtype == tf.string:
            _strings(alias, content, count)
        elif len(content) != count * dtype.size:
            raise Status("INVALID_ARGUMENT", UNREADABLE.format(alias))
    return dtype, shape


def decoded_size(proto: Any, dtype: tf.DType, shape: tuple[int, ...]) -> int:
    """Bytes that an array takes once it is decoded.

    Args:
        proto: TensorProto.
        dtype: of it.
        shape: of it. Where it asks for more texts than were sent, TensorFlow copies the last one.
    """
    count = math.prod(shape)
    if dtype != tf.string:
        return count * dtype.size
    if proto.tensor_content:
        return count * limits.BYTES_OF_A_TEXT + len(proto.tensor_content)
    lengths = [len(text) for text in proto.string_val[:count]]
    copies = (count - len(lengths)) * lengths[-1] if lengths else 0
    return count * limits.BYTES_OF_A_TEXT + sum(lengths) + copies


def decode(alias: str, proto: Any, dtype: tf.DType, shape: tuple[int, ...]) -> np.ndarray:
    """The array of a tensor that passed `check`.

    A field that is shorter than the shape repeats its last value, an empty one means zeros, as in
    TensorFlow's `FromProto`. An array over `tensor_content` shares its memory.

    Args:
        alias: name of the input, for messages.
        proto: TensorProto.
        dtype: what `check` returned.
        shape: what `check` returned.

    Returns:
        Array of that type and shape; strings as an array of `bytes` objects.
    """
    count = math.prod(shape)
    if dtype == tf.string:
        return _decode_strings(alias, proto, count).reshape(shape)
    content = proto.tensor_content if count else b""
    if content:
        return np.frombuffer(content, dtype.as_numpy_dtype).reshape(shape)
    field = getattr(proto, _FIELDS[dtype])
    if dtype in (tf.float16, tf.bfloat16):
        values = np.array(field, "int64").astype("uint16").view(dtype.as_numpy_dtype)
    elif _FIELDS[dtype] == "int_val":
        values = np.array(field, "int32").astype(dtype.as_numpy_dtype)  # wraps, as C++ does
    else:
        values = np.array(field, dtype.as_numpy_dtype)
    return _fill(values, count).reshape(shape)


def encode(value: np.ndarray, as_content: bool) -> Parts:
    """An array as a tensor of an answer.

    TensorFlow Serving answers in typed fields unless told otherwise; see `export.wire` for how
    the two types that images have get there.

    Args:
        value: array of any type that requests may have.
        as_content: raw bytes in `tensor_content` in the place of fields.

    Returns:
        Bytes of a TensorProto, in parts that may share the memory of `value`.
    """
    dtype = tf.as_dtype(value.dtype)
    proto = tensor_pb2.TensorProto(
        dtype=dtype.as_datatype_enum, tensor_shape=tf.TensorShape(value.shape).as_proto()
    )
    numbers: Parts = []
    if dtype == tf.string:
        texts = [text if isinstance(text, bytes) else str(text).encode() for text in value.flat]
        if as_content:
            proto.tensor_content = join_strings(texts)
        else:
            proto.string_val.extend(texts)
    elif as_content:
        numbers = bytes_field(FIELDS["tensor_content"], raw(value))
    elif dtype in (tf.float32, tf.uint8):
        numbers = bytes_field(FIELDS[_FIELDS[dtype]], pack(value))
    else:
        bits = value.view("uint16") if dtype in (tf.float16, tf.bfloat16) else value
        getattr(proto, _FIELDS[dtype]).extend(bits.ravel().tolist())
    return [proto.SerializeToString(), *numbers]


def written(shape: tuple[int | None, ...]) -> str:
    """A shape as TensorFlow's C++ messages write it: `?` for an axis of any size."""
    return ",".join("?" if size is None or size < 0 else str(size) for size in shape)


def _fill(values: np.ndarray, count: int) -> np.ndarray:
    if len(values) >= count:
        return values[:count]
    last = values[-1] if len(values) else values.dtype.type()
    whole = np.full(count, last, values.dtype)
    whole[: len(values)] = values
    return whole


def sent_strings(alias: str, proto: Any, count: int) -> list[bytes]:
    """Texts of a tensor of strings that passed `check`, at most `count`: the last one repeats."""
    content = proto.tensor_content if count else b""
    return _strings(alias, content, count) if content else list(proto.string_val[:count])


def _decode_strings(alias: str, proto: Any, count: int) -> np.ndarray:
    texts = sent_strings(alias, proto, count)
    values = np.full(count, texts[-1] if texts else b"", object)
    for index, text in enumerate(texts):
        values[index] = text
    return values


def _strings(alias: str, content: bytes, count: int) -> list[bytes]:
    try:
        return split_strings(content, count)
    except DecodeError as error:
        raise Status("INVALID_ARGUMENT", UNREADABLE.format(alias)) from error
