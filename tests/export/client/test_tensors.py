"""Tensors of answers: all ways to hold values give the same ones; what is malformed is told."""

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto

from export.client.tensors import MalformedTensor, read_tensor, tensor_of

NUMBERS = [
    *("float32", "float64", "float16", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64", "bool", ml_dtypes.bfloat16),
]


def values(dtype, shape=(2, 3)):
    return (37 * np.random.default_rng(0).standard_normal(shape)).astype(dtype)


def written(value):
    return TensorProto.FromString(b"".join(tensor_of(value)))


def in_fields(array):
    """As TensorFlow Serving answers by default: one entry a value."""
    proto = tf.make_tensor_proto(array)
    content = np.frombuffer(proto.tensor_content, array.dtype).ravel()
    if not content.size:
        return proto
    proto.ClearField("tensor_content")
    field = {"f2": "half_val", "f4": "float_val", "f8": "double_val", "b1": "bool_val"}
    field |= {"i8": "int64_val", "u4": "uint32_val", "u8": "uint64_val"}
    name = field.get(array.dtype.str[1:], "int_val")
    if array.dtype == ml_dtypes.bfloat16:
        name = "half_val"
    if name == "half_val":
        content = content.view("uint16")
    getattr(proto, name).extend(content.tolist())
    return proto


@pytest.mark.parametrize("dtype", NUMBERS)
def test_content_and_fields_hold_the_same(dtype):
    array = values(dtype)
    content = written(array)
    for proto in (content, in_fields(array)):
        found = read_tensor(proto)
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)
    np.testing.assert_array_equal(tf.make_ndarray(content), array)  # as TensorFlow reads it


@pytest.mark.parametrize("shape", [(0, 4, 3), (1,), ()])
def test_shapes_without_or_with_one_value(shape):
    array = np.asarray(values("float32", shape))
    assert np.array_equal(read_tensor(in_fields(array)), array)
    proto = written(array)
    assert np.array_equal(read_tensor(proto), array)


def test_the_last_value_is_meant_for_the_rest():
    proto = TensorProto(dtype=1, float_val=[1, 2])
    proto.tensor_shape.dim.add().size = 4
    np.testing.assert_array_equal(read_tensor(proto), [1, 2, 2, 2])
    proto.ClearField("float_val")
    np.testing.assert_array_equal(read_tensor(proto), [0, 0, 0, 0])


def test_strings_in_both_ways():
    strings = [b"", b"x" * 300, b"\x00\xff", b"y" * 127]
    proto = written(strings)
    assert read_tensor(proto) == strings
    # Lengths in base 128, then all bytes: what the server's flag for contents makes of strings.
    content = bytes([0, 300 % 128 + 128, 300 // 128, 2, 127]) + b"".join(strings)
    proto.ClearField("string_val")
    proto.tensor_content = content
    assert read_tensor(proto) == strings


def proto(dtype=1, sizes=(2,), **fields):
    made = TensorProto(dtype=dtype, **fields)
    for size in sizes:
        made.tensor_shape.dim.add().size = size
    return made


@pytest.mark.parametrize(
    "malformed",
    [
        proto(tensor_content=b"1234567"),
        proto(float_val=[1, 2, 3]),
        proto(sizes=(-1,)),
        proto(sizes=(-1, -2)),
        proto(sizes=(1000, 4000, 4000, 3), float_val=[0]),  # 24 bytes that ask for 192 GB
        proto(dtype=21),
        proto(dtype=7, string_val=[b"1"]),
        proto(dtype=7, tensor_content=b"\x01\x01a"),
        proto(dtype=7, tensor_content=b"\xff\xff"),
        proto(dtype=7, sizes=(2**31,), tensor_content=b"\x00"),
    ],
)
def test_malformed_tensors_are_told(malformed):
    with pytest.raises(MalformedTensor, match="Received"):
        read_tensor(malformed)


def test_no_more_values_than_were_asked_for():
    few = proto(sizes=(100,), float_val=[0])
    assert read_tensor(few, most=100).shape == (100,)
    with pytest.raises(MalformedTensor):
        read_tensor(few, most=99)
