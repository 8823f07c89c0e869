"""Slow callers: whatever they hold, others are answered, and what they hold has an end."""

import socket
import struct
import time
from contextlib import ExitStack, contextmanager

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from export import LocalService
from export.service.gate import Gate
from tests.export.service.makers import Caller, add_version, picture
from tfdeblur.limits import MOST_SLOW_CALLS as MOST
from tfdeblur.limits import MOST_STREAMS

MANY = 2 * MOST  # more than the service has threads
PREDICT = b"/tensorflow.serving.PredictionService/Predict"
CANCELLED = grpc.StatusCode.CANCELLED
DATA, HEADERS, RST_STREAM, SETTINGS = 0, 1, 3, 4  # kinds of HTTP/2 frames
END_HEADERS, END_STREAM = 4, 1


@pytest.fixture(scope="module")
def service(model, tmp_path_factory):
    base = tmp_path_factory.mktemp("slow") / "deblur"
    add_version(model, base, 1)
    options = {"file_system_poll_wait_seconds": 0, "grpc_max_threads": 8}
    with LocalService(base.parent, **options) as service:
        yield service


@pytest.fixture
def served(service):
    with Caller(service.target) as caller:
        yield caller


@pytest.fixture
def slow(service):
    return service._server.slow


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def opened(path=PREDICT):
    """Bytes of a new connection on which a call begins, its request not yet sent."""
    head = {b":method": b"POST", b":scheme": b"http", b":path": path, b":authority": b"here"}
    head |= {b"te": b"trailers", b"content-type": b"application/grpc"}
    fields = (b"\0%c%b%c%b" % (len(k), k, len(v), v) for k, v in head.items())
    start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0)
    return start + frame(HEADERS, END_HEADERS, 1, b"".join(fields))


@contextmanager
def connections(target, count, data):
    """So many connections that have sent these bytes and read nothing."""
    host, _, port = target.rpartition(":")
    with ExitStack() as stack:
        sockets = []
        for _ in range(count):
            sockets.append(stack.enter_context(socket.create_connection((host, int(port)), 30)))
            sockets[-1].sendall(data)
        yield sockets


