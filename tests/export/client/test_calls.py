"""Calls: retries, deadlines, and which error each code becomes."""

import shutil
import socket
import subprocess
import time

import grpc
import numpy as np
import pytest

from export.client.calls import tls_credentials
from export.client.client import DeblurClient
from export.client.errors import KINDS, MessageTooLarge, failure, pixel_limit
from export.status import TABLE
from tests.export.makers import Fake, negative, serving
from tfdeblur.errors import DataError, InvalidInput, ServiceUnreachable, TfdeblurError

IMAGE = np.random.default_rng(0).integers(0, 256, (5, 6, 3), "uint8")
Code = grpc.StatusCode


@pytest.fixture(scope="module")
def fake():
    return Fake(negative)


@pytest.fixture(scope="module")
def target(fake):
    with serving(fake) as target:
        yield target


@pytest.fixture
def client(fake, target):
    fake.failures.clear()
    fake.requests.clear()
    with DeblurClient(target, retries=3) as client:
        client._service.first_pause = 0.01
        yield client


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_code_becomes_the_error_of_the_table(row, client, fake):
    fake.failures += [Code[row.name]] * 10
    with pytest.raises(TfdeblurError) as caught:
        client.deblur(IMAGE)
    error = caught.value
    assert isinstance(error, row.error) and error.exit_code == row.exit_code
    assert (error.code, error.text) == (row.name, f"told to say {row.name}")
    for part in (client._service.target, "model 'deblur'", row.name, error.text):
        assert part in str(error)
    again = row.name in ("UNAVAILABLE", "RESOURCE_EXHAUSTED")
    assert len(fake.requests) == (4 if again else 1)


def test_codes_that_say_what_to_do_are_of_the_table():
    assert set(KINDS) <= {row.name for row in TABLE}


BUSY, GONE = Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE


@pytest.mark.parametrize("failures", [[GONE], [BUSY], [GONE, BUSY, GONE]])
def test_what_does_not_answer_or_is_busy_is_asked_again(failures, client, fake):
    fake.failures += failures
    np.testing.assert_array_equal(client.deblur(IMAGE).image, 255 - IMAGE)
    assert len(fake.requests) == len(failures) + 1


@pytest.mark.parametrize(
    "text",
    [
        "SERVER: Received message larger than max (9 vs. 5)",
        "CLIENT: Received message larger than max (9 vs. 4194304)",
        "SERVER: Sent message larger than max (9 vs. 5)",
        "Sent message larger than max (9 vs. 5)",
    ],
)
def test_a_message_does_not_get_smaller_by_waiting(text, client, fake):
    fake.failures += [(BUSY, text)] * 2
    with pytest.raises(MessageTooLarge, match="max_pixels") as caught:
        client.deblur(IMAGE)
    assert (caught.value.code, caught.value.text) == ("RESOURCE_EXHAUSTED", text)
    assert len(fake.requests) == 1


def test_pauses_grow_are_random_and_end_with_the_deadline(client, fake, monkeypatch):
    client.deblur(IMAGE)  # the model's signatures are known from here on
    pauses = []
    monkeypatch.setattr("export.client.calls.time.sleep", pauses.append)
    client._service.first_pause = 1.0
    fake.failures += [GONE, BUSY, GONE]
    client.deblur(IMAGE)
    assert len(pauses) == 3
    assert all(0.5 * 2**i <= pause <= 2**i for i, pause in enumerate(pauses))
    fake.failures += [BUSY] * 3
    with pytest.raises(ServiceUnreachable):
        client.deblur(IMAGE, timeout=0.4)  # the first pause would be longer
    assert len(pauses) == 3


def test_every_call_has_a_deadline(client, fake):
    fake.failures += [0.6]
    start = time.monotonic()
    with pytest.raises(ServiceUnreachable) as caught:
        client.deblur(IMAGE, timeout=0.2)
    assert caught.value.code == "DEADLINE_EXCEEDED" and "`timeout`" in str(caught.value)
    assert time.monotonic() - start < 30  # not for ever
    assert len(fake.requests) == 1


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def test_nothing_there_is_unreachable():
    target = f"127.0.0.1:{free_port()}"
    with DeblurClient(target, retries=1) as client:
        client._service.first_pause = 0.01
        for call in (client.status, client.metadata, lambda: client.deblur(IMAGE)):
            with pytest.raises(ServiceUnreachable, match=target) as caught:
                call()
            assert (caught.value.code, caught.value.exit_code) == ("UNAVAILABLE", 6)


def test_a_service_that_comes_back_is_found_again(fake):
    port = free_port()
    with DeblurClient(f"127.0.0.1:{port}", retries=30, timeout=20) as client:
        client._service.first_pause = 0.01
        with serving(fake, port):
            assert client.wait_ready() == 3
        with pytest.raises(ServiceUnreachable):
            client.status(timeout=0.3)
        with serving(fake, port):
            np.testing.assert_array_equal(client.deblur(IMAGE).image, 255 - IMAGE)


