"""`tfdeblur serve`, its signals and exit codes; TLS; the log."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import grpc
import numpy as np
import pytest

from export import LocalService
from tests.export.service.makers import Caller, add_version, picture, refusal
from tfdeblur.cli.main import main
from tfdeblur.errors import DataError


@pytest.fixture
def base(model, tmp_path):
    add_version(model, tmp_path / "deblur", 1)
    return tmp_path / "deblur"


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_served(caller):
    for _ in range(600):
        if refusal(caller.healthy)[0] == 0:
            return
        time.sleep(0.1)
    raise TimeoutError("the service did not come up")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_with_0(base, port, number, capsys):
    """The running request is answered after the signal came."""
    seen = []

    def ask():
        with Caller(f"127.0.0.1:{port}") as caller:
            wait_until_served(caller)
            request = caller.request("serving_slow", seconds=np.float32(0.6))
            answer = caller.prediction.Predict.future(request, timeout=30)
            while refusal(caller.predict, timeout=0.1, image=picture())[0] != 4:
                pass
            os.kill(os.getpid(), number)
            seen.append(answer.result().outputs["steps"].int_val[0])

    handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    asking = threading.Thread(target=ask)
    asking.start()
    command = ["serve", f"--model_base_path={base}", "--model_name=deblur", f"--port={port}"]
    assert main([*command, "--max_running=1", "--enable_model_warmup=false"]) == 0
    asking.join()
    assert seen and seen[0] > 0
    assert f"serving on 127.0.0.1:{port}" in capsys.readouterr().err
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == handlers


def test_it_says_where_it_serves_however_early_the_signal_comes(base, port, capsys, monkeypatch):
    monkeypatch.setattr("tfdeblur.cli.serve._settle", lambda: os.kill(os.getpid(), signal.SIGTERM))
    command = ["serve", f"--model_base_path={base}", "--model_name=deblur", f"--port={port}"]
    assert main([*command, "--enable_model_warmup=false"]) == 0
    assert capsys.readouterr().err.splitlines()[1:] == [
        f"serving on 127.0.0.1:{port}, Ctrl-C stops",
        "stopping: running requests finish",
    ]


def test_exit_codes(base, tmp_path, port, capsys):
    assert main(["serve", "--model_base_path", str(tmp_path / "none")]) == 4
    assert "tfdeblur export --root" in capsys.readouterr().err
    with socket.socket() as other, pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfdeblur.cli.serve.load_tensorflow", None)  # told before that
        other.bind(("127.0.0.1", port))
        other.listen()
        for wrong in (port, 70000):
            assert main(["serve", "--model_base_path", str(base), "--port", str(wrong)]) == 3
            assert f"port={wrong}" in capsys.readouterr().err
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    for option, given, says in (
        ("--model_config_file", "none.config", "`--model_config_file` must be a file"),
        ("--model_config_file", "run", "For a folder of models, give --model_base_path"),
        ("--model_base_path", "run/run.json", "`--model_base_path` must be a folder"),
        ("--model_base_path", "run", "run is a training run. `tfdeblur export --model"),
        ("--model_base_path", "rnu", f"Did you mean {tmp_path / 'run'}?"),
        ("--model_base_path", "empty", "`--model_base_path` must be a folder of exported models"),
        ("--model_config_file", "rnu", f"Did you mean {tmp_path / 'run'}?"),
    ):
        assert main(["serve", option, str(tmp_path / given), "--port", "0"]) == 4
        assert says in capsys.readouterr().err
    assert main(["serve", "--model_base_path", str(base / "1")]) == 4
    told = f"{base / '1'} is one version of a model. Give the folder above, {base}."
    assert told in capsys.readouterr().err
    both = ["serve", "--model_config_file", str(tmp_path / "models.config"), "--model_name", "x"]
    assert main(both) == 3
    assert main(["serve", "--model_config_file", str(tmp_path / "models.config")]) == 4
    for wrong in (["serve"], ["serve", "--model_base_path", "x", "--open_port_early=perhaps"]):
        with pytest.raises(SystemExit) as ended:
            main(wrong)
        assert ended.value.code == 2


def test_help_names_the_real_server(capsys):
    with pytest.raises(SystemExit):
        main(["serve", "--help-all"])
    text = capsys.readouterr().out
    assert "docker compose --profile gpu up" in text and "TensorFlow Serving" in text


def test_one_line_per_request_in_the_log(base, caplog):
    with LocalService(base.parent) as service, Caller(service.target) as caller:
        with caplog.at_level("DEBUG", "tfdeblur.serve"):
            caller.predict(version=1, image=picture())
            refusal(caller.predict, "no", image=picture())
    lines = [record.message for record in caplog.records if record.levelname == "DEBUG"]
    assert len(lines) == 2
    assert "Predict deblur version 1 image[1,5,7,3]" in lines[0] and " OK " in lines[0]
    assert "FAILED_PRECONDITION" in lines[1] and 'key "no" not found' in lines[1]


def test_names_of_a_request_write_no_lines_of_their_own_into_the_log(base, caplog):
    forged = "x\nPredict deblur version 1 OK\x1b[2J" + 5000 * "y"
    with LocalService(base.parent) as service, Caller(service.target) as caller:
        with caplog.at_level("DEBUG", "tfdeblur.serve"):
            refusal(caller.predict, forged, image=picture())
    (line,) = [record.message for record in caplog.records if record.levelname == "DEBUG"]
    assert r"x\nPredict" in line and r"\x1b[2J" in line and line.endswith("...")
    assert line.isprintable() and len(line) < 600


@pytest.mark.parametrize("left, late", [(None, ""), (60.0, ""), (0.0, r" \(\d.* the deadline\)")])
def test_the_log_says_what_nobody_waited_for(left, late):
    from export.service.calls import _Clock

    context = SimpleNamespace(time_remaining=lambda: left)
    assert re.fullmatch(rf"\d+\.\d ms{late}", _Clock(context).text())


@pytest.fixture
def certificate(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    key, pem = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        + ["-nodes", "-keyout", str(key), "-out", str(pem), "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )
    return key, pem


@pytest.mark.parametrize("mutual", [False, True])
def test_tls(base, certificate, mutual):
    key, pem = certificate
    options = {"ssl_server_key": key, "ssl_server_cert": pem}
    if mutual:
        options["ssl_custom_ca"] = pem
    with LocalService(base.parent, **options) as service:
        trusted = grpc.ssl_channel_credentials(pem.read_bytes())
        shown = grpc.ssl_channel_credentials(pem.read_bytes(), key.read_bytes(), pem.read_bytes())
        assert healthy(service.target, shown) == 0
        assert healthy(service.target, trusted) == (14 if mutual else 0)
        with Caller(service.target) as plain:
            assert refusal(plain.predict, image=picture())[0] == 14


def healthy(target, credentials):
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.secure_channel(target, credentials) as channel:
        call = health_pb2_grpc.HealthStub(channel).Check
        return refusal(call, health_pb2.HealthCheckRequest(), timeout=30)[0]


def test_tls_files_must_be_there(base, tmp_path):
    options = {"ssl_server_key": tmp_path / "no.pem", "ssl_server_cert": tmp_path / "no.pem"}
    with pytest.raises(DataError, match="`ssl_server_key` must be a PEM file"):
        LocalService(base.parent, **options).start()


@pytest.mark.slow
def test_killed_and_started_again_on_the_same_port(base, port):
    """Nothing is left behind by kill -9; SIGTERM of the whole process ends it with 0."""
    command = [sys.executable, "-m", "tfdeblur.cli.main", "serve", "--model_base_path", str(base)]
    for number, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)):
        process = subprocess.Popen([*command, "--port", str(port)])
        try:
            with Caller(f"127.0.0.1:{port}") as caller:
                wait_until_served(caller)
                assert refusal(caller.predict, image=picture())[0] == 0
        finally:
            process.send_signal(number)
        assert process.wait(60) == code
