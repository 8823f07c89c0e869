"""Messages are measured before they are parsed: small ones can ask for much."""

import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from export import LocalService
from export.service.entries import parsed_size
from tests.export.service.makers import Caller, add_version, picture, refusal
from tfdeblur import limits

DESCRIPTOR = predict_pb2.PredictRequest.DESCRIPTOR


def request(**fields):
    message = predict_pb2.PredictRequest()
    message.model_spec.name = "deblur"
    message.inputs["image"].CopyFrom(tf.make_tensor_proto([1.0]))
    for name, value in fields.items():
        getattr(message.inputs["image"], name).extend(value)
    return message.SerializeToString()


def test_numbers_of_one_byte_count_as_they_are_kept():
    plain = parsed_size(request(), DESCRIPTOR, 1000)
    assert parsed_size(request(int64_val=[1] * 500), DESCRIPTOR, 1000) > plain + 8 * 500
    assert parsed_size(request(int_val=[1] * 500), DESCRIPTOR, 1000) > plain + 4 * 500
    assert plain < parsed_size(request(bool_val=[1] * 500), DESCRIPTOR, 1000) < plain + 1000


def test_a_picture_counts_once():
    before = parsed_size(request(), DESCRIPTOR, 1000)
    message = predict_pb2.PredictRequest.FromString(request())
    message.inputs["image"].tensor_content = bytes(10**6)
    size = parsed_size(message.SerializeToString(), DESCRIPTOR, 1000)
    assert 10**6 <= size - before < 10**6 + 500


@pytest.mark.parametrize("field", ["string_val", "variant_val", "resource_handle_val"])
def test_many_parts_are_too_many(field):
    message = predict_pb2.PredictRequest.FromString(request())
    parts = getattr(message.inputs["image"], field)
    for _ in range(1000):
        parts.append(b"") if field == "string_val" else parts.add()
    assert parsed_size(message.SerializeToString(), DESCRIPTOR, 1000) == -1


@pytest.mark.parametrize("data", [b"", b"\xff" * 30, b"\x12\xff\xff\xff\xff\x0f", b"\x0b" * 500])
def test_what_is_no_message_has_a_size_too(data):
    assert 0 <= parsed_size(data, DESCRIPTOR, 1000) <= 140 * (len(data) + 1)


def test_very_many_axes_are_refused_before_they_are_parsed(model, tmp_path):
    add_version(model, tmp_path / "deblur", 1)
    axes = predict_pb2.PredictRequest()
    for _ in range(limits.MOST_ENTRIES_OF_A_REQUEST):
        axes.inputs["image"].tensor_shape.dim.add()
    with LocalService(tmp_path / "deblur") as service, Caller(service.target) as caller:
        code, text = refusal(caller.prediction.Predict, axes, timeout=30)
        assert code == 3 and "more than 65536 fields, axes and texts" in text
        health = caller.channel.unary_unary("/grpc.health.v1.Health/Check")
        assert refusal(health, b"\xff\xff", timeout=30) == (13, "Exception deserializing request!")
        assert refusal(caller.predict, image=picture()) == (0, "")