def was_ended(connection, by=(HEADERS, RST_STREAM)):
    """Whether the service has ended the call on a connection, of which nothing was read."""
    connection.setblocking(False)
    try:
        data = connection.recv(2**18, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    kinds = set()
    while len(data) >= 9:
        kinds.add(data[3])
        data = data[9 + int.from_bytes(data[:3], "big") :]
    return bool(kinds.intersection(by))


def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def assert_answers(served):
    assert served.healthy()
    assert list(served.status()) == [1]
    for signature, alias, dtype in (("", "image", "float32"), ("serving_uint8", "image_u8", "u1")):
        value = picture(dtype="uint8" if dtype == "u1" else dtype)
        answer = served.predict(signature, **{alias: value})
        (restored,) = answer.outputs.values()
        white = np.array(1 if dtype == "float32" else 255, value.dtype)
        np.testing.assert_array_equal(tf.make_ndarray(restored), white - value)


def test_requests_that_arrive_byte_by_byte(service, served, slow):
    """All threads that there are would wait for them."""
    prefix = struct.pack(">BI", 0, 10**6)  # of a message of a megabyte
    with connections(service.target, MANY, opened() + frame(DATA, 0, 1, prefix)) as sockets:
        wait_until(lambda: len(slow.arriving) == MOST)
        for _ in range(3):
            for connection in sockets[-10:]:
                connection.sendall(frame(DATA, 0, 1, b"\0"))
            assert_answers(served)
        wait_until(lambda: MANY - sum(map(was_ended, sockets)) == len(slow.arriving) <= MOST)
    wait_until(lambda: not len(slow.arriving))
    assert_answers(served)


def test_as_many_may_arrive_together_as_are_served(model, tmp_path):
    add_version(model, tmp_path / "deblur", 1)
    with LocalService(tmp_path, grpc_max_threads=MOST + 10) as service:
        slow = service._server.slow
        with connections(service.target, MOST + 10, opened()) as sockets:
            wait_until(lambda: len(slow.arriving) == MOST + 10)
            with Caller(service.target) as caller:
                assert_answers(caller)
            assert sum(map(was_ended, sockets)) <= 1  # the oldest made room for `caller`


def asks_for_much(caller):
    """Bytes of a new connection with a small call, whose answer has 256 x 256 pixels."""
    request = caller.request("serving_uint8", image_u8=picture(1, 1, dtype="uint8"))
    proto = request.inputs["image_u8"]
    proto.ClearField("tensor_content")
    proto.int_val.append(7)  # means all of them
    for axis, size in zip(proto.tensor_shape.dim, (1, 256, 256, 3), strict=True):
        axis.size = size
    data = request.SerializeToString()
    return opened() + frame(DATA, END_STREAM, 1, struct.pack(">BI", 0, len(data)) + data)


def test_answers_that_nobody_takes(service, served, slow):
    """They stay in the service: HTTP/2 sends 64 KiB to who does not ask for more."""
    sent = asks_for_much(served)
    with ExitStack() as stack:
        held = []

        def answer_begins():
            return was_ended(held[-1], [HEADERS])

        for _ in range(MANY):
            held += stack.enter_context(connections(service.target, 1, sent))
            wait_until(answer_begins)
            assert len(slow.leaving) <= MOST
        assert_answers(served)
        cut = [was_ended(connection, [RST_STREAM]) for connection in held]
        assert sum(cut) >= MANY - MOST and all(cut[: MANY - MOST]) and not any(cut[-10:])
    wait_until(lambda: not len(slow.leaving))


STARTS = (b"", b"PRI * HTTP/2.0\r\n", opened()[:40], b"GET / HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("data", STARTS, ids=("nothing", "half", "settings", "http1"))
def test_connections_that_say_nothing_more(service, served, data):
    with connections(service.target, 100, data):
        assert_answers(served)


def test_streams_without_an_end(served, slow):
    stub = reflection_pb2_grpc.ServerReflectionStub(served.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    with ExitStack() as stack:
        calls = []
        for number in range(3 * MOST_STREAMS):
            if number % 2:
                call = served.health.Watch(health_pb2.HealthCheckRequest())
            else:
                call = stub.ServerReflectionInfo(endless(request, stack))
            next(call)
            calls.append(call)
        assert_answers(served)
        assert len(slow.streams) == MOST_STREAMS
        for call in calls[:-MOST_STREAMS]:
            wait_until(lambda call=call: call.code() is not None)
            assert call.code() is CANCELLED
        assert calls[-1].is_active()
        for call in calls:
            call.cancel()
    wait_until(lambda: not len(slow.streams))


def endless(request, stack):
    """A stream of one request that stays open until the stack closes."""
    import threading

    ended = threading.Event()
    stack.callback(ended.set)
    yield request
    ended.wait(60)


def test_a_call_without_a_request(served):
    call = served.channel.stream_unary(
        PREDICT.decode(), request_serializer=bytes, response_deserializer=bytes
    )
    with pytest.raises(grpc.RpcError) as caught:
        call(iter([]), timeout=30)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "requires exactly one request message" in caught.value.details()


def test_an_answer_that_nobody_takes_counts_as_memory(model, tmp_path, monkeypatch):
    made = []

    def gate(*sizes):
        made.append(Gate(*sizes))
        return made[-1]

    monkeypatch.setattr("export.service.local_service.Gate", gate)
    add_version(model, tmp_path / "deblur", 1)
    with LocalService(tmp_path) as service, Caller(service.target) as caller:
        (room,) = (gate.room for gate in made)
        caller.predict(image=picture())
        wait_until(lambda: not room.answers)
        with connections(service.target, 1, asks_for_much(caller)):
            # The array, its message of two bytes a number, and gRPC's copy.
            wait_until(lambda: room.answers == 5 * 256 * 256 * 3)
            wait_until(lambda: not room.messages)
        wait_until(lambda: not room.answers)
