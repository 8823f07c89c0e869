"""`tfdeblur deblur`: options, reports, resuming, interruption."""

import functools
import json
import os
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from tests.files.video.makers import frames_of
from tests.helpers import picture
from tfdeblur.cli.main import main
from tfdeblur.restorers import network as restore


def levels(height=6, width=7, seed=0):
    return np.round(255 * picture(height, width, seed=seed).astype(float)).astype("uint8")


def expected(image, passes=1):
    """The network of `affine_model`, `passes` times, rounded at the end."""
    result = image.astype(float)
    for _ in range(passes):
        result = 0.75 * result + 0.125 * 255
    return np.round(result)


def load(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def deblur(affine_model, tmp_path, monkeypatch):
    """Runs the command in a folder that holds p/0.png, p/1.png, p/2.png."""
    monkeypatch.chdir(tmp_path)
    Path("p").mkdir()
    for index in range(3):
        Image.fromarray(levels(6 + index, seed=index)).save(f"p/{index}.png")

    def run(*arguments, model=affine_model, out="out"):
        return main(["deblur", *arguments, "--out", out, "--model", str(model)])

    return run


def test_files_are_restored_in_order_and_told_about(deblur, capsys):
    assert deblur("p/1.png", "p") == 0
    for index in range(3):
        np.testing.assert_array_equal(
            load(f"out/{index}.png"), expected(levels(6 + index, seed=index))
        )
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "[1/3] p/1.png -> out/1.png",
        "[2/3] p/0.png -> out/0.png",
        "[3/3] p/2.png -> out/2.png",
        "3 files: 3 restored, in out/",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_is_told_at_once_what_goes_on(
    terminal, deblur, affine_model, monkeypatch, capsys
):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    assert deblur("p") == 0
    told = capsys.readouterr().err
    start = f"loading {affine_model} ...\npreparing (the first image of a size takes longer) ...\n"
    assert told.startswith(start) == terminal
    assert ("loading" in told) == ("preparing" in told) == terminal
    assert told.count("with preparation") == 1 and "[3/3] p/2.png -> out/2.png" in told


@pytest.mark.parametrize("given", ["keras file", "run folder"])
def test_model_may_be_a_file_or_a_run(given, deblur, affine_model):
    model = affine_model / "generator.keras" if given == "keras file" else affine_model
    assert deblur("p/0.png", model=model) == 0


def test_json_is_all_there_is_on_stdout(deblur, capsys):
    Path("p/bad.png").write_text("no picture")
    Path("out").mkdir()
    Path("out/2.png").touch()
    assert deblur("p", "gone.png", "--json") == 3
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert [(f["input"], f["status"]) for f in report["files"]] == [
        ("p/0.png", "done"),
        ("p/1.png", "done"),
        ("p/2.png", "skipped"),
        ("p/bad.png", "failed"),
        ("gone.png", "failed"),
    ]
    first, bad = report["files"][0], report["files"][3]
    assert (first["output"], first["width"], first["height"]) == ("out/0.png", 7, 6)
    assert first["seconds"] > 0 and first["reason"] == ""
    assert "is not an image" in bad["reason"] and bad["width"] == 0
    totals = report["totals"]
    seconds = totals.pop("seconds")
    assert seconds == pytest.approx(sum(f["seconds"] for f in report["files"]), abs=1e-3)
    assert totals == {
        "done": 2, "skipped": 1, "failed": 2, "degenerate": 0, "files": 5, "pixels": 42 + 49
    }  # fmt: skip
    assert report["exit_code"] == 3
    assert "failed: p/bad.png is not an image" in captured.err


def test_files_that_are_passed_over_are_named(deblur, capsys):
    Path("p/photo.jxl").write_bytes(b"")
    assert deblur("p", "--json") == 0
    captured = capsys.readouterr()
    reason = "pictures of the kind jxl are not read: convert them to PNG or JPEG"
    assert f"Passed over 1 file:\n  {reason}: photo.jxl\n" in captured.err
    assert json.loads(captured.out)["passed_over"] == [{"input": "p/photo.jxl", "reason": reason}]


def test_results_of_this_run_are_not_told_as_passed_over(deblur, capsys):
    for _ in range(2):
        assert deblur("p", "--out", "p", "--suffix", "_sharp", "--compare") == 0
    assert "Passed over" not in capsys.readouterr().err


def test_resuming_does_only_what_is_missing(deblur, capsys):
    assert deblur("p") == 0
    os.unlink("out/1.png")
    stamps = {name: os.stat(f"out/{name}").st_mtime_ns for name in ("0.png", "2.png")}
    assert deblur("p") == 0
    assert "3 files: 1 restored, 2 done before, in out/" in capsys.readouterr().err
    assert stamps == {name: os.stat(f"out/{name}").st_mtime_ns for name in stamps}


def test_nothing_to_do_loads_no_model(deblur, capsys, monkeypatch):
    assert deblur("p") == 0
    monkeypatch.setattr("tfdeblur.restorers.kinds.network.load_network", None)
    assert deblur("p") == 0
    said = capsys.readouterr().err
    assert "3 files: 3 done before, in out/\n" in said
    assert "whichever model and options did it: --overwrite restores it again." in said


def test_passes_are_rounded_once(deblur):
    assert deblur("p/0.png", "--passes", "3") == 0
    np.testing.assert_array_equal(load("out/0.png"), expected(levels(), passes=3))


def test_suffix_format_and_in_place(deblur):
    assert deblur("p", "--suffix", "_sharp", "--format", "jpeg", out="p") == 0
    assert deblur("p", "--suffix", "_sharp", "--format", "jpeg", out="p") == 0
    assert sorted(os.listdir("p")) == sorted(
        [f"{i}.png" for i in range(3)] + [f"{i}_sharp.jpg" for i in range(3)]
    )
    np.testing.assert_allclose(load("p/0_sharp.jpg"), expected(levels()), atol=12)


def test_patterns_and_folders_keep_what_is_below(deblur):
    Path("q/a").mkdir(parents=True)
    Image.fromarray(levels()).save("q/a/x.png")
    assert deblur("q", "--recursive") == 0
    assert deblur("*/*.png") == 0
    assert sorted(map(str, Path("out").rglob("*.png"))) == [
        "out/a/x.png", "out/p/0.png", "out/p/1.png", "out/p/2.png"
    ]  # fmt: skip


def test_options_reach_the_restorer(deblur, monkeypatch):
    seen = {}
    init = restore.Restorer.__init__

    @functools.wraps(init)
    def spy(self, network, **options):
        seen.update(options)
        init(self, network, **options)

    monkeypatch.setattr(restore.Restorer, "__init__", spy)
    assert deblur("p/0.png") == 0
    assert seen == {}  # its own defaults
    options = "--tile 192 --memory-budget 50 --precision bfloat16 --self-ensemble --overwrite"
    assert deblur("p/0.png", *options.split()) == 0
    assert seen == {
        "tile": 192,
        "precision": "bfloat16",
        "self_ensemble": True,
        "memory_budget_bytes": 50_000_000,
    }


def test_comparison_pictures(deblur):
    Path("sharp").mkdir()
    Image.fromarray(levels(7, seed=1)).save("sharp/1.png")
    Image.fromarray(levels(30, 30)).save("sharp/2.png")  # another size: left out
    assert deblur("p", "--compare") == 0
    widths = [load(f"out/{index}.compare.png").shape[1] for index in range(3)]
    assert widths[1] > 1.3 * max(widths[0], widths[2])  # one panel more
    assert len(os.listdir("out")) == 6


def test_a_missing_comparison_is_added_without_touching_the_result(deblur, capsys):
    assert deblur("p/0.png") == 0
    before = os.stat("out/0.png").st_mtime_ns
    assert deblur("p/0.png", "--compare") == 0
    assert os.stat("out/0.png").st_mtime_ns == before
    assert load("out/0.compare.png").ndim == 3
    assert "1 file: 1 done before, in out/" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "how"),
    [([], "the same command"), (["--overwrite"], "the same command, without --overwrite")],
)
def test_interruption_keeps_finished_files_and_goes_on_later(
    deblur, monkeypatch, capsys, options, how
):
    call, calls = restore.Restorer.__call__, []

    def interrupted(self, image, **options):
        calls.append(image)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return call(self, image, **options)

    with monkeypatch.context() as patch:
        patch.setattr(restore.Restorer, "__call__", interrupted)
        assert deblur("p", "--json", *options) == 130
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert [f["status"] for f in report["files"]] == ["done"] and report["exit_code"] == 130
    assert "3 files: 1 restored, 2 not finished, in out/" in captured.err
    assert f"Interrupted. Finished work is kept. Go on with {how}.\n" in captured.err
    assert os.listdir("out") == ["0.png"]
    assert deblur("p") == 0
    assert len(os.listdir("out")) == 3


