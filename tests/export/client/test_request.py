"""`tfdeblur request`: folders, bad files, resuming, services that go away, options."""

import json
import threading
from pathlib import Path

import grpc
import numpy as np
import pytest
from PIL import Image

from export.client.client import DeblurClient
from export.client.files import request_files
from tests.export.makers import FLOW, SIGNATURES, Fake, negative, serving
from tfdeblur.cli.main import main
from tfdeblur.errors import ServiceUnreachable
from tfdeblur.files.inputs import find_inputs
from tfdeblur.files.plan import plan_outputs

Code = grpc.StatusCode
COUNT = 4


def levels(index):
    return np.random.default_rng(index).integers(0, 256, (6 + index, 7, 3), "uint8")


def load(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def fake():
    return Fake(negative, signatures={**SIGNATURES, **FLOW})


@pytest.fixture
def request_(fake, tmp_path, monkeypatch):
    """Runs the command in a folder that holds p/0.png to p/3.png."""
    monkeypatch.chdir(tmp_path)
    Path("p").mkdir()
    for index in range(COUNT):
        Image.fromarray(levels(index)).save(f"p/{index}.png")
    with serving(fake) as target:

        def run(*arguments):
            return main(["request", *arguments, "--out", "out", "--target", target])

        run.target = target
        yield run


@pytest.mark.parametrize("concurrency", ["1", "3"])
def test_a_folder_with_a_bad_file(concurrency, request_, capsys):
    Path("p/bad.png").write_text("no picture")
    Path("out").mkdir()
    Path("out/2.png").touch()
    assert request_("p", "gone.png", "--json", "--concurrency", concurrency) == 3
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    status = {file["input"]: file["status"] for file in report["files"]}
    assert status == {
        **{f"p/{i}.png": "done" for i in (0, 1, 3)},
        "p/2.png": "skipped",
        **dict.fromkeys(["p/bad.png", "gone.png"], "failed"),
    }
    assert (report["target"], report["exit_code"]) == (request_.target, 3)
    for index in (0, 1, 3):
        np.testing.assert_array_equal(load(f"out/{index}.png"), 255 - levels(index))
    assert "version 3" in captured.err and "6 files: 3 restored, 1 done before" in captured.err
    assert "failed: p/bad.png" in captured.err and "p/1.png -> out/1.png" in captured.err


def test_a_second_run_asks_for_nothing(request_, fake, capsys):
    assert request_("p") == 0
    sent = len(fake.requests)
    fake.known.clear()  # not even the model is looked for
    assert request_("p") == 0 and len(fake.requests) == sent == COUNT
    assert "--overwrite" in capsys.readouterr().err
    fake.known["deblur"] = 3
    assert request_("p", "--overwrite") == 0 and len(fake.requests) == 2 * COUNT


@pytest.mark.parametrize("concurrency", ["1", "2"])
def test_a_service_that_goes_away_ends_the_command(concurrency, request_, fake, capsys):
    fake.failures += [0.0] + [Code.UNAVAILABLE] * 20
    assert request_("p", "--retries", "0", "--concurrency", concurrency) == 6
    captured = capsys.readouterr()
    assert "4 files: 1 restored, 3 not finished" in captured.err
    assert captured.err.count("UNAVAILABLE: told") == 1 and request_.target in captured.err
    assert len(fake.requests) < COUNT
    fake.failures.clear()
    assert request_("p") == 0  # goes on where that stopped
    assert "3 restored, 1 done before" in capsys.readouterr().err


def test_one_file_that_takes_too_long_does_not_stop_the_others(request_, fake, capsys):
    fake.failures += [Code.DEADLINE_EXCEEDED]
    assert request_("p", "--concurrency", "1") == 6
    assert f"{COUNT - 1} restored, 1 failed" in capsys.readouterr().err


def test_a_refused_file_does_not_stop_the_others(request_, fake, capsys):
    fake.failures += [Code.INVALID_ARGUMENT]
    assert request_("p", "--concurrency", "1") == 3
    assert f"{COUNT - 1} restored, 1 failed" in capsys.readouterr().err


def test_files_are_under_way_at_the_same_time(request_, fake):
    together = threading.Barrier(COUNT)
    fake.model = lambda *call: together.wait(30) and None or negative(*call)
    assert request_("p", "--concurrency", str(COUNT)) == 0
    assert fake.most_at_once == COUNT


@pytest.mark.parametrize(
    "arguments, code, told",
    [
        (["--model", "other"], 4, "Servable not found"),
        (["--timeout", "5", "--tls"], 6, "UNAVAILABLE"),
        (["--tls-ca", "gone.pem"], 4, "gone.pem"),
        (["--wait", "2", "--model", "other"], 4, "other"),
    ],
)
def test_what_no_file_could_change_is_told_once(arguments, code, told, request_, capsys):
    assert request_("p", "--retries", "0", *arguments) == code
    error = capsys.readouterr().err
    assert error.count("tfdeblur: error:") == 1 and told in error
    assert not list(Path("out").iterdir())


def test_an_unreachable_service_is_exit_code_6(request_, capsys):
    assert main(["request", "p", "--out", "o", "--target", "127.0.0.1:1", "--retries", "0"]) == 6
    assert "127.0.0.1:1" in capsys.readouterr().err


def test_motion_is_written_where_the_model_estimates_it(request_, fake, capsys):
    assert request_("p/0.png", "--flow", "--confidence", "--compare") == 0
    names = {path.name for path in Path("out").iterdir()}
    beside = {f"0.{what}.png" for what in ("flow", "confidence", "compare")}
    assert names == {"0.png", "0.flow.npz"} | beside
    assert "confidence 0.25" in capsys.readouterr().err
    fake.signatures = SIGNATURES
    assert request_("p/1.png", "--flow") == 4
    assert "RP-GAN" in capsys.readouterr().err


def test_large_images_are_sent_in_tiles(request_, fake, capsys):
    large = np.random.default_rng(0).integers(0, 256, (200, 230, 3), "uint8")
    Image.fromarray(large).save("large.png")
    fake.max_pixels = 192 * 192
    assert request_("large.png") == 0
    np.testing.assert_array_equal(load("out/large.png"), 255 - large)
    assert "tiles" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["p"],
        ["p", "--target", "t:1", "--flow-format", "flo"],
        ["p", "--target", "t:1", "--flow", "--payload", "uint8"],
        ["p", "--target", "t:1", "--model-version", "1", "--label", "a"],
        ["p", "--target", "t:1", "--tls-key", "key.pem"],
        ["p", "--target", "t:1", "--retries", "-1"],
        ["p", "--target", "t:1", "--concurrency", "0"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(["request", *arguments, "--out", "o"])
    assert end.value.code == 2 and "tfdeblur request: error: " in capsys.readouterr().err


def test_an_interrupt_cancels_what_is_under_way(request_, fake):
    jobs = plan_outputs(find_inputs(["p"]), "out")
    fake.failures += [0.0, 2.0, 2.0]
    told = []

    def interrupt(event):
        told.append(event)
        raise KeyboardInterrupt

    with DeblurClient(request_.target) as client:
        with pytest.raises(KeyboardInterrupt):
            request_files(client, jobs, interrupt, concurrency=2)
        with pytest.raises(Exception, match="closed"):
            client.status()
    assert len(told) == 1 and len(fake.requests) <= 3


def test_one_process_with_a_client_of_its_own_keeps_the_loop(request_, fake):
    """`DeblurClient` is called as a `Restorer` is."""
    from tfdeblur.files.work import restore_files

    jobs = plan_outputs(find_inputs(["p"]), "out")
    with DeblurClient(request_.target, retries=0) as client:
        assert [result.status for result in restore_files(client, jobs)] == ["done"] * COUNT
        fake.failures += [Code.UNAVAILABLE]
        with pytest.raises(ServiceUnreachable):
            client(levels(0))
