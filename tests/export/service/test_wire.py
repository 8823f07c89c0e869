"""Numbers of an answer as bytes: what one kind of message writes, the other one reads."""

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import model_pb2, predict_pb2

from export import wire
from export.client.tensors import MalformedTensor, read_tensor
from export.service.tensors import encode

FLOAT, UINT8, INT8 = 1, 4, 6
INT_VAL = b"\x3a"  # field 7, of bytes or of packed numbers
ONE_INT = b"\x38"  # field 7, a number that is not packed


def tensor(count, *fields, dtype=UINT8):
    """A tensor with these bytes as its other fields, as the client receives it."""
    head = tensor_pb2.TensorProto(dtype=dtype)
    head.tensor_shape.dim.add().size = count
    name = wire.bytes_field(1, b"x")
    value = wire.bytes_field(2, head.SerializeToString(), *fields)
    return wire.split_answer(b"".join(wire.bytes_field(1, *name, *value))).outputs["x"]


def in_field(tag, content):
    assert len(content) < 128
    return tag + bytes([len(content)]) + content


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("shape", [(0,), (), (3,), (2, 5, 7, 3)], ids=str)
def test_an_answer_is_the_same_message_to_all_readers(dtype, shape):
    value = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    spec = model_pb2.ModelSpec(name="deblur")
    spec.version.value = 7
    ours = wire.join_answer(spec, {"restored": encode(value, False)})
    theirs = predict_pb2.PredictResponse.FromString(ours)
    assert (theirs.model_spec.name, theirs.model_spec.version.value) == ("deblur", 7)
    numbers = getattr(theirs.outputs["restored"], {"float32": "float_val"}.get(dtype, "int_val"))
    assert list(numbers) == value.ravel().tolist()
    # And the other way round: packed by Protocol Buffers, in its shortest form.
    for data in (ours, theirs.SerializeToString()):
        received = wire.split_answer(data)
        found = read_tensor(received.outputs["restored"])
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, value)
        assert received.model_spec.SerializeToString() == spec.SerializeToString()


def test_several_outputs_of_any_type():
    values = {
        "restored": np.ones((2, 2), "float32"),
        "score": np.array([0.25, 0.5], "float64"),
        "files": np.array([b"", b"x" * 300], object),
        "half": np.array([1.5], "float16"),
    }
    for as_content in (False, True):
        tensors = {name: encode(value, as_content) for name, value in values.items()}
        answer = wire.split_answer(wire.join_answer(model_pb2.ModelSpec(), tensors))
        assert set(answer.outputs) == set(values)
        for name, value in values.items():
            np.testing.assert_array_equal(read_tensor(answer.outputs[name]), value)


def test_all_codes_in_each_form():
    codes = np.arange(256, dtype="uint8")
    shortest = tensor_pb2.TensorProto(int_val=codes.tolist()).SerializeToString()
    twice = np.tile(codes, 2)
    longer = b"".join(wire.bytes_field(7, wire.pack(twice)))
    np.testing.assert_array_equal(read_tensor(tensor(256, shortest)), codes)
    np.testing.assert_array_equal(read_tensor(tensor(512, shortest, shortest)), twice)
    np.testing.assert_array_equal(read_tensor(tensor(512, longer)), twice)
    assert len(wire.pack(codes)) == 512


@pytest.mark.parametrize(
    "fields, expected",
    [
        ([ONE_INT + b"\x05", ONE_INT + b"\x90\x01"], [5, 144]),
        ([in_field(INT_VAL, b"\x85\x00\x90\x01")], [5, 144]),
        ([in_field(INT_VAL, b"\x85\x80\x00\x90\x81\x00")], [5, 144]),
        ([in_field(INT_VAL, b"\x05\x90\x01")], [5, 144]),
        ([in_field(INT_VAL, b"\x85\x80\x00\x90")], None),
        ([in_field(INT_VAL, b"\x85\x00\x90\x01\x85\x00")], None),
        ([in_field(INT_VAL, b"\x85\x00")], [5, 5]),
        ([], [0, 0]),
    ],
)
def test_forms_that_nobody_should_write(fields, expected):
    """Read rightly, or told; never other values."""
    received = tensor(2, *fields)
    if expected is None:
        with pytest.raises(MalformedTensor, match="Received"):
            read_tensor(received)
    else:
        assert read_tensor(received).tolist() == expected


def test_numbers_of_other_types_are_left_to_protocol_buffers():
    received = tensor(2, in_field(INT_VAL, b"\x85\x00\x90\x01"), dtype=INT8)
    assert read_tensor(received).tolist() == [5, -112]
    with pytest.raises(MalformedTensor):
        read_tensor(tensor(2, in_field(b"\x2a", b"\x00" * 7), dtype=FLOAT))


NO_TEXT = b"\x0a\x03\x0a\x01\xff"  # the name of an output


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x0a\x05abc", b"\x0b", b"\x80", b"\x0a\x02\x12\x09", NO_TEXT]
)
def test_what_is_no_answer_is_told(data):
    with pytest.raises(DecodeError):
        wire.split_answer(data)


def test_any_order_and_repetition_of_fields():
    """As Protocol Buffers reads it: the last one counts, unknown ones do not."""
    spec = model_pb2.ModelSpec(name="deblur")
    old, new = (encode(np.full(3, value, "uint8"), False) for value in (1, 200))
    data = wire.join_answer(spec, {"x": old}) + wire.join_answer(spec, {"x": new})
    data = b"\x78\x05" + data + b"\x7d\x00\x00\x00\x00"
    assert read_tensor(wire.split_answer(data).outputs["x"]).tolist() == [200] * 3
    theirs = predict_pb2.PredictResponse.FromString(data).outputs["x"]
    assert list(theirs.int_val) == [200] * 3