def test_an_unexpected_fault_costs_one_file(deblur, monkeypatch, capsys):
    call = restore.Restorer.__call__

    def fault(self, image, **options):
        if image.shape[0] == 7:
            raise ZeroDivisionError("oops")
        return call(self, image, **options)

    monkeypatch.setattr(restore.Restorer, "__call__", fault)
    assert deblur("p", "gone.png") == 1
    assert "failed: p/1.png: ZeroDivisionError: oops" in capsys.readouterr().err
    assert sorted(os.listdir("out")) == ["0.png", "2.png"]


def test_degenerate_output_is_the_input_and_exit_code_5(deblur, tmp_path, capsys):
    import keras

    image = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(3, 1)
    network = keras.Model(image, layer(image))
    layer.set_weights([np.full((1, 1, 3, 3), np.nan), np.zeros(3)])
    network.save(tmp_path / "nan.keras")
    assert deblur("p/0.png", "--json", model="nan.keras") == 5
    captured = capsys.readouterr()
    np.testing.assert_array_equal(load("out/0.png"), levels())
    assert json.loads(captured.out)["files"][0]["status"] == "degenerate"
    assert "warning: p/0.png" in captured.err and "the input was written" in captured.err
    assert "1 file: 1 left as they were, in out/" in captured.err


