"""Hostile requests: the right code for each, and the process answers the next good one."""

import random

import numpy as np
import psutil
import pytest
import tensorflow as tf

from export import LocalService
from tests.export.service.makers import Caller, add_version, picture, refusal
from tests.fuzz.mutate import flipped

INVALID = 3
PNG = tf.io.encode_png(picture(9, 8, dtype="uint8")[0]).numpy()
FUZZED = 300
PLAIN = {"request_serializer": bytes, "response_deserializer": bytes}
CODES = {0, 3, 5, 9, 13}  # 13 is gRPC's own word for bytes that are no message


@pytest.fixture(scope="module")
def served(model, tmp_path_factory):
    base = tmp_path_factory.mktemp("abused") / "deblur"
    add_version(model, base, 1)
    with LocalService(base.parent, file_system_poll_wait_seconds=0) as service:
        with Caller(service.target) as caller:
            yield caller


@pytest.fixture(autouse=True)
def alive(served):
    yield
    answer = served.predict(image=picture())
    np.testing.assert_array_equal(
        tf.make_ndarray(answer.outputs["restored"]), np.float32(1) - picture()
    )


def bomb(caller, shape, alias="image", dtype="float32", signature="", **fields):
    request = caller.request(signature)
    proto = request.inputs[alias]
    proto.dtype = tf.as_dtype(dtype).as_datatype_enum
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    for name, values in fields.items():
        getattr(proto, name).extend(values)
    return refusal(caller.prediction.Predict, request, timeout=30)


@pytest.mark.parametrize(
    "shape",
    [
        (1, 2**20, 2**20, 3),
        (2**62, 2**62, 2**62, 3),
        (1, 5000, 5000, 3),
        (0, 2**40, 2**40, 3),
        (-1, 4, 4, 3),
    ],
    ids=str,
)
def test_tensor_bombs(served, shape):
    before = psutil.Process().memory_info().rss
    code, text = bomb(served, shape, float_val=[1.0])
    assert (code, text[:28]) == (INVALID, "tensor parsing error: image" + text[27:28])
    assert psutil.Process().memory_info().rss - before < 64 * 2**20


def test_a_list_of_very_many_strings(served):
    code, text = bomb(served, (2**30,), "image_bytes", "string", "serving_bytes")
    assert code == INVALID and "tensor parsing error: image_bytes" in text


def test_a_picture_that_the_shape_repeats_very_often(served):
    """2.4 kB on the wire that TensorFlow would copy into gigabytes."""
    picture = PNG + bytes(2200)
    before = psutil.Process().memory_info().rss
    fields = {"string_val": [picture]}
    code, text = bomb(served, (500_000,), "image_bytes", "string", "serving_bytes", **fields)
    size = 500_000 * (64 + len(picture))
    assert code == INVALID and f"the last is repeated, take {size} bytes" in text
    assert psutil.Process().memory_info().rss - before < 64 * 2**20


def test_a_picture_that_the_shape_repeats_twice(served):
    request = served.request("serving_bytes", image_bytes=[PNG])
    request.inputs["image_bytes"].tensor_shape.dim[0].size = 3
    answer = served.prediction.Predict(request, timeout=30)
    first, *others = tf.make_ndarray(answer.outputs["restored_bytes"])
    assert others == [first] * 2


@pytest.mark.parametrize("dtype", ["complex64", "resource", "variant", "qint8"])
def test_types_that_no_image_has(served, dtype):
    code, text = bomb(served, (1, 4, 4, 3), dtype=dtype)
    assert (code, text) == (INVALID, "tensor parsing error: image")


@pytest.mark.parametrize("rank", [0, 1, 2, 3, 5, 6, 200])
def test_wrong_ranks(served, rank):
    code, text = bomb(served, (1,) * rank)
    assert code == INVALID and "is not compatible with expected shape [?,?,?,3]." in text


@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (1, 0, 4, 3), (1, 4, 0, 3), (0, 0, 0, 3)], ids=str)
def test_empty_images_do_no_harm(served, shape):
    """The model says what it thinks of them; this one returns as many pixels as it got."""
    assert bomb(served, shape) == (0, "")


@pytest.mark.parametrize("content", [b"", b"\xff" * 9, b"\x05abc", b"\x80" * 40, b"\x02\x00ab"])
def test_broken_lists_of_strings(served, content):
    request = served.request("serving_bytes", image_bytes=[PNG, PNG])
    request.inputs["image_bytes"].string_val.clear()
    request.inputs["image_bytes"].tensor_content = content
    code, text = refusal(served.prediction.Predict, request)
    assert code == INVALID
    assert text.startswith(
        "tensor parsing error" if content not in (b"", b"\x02\x00ab") else "asse"
    )


@pytest.mark.parametrize("length", [0, 1, 8, 20, 33, 40, len(PNG) - 20])
def test_truncated_images(served, length):
    code, _ = refusal(served.predict, "serving_bytes", image_bytes=[PNG[:length]])
    assert code == INVALID


def test_long_and_odd_names(served):
    """A message is cut, as the real server cuts it, and is text whatever was sent."""
    code, text = refusal(served.predict, "x" * 5000, image=picture())
    assert code == 9 and len(text) == 1024 + len("...TRUNCATED")
    assert text.endswith("...TRUNCATED")
    code, text = refusal(served.predict, 'ü\n"\x00%', image=picture())
    assert (code, text) == (9, 'Serving signature key "ü\n"\x00%" not found.')


def test_fuzzed_requests(served, caplog):
    """Valid requests with some bytes changed: refused or answered, and no fault of our own."""
    with caplog.at_level("ERROR", "tfdeblur.serve"):
        codes = set(fuzz(served, FUZZED, seed=1))
    assert codes <= CODES and {0, 3} <= codes
    assert not [record for record in caplog.records if record.name == "tfdeblur.serve"]


@pytest.mark.slow
def test_many_fuzzed_requests(served, caplog):
    process = psutil.Process()
    for _ in fuzz(served, 500, seed=2):
        pass
    before = process.memory_info().rss
    junk = served.channel.unary_unary("/tensorflow.serving.PredictionService/Predict", **PLAIN)
    assert {refusal(junk, b"\xff" * 3, timeout=30)[0] for _ in range(3000)} == {13}
    with caplog.at_level("ERROR", "tfdeblur.serve"):
        assert set(fuzz(served, 10_000, seed=3)) <= CODES
    assert not [record for record in caplog.records if record.name == "tfdeblur.serve"]
    assert process.memory_info().rss - before < 40 * 2**20


def fuzz(caller, count, seed):
    generator = random.Random(seed)
    call = caller.channel.unary_unary("/tensorflow.serving.PredictionService/Predict", **PLAIN)
    seeds = [
        caller.request(image=picture(2, 3)),
        caller.request("serving_uint8", image_u8=picture(2, 3, dtype="uint8")),
        caller.request("serving_bytes", image_bytes=[PNG]),
        caller.request("", version=1, image=picture(1, 1)),
    ]
    messages = [request.SerializeToString() for request in seeds]
    for _ in range(count):
        yield refusal(call, flipped(messages, generator), timeout=30)[0]
