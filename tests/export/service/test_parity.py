"""What a client sees, row by row, as read in TensorFlow Serving's sources.

Set TFDEBLUR_TFS_TARGET=host:port (and TFDEBLUR_TFS_MODEL, default `deblur`) to run the same table
on a real tensorflow_model_server that serves a model of `tfdeblur export`.
"""

import grpc
import numpy as np
import pytest
import tensorflow as tf

from export.wire import CONTENT_WANTED
from tests.export.service.makers import Caller, picture, refusal

INVALID, NOT_FOUND, PRECONDITION = 3, 5, 9


def _named(name):
    def change(request):
        request.model_spec.name = name

    return change


def _labelled(label, name=None):
    def change(request):
        request.model_spec.name = name or request.model_spec.name
        request.model_spec.version_label = label

    return change


def _versioned(number):
    def change(request):
        request.model_spec.version.value = number

    return change


def _signature(name):
    def change(request):
        request.model_spec.signature_name = name

    return change


def _inputs(**inputs):
    def change(request):
        request.inputs.clear()
        for alias, value in inputs.items():
            request.inputs[alias].CopyFrom(tf.make_tensor_proto(value))

    return change


def _filtered(*aliases):
    return lambda request: request.output_filter.extend(aliases)


def _content(data):
    def change(request):
        request.inputs["image"].tensor_content = data

    return change


def _png_header(width, height):
    sides = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + sides + b"\x08\x02\x00\x00\x00" + bytes(40)


PNG = tf.io.encode_png(picture(dtype="uint8")[0]).numpy()
SHAPE = "is not compatible with expected shape [?,?,?,3]."
# row of the table -> change of a good request, code, fragments of the message
ROWS = {
    "P1": (lambda r: r.ClearField("model_spec"), INVALID, "Missing ModelSpec"),
    "P2": (_named(""), INVALID, "ModelSpec has no name specified."),
    "P3": (_labelled("gone"), INVALID, "Unrecognized servable version label: gone"),
    "P3 unknown model": (_labelled("gone", "none"), INVALID, "Unrecognized servable version label"),
    "P4": (_named("none"), NOT_FOUND, "Servable not found for request: Latest(none)"),
    "P5": (_versioned(77), NOT_FOUND, "Servable not found for request: Specific("),
    "P5 zero": (_versioned(0), NOT_FOUND, ", 0)"),
    "P6": (_signature("no"), PRECONDITION, 'Serving signature key "no" not found.'),
    # Not for requests; TensorFlow Serving looks at that only under a flag that is off by default.
    "P7 initialisation": (
        _signature("__saved_model_init_op"),
        *(INVALID, "input size does not match signature: 1!=0"),
    ),
    "P7 many": (
        _inputs(image=picture(), more=1.0),
        *(INVALID, "input size does not match signature: 2!=1"),
    ),
    "P7 none": (_inputs(), INVALID, "input size does not match signature: 0!=1"),
    "P8": (_inputs(picture=picture()), INVALID, "Signature input alias: image(feed name: "),
    "P9": (_content(b"abc"), INVALID, "tensor parsing error: image"),
    "P10": (_filtered("sharp"), INVALID, "output tensor alias not found in signature: sharp"),
    "P11": (
        _filtered("restored", "restored"),
        *(INVALID, "duplicate output tensor alias: restored"),
    ),
    "P12": (
        _inputs(image=picture(dtype="float64")),
        *(INVALID, "Expects arg[0] to be float but double is provided"),
    ),
    "P12 bytes": (_inputs(image=b"text"), INVALID, "to be float but string is provided"),
    "P13 channels": (_inputs(image=np.zeros([1, 4, 4, 4], "float32")), INVALID, SHAPE),
    "P13 rank 1": (_inputs(image=np.zeros([3], "float32")), INVALID, SHAPE),
    "P13 rank 3": (_inputs(image=np.zeros([4, 4, 3], "float32")), INVALID, SHAPE),
    "P13 rank 5": (_inputs(image=np.zeros([1, 1, 4, 4, 3], "float32")), INVALID, SHAPE),
}
FILES = {
    "truncated": (PNG[:-30], "Invalid PNG data"),
    "another format": (b"GIF89a" + bytes(40), "assertion failed"),
    "empty": (b"", "assertion failed"),
    "P15 header bomb": (_png_header(60000, 60000), "image has too many pixels"),
}


@pytest.mark.parametrize("row", ROWS)
def test_predict_refuses(caller, row):
    change, code, text = ROWS[row]
    request = caller.request(image=picture())
    change(request)
    assert_refused(caller.prediction.Predict, request, code, text)


def test_the_initialisation_has_nothing_to_answer(caller):
    request = caller.request("__saved_model_init_op")
    assert_refused(caller.prediction.Predict, request, 11, "does not have output 0")


@pytest.mark.parametrize("kind", FILES)
def test_predict_refuses_files(caller, kind):
    data, text = FILES[kind]
    for files in ([data], [PNG, data]):
        request = caller.request("serving_bytes", image_bytes=files)
        assert_refused(caller.prediction.Predict, request, INVALID, text)