def test_videos(deblur, capsys):
    code = cv2.VideoWriter.fourcc(*"MJPG")
    for name in ("clip.avi", "more.avi"):
        writer = cv2.VideoWriter(name, code, 10, (32, 16))
        for _ in range(4):
            writer.write(np.full((16, 32, 3), 100, np.uint8))
        writer.release()
    Path("zero.mp4").touch()
    assert deblur("clip.avi", "zero.mp4", "more.avi", "--compare", "--json") == 3
    captured = capsys.readouterr()
    assert "failed: The video holds no frame that can be decoded: zero.mp4." in captured.err
    first = json.loads(captured.out)["files"][0]
    assert (first["frames"], first["width"], first["height"]) == (4, 32, 16)
    np.testing.assert_allclose(frames_of("out/clip.avi"), 0.75 * frames_of("clip.avi") + 32, atol=3)
    assert sorted(os.listdir("out")) == [
        "clip.avi", "clip.compare.png", "more.avi", "more.compare.png"
    ]  # fmt: skip
    options = ("--video-codec", "ffv1", "--overwrite")
    assert deblur("clip.avi", *options) == 0
    with av.open("out/clip.avi") as file:
        assert file.streams.video[0].codec_context.name == "ffv1"
    with pytest.raises(SystemExit, match="2"):
        deblur("clip.avi", "--video-codec", "h264", "--video-quality", "99")
    assert "from 0 (best) to 51" in capsys.readouterr().err


def test_bi_skip_restores_files_of_any_size(deblur, tmp_path):
    import keras

    from tfdeblur.networks import BiSkip

    keras.utils.set_random_seed(0)
    (tmp_path / "run").mkdir()
    network = BiSkip(width=0.125)
    network.save(tmp_path / "run" / "generator.keras")
    image = np.zeros((33, 65, 3), np.uint8) + np.uint8([10, 100, 200])
    Image.fromarray(image).save("x.png")
    Image.fromarray(image[:1, :1]).save("y.png")
    assert deblur("x.png", "y.png", model="run") in (0, 5)
    restored = restore.Restorer(network)(image)
    np.testing.assert_array_equal(load("out/x.png"), restored.image)
    assert load("out/y.png").shape == (1, 1, 3)
