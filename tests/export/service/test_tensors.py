"""TensorProto to array and back, held against TensorFlow's own conversion."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from export.service.tensors import check, decode, encode
from export.status import Status

LARGEST = 10**6
TYPES = ["float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "uint16"]
TYPES += ["int32", "int64", "bool"]


def values(dtype, shape=(2, 3, 5)):
    generator = np.random.default_rng(0)
    numbers = generator.integers(-300, 300, shape)
    return numbers.astype(tf.as_dtype(dtype).as_numpy_dtype)


def encoded(value, as_content):
    """What a reader that knows nothing of `export.wire` makes of the bytes."""
    return tensor_pb2.TensorProto.FromString(b"".join(encode(value, as_content)))


def read(proto):
    return decode("x", proto, *check("x", proto, LARGEST))


@pytest.mark.parametrize("as_content", [False, True])
@pytest.mark.parametrize("dtype", TYPES)
def test_round_trip_and_tensorflow_reads_the_same(dtype, as_content):
    value = values(dtype)
    proto = encoded(value, as_content)
    assert bool(proto.tensor_content) == as_content
    np.testing.assert_array_equal(tf.make_ndarray(proto), value)
    np.testing.assert_array_equal(read(proto), value)
    assert read(proto).dtype == value.dtype


@pytest.mark.parametrize("dtype", TYPES)
def test_reads_what_tensorflow_writes(dtype):
    for shape in ((2, 3), (), (0, 4), (1,)):
        value = values(dtype, shape)
        np.testing.assert_array_equal(read(tf.make_tensor_proto(value)), value)


@pytest.mark.parametrize("as_content", [False, True])
def test_strings(as_content):
    texts = np.array([[b"", b"a" * 300], [bytes(range(256)), b"x"]], object)
    proto = encoded(texts, as_content)
    np.testing.assert_array_equal(read(proto), texts)
    # What TensorFlow's kernels read; make_ndarray does not know this form of strings.
    again = tf.io.parse_tensor(proto.SerializeToString(), tf.string)
    np.testing.assert_array_equal(again.numpy(), texts)


def test_arrays_that_are_not_contiguous():
    for value in (values("uint8")[:, ::2, ::-1], values("float32").transpose(2, 0, 1)):
        for as_content in (False, True):
            np.testing.assert_array_equal(tf.make_ndarray(encoded(value, as_content)), value)


def test_all_codes_of_uint8_in_a_field():
    codes = np.arange(256, dtype="uint8")
    proto = encoded(codes, False)
    assert list(proto.int_val) == list(range(256))
    # TensorFlow's own parser, in C++.
    data = b"".join(encode(codes, False))
    assert tf.io.parse_tensor(data, "uint8").numpy().tolist() == list(range(256))


@pytest.mark.parametrize("given, read_as", [([], 0), ([4], 4), ([1, 2, 9], 9)])
def test_a_short_field_repeats_its_last_value(given, read_as):
    proto = tensor_pb2.TensorProto(dtype=tf.uint8.as_datatype_enum, int_val=given)
    proto.tensor_shape.dim.add(size=6)
    expected = (given + [read_as] * 6)[:6]
    assert read(proto).tolist() == expected
    assert (
        read(proto).tolist()
        == tf.io.parse_tensor(proto.SerializeToString(), "uint8").numpy().tolist()
    )


@pytest.mark.parametrize("content", [b"\x01\x01a", b"\x01\x01abc", b"\x01", b"\xff\xff"])
def test_strings_must_fit_the_shape(content):
    proto = tensor_pb2.TensorProto(dtype=tf.string.as_datatype_enum, tensor_content=content)
    proto.tensor_shape.dim.add(size=2)
    with pytest.raises(Status, match="tensor parsing error: x"):
        read(proto)


@pytest.mark.parametrize("size", [-1, 3, 5, 8])
def test_content_must_fit_the_shape(size):
    proto = tensor_pb2.TensorProto(dtype=tf.float32.as_datatype_enum, tensor_content=bytes(16))
    proto.tensor_shape.dim.add(size=size)
    with pytest.raises(Status, match="tensor parsing error: x"):
        read(proto)