def test_calls_may_wait_for_the_service(fake):
    port = free_port()
    with DeblurClient(f"127.0.0.1:{port}", wait_for_ready=True, retries=0) as client:
        with pytest.raises(ServiceUnreachable) as caught:
            client.status(timeout=0.3)
        assert caught.value.code == "DEADLINE_EXCEEDED"
        with serving(fake, port):
            np.testing.assert_array_equal(client.deblur(IMAGE).image, 255 - IMAGE)


def test_wait_ready_gives_up_in_time(target):
    with DeblurClient(target, "other") as client:
        with pytest.raises(TfdeblurError, match="other"):
            client.wait_ready(0.3)


def test_wait_ready_looks_again_until_the_model_is_there(client, monkeypatch):
    answers = [failure(code, "", "t", "m") for code in ("UNAVAILABLE", "NOT_FOUND")]
    answers += [failure("RESOURCE_EXHAUSTED", "", "t", "m"), client.metadata()]

    def metadata(timeout):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(client, "metadata", metadata)
    monkeypatch.setattr("export.client.client.time.sleep", lambda seconds: None)
    assert client.wait_ready() == 3 and not answers


def test_messages_that_are_too_large_are_no_busy_service(fake):
    with serving(fake, max_message=1000) as target:
        with DeblurClient(target) as client, pytest.raises(MessageTooLarge, match="max_pixels"):
            client.deblur(np.zeros((40, 40, 3), "uint8"))


def test_a_request_that_no_message_holds_is_not_sent(client, fake, monkeypatch):
    monkeypatch.setattr("tfdeblur.limits.LARGEST_MESSAGE", 100)
    with pytest.raises(InvalidInput, match="fewer images at once.*Received: .* bytes"):
        client.deblur(IMAGE, payload="float")
    assert not fake.requests


def test_answers_are_not_limited_to_four_megabytes(client):
    large = np.zeros((1300, 1300, 3), "uint8")
    assert client.deblur(large).image.min() == 255


def test_version_and_label_are_asked_for(fake, target):
    for options, field, value in (
        ({"version": 3}, "version", 3),
        ({"label": "stable"}, "version_label", "stable"),
    ):
        with DeblurClient(target, **options) as client:
            client.deblur(IMAGE)
        spec = fake.requests[-1].model_spec
        assert spec.WhichOneof("version_choice") == field
        assert value in (spec.version.value, spec.version_label)


@pytest.mark.parametrize(
    "arguments",
    [
        {"target": "localhost"},
        {"target": "http://localhost:8501"},
        {"target": None},
        {"target": ""},
        {"model": ""},
        {"model": None},
        {"version": 1, "label": "stable"},
        {"version": -1},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"retries": -1},
        {"payload": "png"},
        {"max_pixels": 0},
        {"concurrency": 0},
    ],
)
def test_bad_arguments_are_refused_before_any_call(arguments):
    with pytest.raises(InvalidInput, match="Received"):
        DeblurClient(**{"target": "localhost:8500", **arguments})


def test_a_closed_client_says_so(target):
    client = DeblurClient(target)
    client.close()
    with pytest.raises(InvalidInput, match="closed"):
        client.status()


def test_the_limit_of_pixels_is_read_from_the_refusal():
    text = "assertion failed: [image has too many pixels] [limit] [4000] [received] [9000]"
    assert pixel_limit(failure("INVALID_ARGUMENT", text, "t", "m")) == 4000
    assert pixel_limit(failure("INTERNAL", text, "t", "m")) is None
    assert pixel_limit(failure("INVALID_ARGUMENT", "limit 5", "t", "m")) is None


def test_an_unknown_label_is_no_fault_of_the_input():
    text = "Unrecognized servable version label: stable"
    assert "models.config sets labels" in str(failure("INVALID_ARGUMENT", text, "t", "m"))


@pytest.mark.parametrize("code", ["UNAVAILABLE", "NOT_FOUND"])
def test_who_typed_a_command_is_told_its_options(code):
    said = str(failure(code, "", "t", "m"))
    assert "--wait SECONDS waits for it (`wait_ready` in Python)" in said and "()" not in said


def test_tls(fake, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with: TLS is not tested")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -nodes -days 2 -subj /CN=localhost -newkey ec".split()
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    fake.failures.clear()
    with serving(fake, tls=(key.read_bytes(), certificate.read_bytes())) as target:
        with DeblurClient(target, credentials=tls_credentials(certificate)) as client:
            np.testing.assert_array_equal(client.deblur(IMAGE).image, 255 - IMAGE)
        for credentials in (None, tls_credentials()):  # no TLS; nobody knows who signed
            with DeblurClient(target, credentials=credentials, retries=0) as client:
                with pytest.raises(ServiceUnreachable):
                    client.metadata(timeout=5)
    with pytest.raises(InvalidInput, match="belong together"):
        tls_credentials(certificate, certificate)
    with pytest.raises(DataError, match="gone.pem"):
        tls_credentials(tmp_path / "gone.pem")