def test_of_several_faults_the_first_row_is_told(caller):
    """Faults are taken away one after the other; each time the next row answers."""
    request = caller.request("no", label="gone", version=None, image=picture(dtype="float64"))
    request.model_spec.name = ""
    request.inputs["more"].CopyFrom(tf.make_tensor_proto(1.0))
    request.output_filter.extend(["sharp", "restored", "restored"])
    seen = []
    repairs = (
        lambda: setattr(request.model_spec, "name", caller.model),
        lambda: setattr(request.model_spec.version, "value", 77),
        lambda: request.model_spec.ClearField("version"),
        lambda: setattr(request.model_spec, "signature_name", ""),
        lambda: request.inputs.pop("more"),
        lambda: request.output_filter.pop(0),
        lambda: request.output_filter.pop(0),
        lambda: _inputs(image=np.zeros([4, 4, 3], "float32"))(request),
        lambda: _inputs(image=picture())(request),
    )
    for repair in (lambda: None, *repairs):
        repair()
        seen.append(refusal(caller.prediction.Predict, request, timeout=30)[1][:22])
    starts = ("ModelSpec has no name", "Unrecognized servable", "Servable not found for")
    starts += ("Serving signature key", "input size does not", "output tensor alias")
    starts += ("duplicate output", "Expects arg[0]", "Shape of tensor", "")
    assert [text[: len(start)] for text, start in zip(seen, starts, strict=True)] == list(starts)


def test_p16_deadline(caller, real_server):
    if real_server:
        code, _ = refusal(caller.predict, timeout=0.001, image=picture(512, 512))
    else:
        code, _ = refusal(caller.predict, "serving_slow", timeout=0.05, seconds=np.float32(5))
    assert code == 4


@pytest.mark.parametrize("size", [(1, 1, 1), (5, 7, 2), (33, 64, 1)])
def test_answers(caller, real_server, size):
    floats, codes = picture(*size), picture(*size, dtype="uint8")
    answer = caller.predict(image=floats)
    assert list(answer.outputs) == ["restored"]
    assert answer.model_spec.name == caller.model
    assert answer.model_spec.signature_name == "serving_default"
    assert answer.model_spec.version.value >= 1
    restored = tf.make_ndarray(answer.outputs["restored"])
    restored_u8 = tf.make_ndarray(
        caller.predict("serving_uint8", image_u8=codes).outputs["restored_u8"]
    )
    assert (restored.shape, restored.dtype) == (floats.shape, "float32")
    assert (restored_u8.shape, restored_u8.dtype) == (floats.shape, "uint8")
    if not real_server:
        np.testing.assert_array_equal(restored, np.float32(1) - floats)
        np.testing.assert_array_equal(restored_u8, 255 - codes)


def test_answers_files(caller):
    files = [tf.io.encode_png(picture(h, w, dtype="uint8")[0]).numpy() for h, w in ((5, 7), (3, 1))]
    answer = caller.predict("serving_bytes", image_bytes=files)
    restored = tf.make_ndarray(answer.outputs["restored_bytes"])
    assert [tuple(tf.io.decode_png(f).shape) for f in restored] == [(5, 7, 3), (3, 1, 3)]


def test_answers_come_in_typed_fields_by_default(caller):
    floats = caller.predict(image=picture()).outputs["restored"]
    codes = caller.predict("serving_uint8", image_u8=picture(dtype="uint8")).outputs["restored_u8"]
    assert (len(floats.float_val), len(codes.int_val)) == (105, 105)
    assert not floats.tensor_content and not codes.tensor_content


def test_answers_come_in_bytes_to_those_who_ask(caller, real_server):
    if real_server:
        pytest.skip("the real server has a flag for it and does not look at metadata")
    for alias, value in (("image", picture()), ("image_u8", picture(dtype="uint8"))):
        request = caller.request("serving_uint8" if alias == "image_u8" else "", **{alias: value})
        in_fields = caller.prediction.Predict(request)
        in_bytes = caller.prediction.Predict(request, metadata=[CONTENT_WANTED])
        assert in_fields.model_spec == in_bytes.model_spec
        for name, tensor in in_bytes.outputs.items():
            assert tensor.tensor_content
            fields = in_fields.outputs[name]
            np.testing.assert_array_equal(tf.make_ndarray(tensor), tf.make_ndarray(fields))


def test_a_label_is_resolved_and_not_echoed(caller, real_server):
    if real_server:
        pytest.skip("needs a server with the label `stable` on version 2")
    answer = caller.predict(label="stable", image=picture())
    assert (answer.model_spec.version.value, answer.model_spec.version_label) == (2, "")
    assert caller.predict(image=picture()).model_spec.version.value == 3


# --- transport ----------------------------------------------------------------------------


def test_an_answer_above_the_clients_limit(caller):
    with Caller(caller.target, caller.model, options=[]) as small:
        code, text = refusal(small.predict, timeout=60, image=picture(640, 640))
    assert code == 8
    assert "Received message larger than max" in text


def test_a_request_above_the_clients_own_limit(caller):
    with Caller(caller.target, caller.model, [("grpc.max_send_message_length", 1000)]) as small:
        code, text = refusal(small.predict, image=picture(64, 64))
    assert code == 8
    assert "Sent message larger than max" in text


def test_unknown_method_and_undecodable_request(caller):
    plain = {"request_serializer": bytes, "response_deserializer": bytes}
    unknown = caller.channel.unary_unary("/tensorflow.serving.PredictionService/Guess", **plain)
    assert refusal(unknown, b"", timeout=30)[0] == 12
    predict = caller.channel.unary_unary("/tensorflow.serving.PredictionService/Predict", **plain)
    assert refusal(predict, b"\xff\xff\xff", timeout=30)[0] == 13


def test_nothing_listens():
    with Caller("127.0.0.1:1") as nobody:
        assert refusal(nobody.predict, image=picture())[0] == 14
        request = nobody.request(image=picture())
        predict = nobody.prediction.Predict
        assert refusal(predict, request, timeout=0.1, wait_for_ready=True)[0] == 4


def assert_refused(method, request, code, text):
    with pytest.raises(grpc.RpcError) as caught:
        method(request, timeout=30)
    assert caught.value.code().value[0] == code, caught.value.details()
    assert text in caught.value.details()
