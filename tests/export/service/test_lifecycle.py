"""Versions come, go and break while requests are answered; start and stop."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from export import LocalService
from export.service import local_service
from export.service.gate import Gate
from tests.export.service.makers import (
    Caller,
    add_version,
    break_version,
    picture,
    refusal,
    write_config,
)
from tfdeblur.errors import DataError, InvalidInput

AVAILABLE, END = 30, 50
SOON = {"file_system_poll_wait_seconds": 0.05, "load_retry_interval_micros": 1000}


@pytest.fixture
def base(model, tmp_path):
    add_version(model, tmp_path / "deblur", 1)
    return tmp_path / "deblur"


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail("did not happen in time")
        time.sleep(0.02)


@pytest.mark.parametrize("requests", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_hot_swap_under_load_loses_no_request(model, base, requests):
    with LocalService(base.parent, grpc_max_threads=16, **SOON) as service:
        seen, more = [], threading.Event()

        def ask(number):
            with Caller(service.target) as caller:
                while len(seen) < requests or not more.is_set():
                    answer = caller.predict("serving_uint8", image_u8=picture(dtype="uint8"))
                    seen.append(answer.model_spec.version.value)

        with ThreadPoolExecutor(3) as pool, Caller(service.target) as caller:
            futures = [pool.submit(ask, number) for number in range(3)]
            try:
                wait_for(lambda: seen)
                add_version(model, base, 2)
                wait_for(lambda: 2 in seen)
                wait_for(lambda: caller.status()[1].state == END)
            finally:
                more.set()
            for future in futures:
                future.result()  # a failed request raises here
            states = {n: entry.state for n, entry in caller.status().items()}
    assert len(seen) >= requests and set(seen) == {1, 2}
    assert states == {2: AVAILABLE, 1: END}


@pytest.mark.parametrize("how", ["not a graph", "a plain file", "bad warm-up"])
def test_a_broken_version_leaves_the_old_one(model, base, how):
    with LocalService(base.parent, **SOON) as service, Caller(service.target) as caller:
        if how == "not a graph":
            break_version(base, 2)
        elif how == "a plain file":
            (base / "2").write_text("")
        else:
            hidden = add_version(model, base.parent / "elsewhere", 2)
            (hidden / "assets.extra").mkdir()
            (hidden / "assets.extra/tf_serving_warmup_requests").write_bytes(b"not records" * 9)
            hidden.rename(base / "2")
        wait_for(lambda: 2 in caller.status() and caller.status()[2].state == END)
        states = caller.status()
        assert states[2].status.error_code != 0 and states[2].status.error_message
        assert states[1].state == AVAILABLE
        assert caller.predict(image=picture()).model_spec.version.value == 1
        add_version(model, base, 3)
        wait_for(lambda: 3 in caller.status() and caller.status()[3].state == AVAILABLE)
        assert caller.predict(image=picture()).model_spec.version.value == 3


def test_hidden_and_other_names_are_no_versions(model, base):
    for name in (".tmp-9", "nine", "-9", "9a"):
        (base / name).mkdir()
    with LocalService(base.parent) as service, Caller(service.target) as caller:
        assert list(caller.status()) == [1]


def test_emptied_folder_unloads_and_a_missing_one_does_not(model, base):
    options = SOON | {"open_port_early": True}
    with LocalService(base, model_name="deblur", **options) as service:
        with Caller(service.target) as caller:
            base.rename(base.with_name("away"))
            time.sleep(0.2)
            assert caller.predict(image=picture()).model_spec.version.value == 1
            base.mkdir()
            wait_for(lambda: caller.status()[1].state == END)
            code, text = refusal(caller.predict, image=picture())
            assert (code, text) == (5, "Servable not found for request: Latest(deblur)")
            add_version(model, base, 1)
            wait_for(lambda: refusal(caller.predict, image=picture())[0] == 0)


def test_policies_labels_and_reload(model, base):
    for number in (2, 3):
        add_version(model, base, number)
    config = write_config(base.parent, policy="specific { versions: 1 versions: 2 }")
    with LocalService(config, **SOON) as service, Caller(service.target) as caller:
        assert list(caller.status()) == [2, 1]
        model_config = {
            "name": "deblur",
            "base_path": "/models/deblur",
            "model_platform": "tensorflow",
            "model_version_policy": {"all": {}},
        }
        caller.reload(model_config | {"version_labels": {"stable": 1}})
        assert list(caller.status()) == [3, 2, 1]
        assert caller.predict(label="stable", image=picture()).model_spec.version.value == 1
        caller.reload(model_config | {"version_labels": {"stable": 3}})
        assert caller.predict(label="stable", image=picture()).model_spec.version.value == 3
        code, text = refusal(caller.reload, model_config | {"version_labels": {"new": 9}})
        assert code == 9
        assert "Request to assign label to version 9 of model deblur, which is not" in text
        other = model_config | {"name": "other", "base_path": str(base.parent / "none")}
        code, text = refusal(caller.reload, model_config, other)
        assert code == 2 and "1 model(s) did not become available: {" in text
        caller.reload(other | {"base_path": "/models/deblur"})
        assert refusal(caller.predict, image=picture())[0] == 5, "deblur is no longer listed"
        assert {entry.state for entry in caller.status().values()} == {END}
        with Caller(service.target, "other") as new:
            assert new.predict(image=picture()).model_spec.version.value == 3


def test_labels_at_the_start_need_the_flag(base):
    config = write_config(base.parent, 'version_labels { key: "stable" value: 1 }')
    with pytest.raises(DataError, match="Request to assign label to version 1"):
        LocalService(config).start()
    with LocalService(config, allow_version_labels_for_unavailable_models=True) as service:
        with Caller(service.target) as caller:
            assert caller.predict(label="stable", image=picture()).model_spec.version.value == 1


def test_warm_up_runs_before_a_version_is_available(model, base):
    """One record may fail the load, more than 1000 do; one small value fills the whole tensor."""
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = "serving_uint8"
    proto = request.inputs["image_u8"]
    proto.dtype = tf.uint8.as_datatype_enum
    for size in (1, 4, 4, 3):
        proto.tensor_shape.dim.add(size=size)
    proto.int_val.append(7)

    def write(record, count):
        path = base / "1/assets.extra/tf_serving_warmup_requests"
        path.parent.mkdir(exist_ok=True)
        with tf.io.TFRecordWriter(str(path)) as writer:
            for _ in range(count):
                writer.write(record.SerializeToString())

    write(log, 2)
    LocalService(base.parent).start().stop()
    write(log, 1001)
    with pytest.raises(DataError, match="exceeds the maximum"):
        LocalService(base.parent, max_num_load_retries=0).start()
    request.model_spec.signature_name = "no"
    write(log, 1)
    with pytest.raises(DataError, match='Serving signature key "no" not found'):
        LocalService(base.parent, max_num_load_retries=0).start()
    LocalService(base.parent, enable_model_warmup=False).start().stop()


@pytest.mark.parametrize("fill", ["missing", "empty", "broken"])
def test_nothing_to_serve(tmp_path, fill):
    root = tmp_path / "served"
    if fill != "missing":
        root.mkdir()
    if fill == "broken":
        break_version(root / "deblur", 1)
    with pytest.raises(DataError, match="root|did not become available"):
        LocalService(root, **SOON).start()


def test_a_taken_port_is_an_error(base):
    with LocalService(base.parent) as service:
        port = int(service.target.rpartition(":")[2])
        with pytest.raises(InvalidInput, match=f"`port` must be free.*port={port}"):
            LocalService(base.parent, port).start()
        with Caller(service.target) as caller:
            assert refusal(caller.predict, image=picture())[0] == 0
    with LocalService(base.parent, port) as again:
        assert again.target.endswith(f":{port}")


@pytest.fixture
def gates(monkeypatch):
    """The gates of the services that a test starts, in order."""
    made = []

    def make(*sizes):
        made.append(Gate(*sizes))
        return made[-1]

    monkeypatch.setattr(local_service, "Gate", make)
    return made


def start_slow(caller, pool, gate, seconds):
    """A request that takes so long, once it has the only place."""
    running = pool.submit(refusal, caller.predict, "serving_slow", seconds=np.float32(seconds))
    wait_for(lambda: len(gate._inside) == 1)
    return running


def test_stop_lets_a_running_request_finish(base, gates):
    service = LocalService(base.parent, max_running=1).start()
    with Caller(service.target) as caller, ThreadPoolExecutor(1) as pool:
        running = start_slow(caller, pool, gates[0], 1)
        service.stop()
        assert running.result() == (0, "")
        assert refusal(caller.predict, image=picture())[0] == 14


def test_stop_cancels_what_outlives_the_drain(base, gates):
    service = LocalService(base.parent, max_running=1).start()
    with Caller(service.target) as caller, ThreadPoolExecutor(1) as pool:
        running = start_slow(caller, pool, gates[0], 20)
        service.stop(0.01)
        assert running.result()[0] in (1, 14)


def test_more_callers_than_places(base, gates):
    """One runs, one waits, the third is refused; who waits gets the place, or it is too late."""
    with LocalService(base.parent, max_running=1, grpc_max_threads=2) as service:
        (gate,) = gates
        with Caller(service.target) as caller, ThreadPoolExecutor(1) as pool:
            with gate.turn(lambda: None):
                waiting = pool.submit(refusal, caller.predict, image=picture())
                wait_for(lambda: len(gate._waiting) + len(gate._inside) == 2)
                full = "Server Threadpool Exhausted: 1 requests run and 1 wait. Try again later."
                assert refusal(caller.predict, image=picture()) == (8, full)
                assert caller.status()[1].state == AVAILABLE and caller.healthy()
            assert waiting.result() == (0, "")
            with gate.turn(lambda: None):
                assert refusal(caller.predict, timeout=0.3, image=picture())[0] == 4
            assert refusal(caller.predict, image=picture())[0] == 0


def test_a_caller_without_a_deadline_waits_for_its_turn(base, gates):
    with LocalService(base.parent, max_running=1) as service:
        with Caller(service.target) as caller, ThreadPoolExecutor(1) as pool:
            with gates[0].turn(lambda: None):
                waiting = pool.submit(refusal, caller.predict, timeout=None, image=picture())
                wait_for(lambda: len(gates[0]._waiting) + len(gates[0]._inside) == 2)
            assert waiting.result() == (0, "")


def test_an_answer_that_no_message_holds(base, monkeypatch):
    monkeypatch.setattr("export.service.predict.LARGEST_MESSAGE", 1000)
    with LocalService(base.parent) as service, Caller(service.target) as caller:
        code, text = refusal(caller.predict, image=picture(20, 20))
        assert code == 13 and "The answer would have" in text
        assert refusal(caller.predict, image=picture(5, 5))[0] == 0


def test_limits_of_the_service(base):
    options = {"max_receive_message_bytes": 50_000, "max_image_pixels": 3000}
    with LocalService(base.parent, **options) as service, Caller(service.target) as caller:
        code, text = refusal(caller.predict, image=picture(100, 100))
        assert code == 8 and "Received message larger than max" in text
        code, text = refusal(caller.predict, "serving_uint8", image_u8=picture(55, 55, 1, "uint8"))
        assert code == 3 and "too many pixels" in text
        assert refusal(caller.predict, image=picture(50, 60))[0] == 0


def test_answers_as_tensor_content(base):
    options = {"enable_serialization_as_tensor_content": True}
    with LocalService(base.parent, **options) as service, Caller(service.target) as caller:
        output = caller.predict(image=picture()).outputs["restored"]
        assert len(output.tensor_content) == 4 * 105 and not output.float_val
        np.testing.assert_array_equal(tf.make_ndarray(output), np.float32(1) - picture())


def test_options_are_checked(tmp_path):
    for options in ({"grpc_max_threads": -1}, {"ssl_server_key": "key.pem"}, {"drain_seconds": -1}):
        with pytest.raises(InvalidInput):
            LocalService(tmp_path, **options)
    with pytest.raises(InvalidInput, match="path_map"):
        LocalService(tmp_path, path_map="models")
    with pytest.raises(InvalidInput, match="address of this machine"):
        LocalService(tmp_path, host="203.0.113.7").start()


def test_a_stopped_service_does_not_answer(base):
    with LocalService(base.parent) as service:
        pass
    with Caller(service.target) as caller:
        code, _ = refusal(caller.predict, image=picture())
    assert code == grpc.StatusCode.UNAVAILABLE.value[0]
