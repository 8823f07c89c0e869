"""`tfdeblur evaluate`: exit codes, what is printed where, files, interruption, no heavy imports."""

import io
import json
import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.helpers import picture
from tfdeblur.cli.evaluate import command as evaluate
from tfdeblur.cli.main import main
from tfdeblur.evaluation.report import EvaluationReport, ImageScore
from tfdeblur.evaluation.report_base import Failure


class Fake:
    """A restorer that hands back 0.6 times its input; `after` calls it is interrupted."""

    def __init__(self, degenerate=False, after=None):
        self.degenerate, self.after, self.calls = degenerate, after, 0

    def __call__(self, image):
        if self.calls == self.after:
            raise KeyboardInterrupt
        self.calls += 1
        return SimpleNamespace(image=image * np.float32(0.6), degenerate=self.degenerate)


@pytest.fixture
def install(monkeypatch):
    """Makes a fake the restorer of every model; returns the arguments it was made with."""
    asked = []

    def use(fake):
        def open_restorer(name, options):
            asked.append((name, options))
            return fake

        monkeypatch.setattr(evaluate, "open_restorer", open_restorer)
        monkeypatch.setattr(evaluate, "kind_of", lambda name: None)  # it is there
        return asked

    return use


@pytest.fixture
def folder(tmp_path):
    for split, count in (("train", 1), ("test", 3)):
        for i in range(count):
            sharp = np.round(picture(20, 24, seed=i) * 255).astype("uint8")
            for role, image in (("blur", np.roll(sharp, 1, axis=1)), ("sharp", sharp)):
                path = tmp_path / "pairs" / split / role / f"{split}-{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(path)
    return tmp_path / "pairs"


def run(folder, *options):
    return main(["evaluate", "--model", "some", "--data", str(folder), *map(str, options)])


def test_table_json_and_panels(folder, install, capsys, tmp_path):
    asked = install(Fake())
    scores = tmp_path / "scores.json"
    code = run(folder, "--json", scores, "--panels", tmp_path / "p", "--tile", 64)
    out, err = capsys.readouterr()
    assert code == 0 and asked == [("some", {"tile": 64})]
    rows = out.splitlines()
    assert [row.split()[0] for row in rows[1:4]] == ["test-0", "test-1", "test-2"]
    assert rows[5].startswith("mean ") and "split test: 3 images" in out
    found = json.loads(scores.read_text())
    assert found["data"] == {"name": str(folder), "split": "test", "count": 3}
    assert found["settings"]["protocol"] == "gopro" and found["settings"]["tile"] == 64
    assert found["complete"] and len(found["images"]) == 3
    mean = np.mean([image["psnr_rgb_u8"]["restored"] for image in found["images"]])
    assert found["mean"]["psnr_rgb_u8"]["restored"] == pytest.approx(mean)
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == [
        f"test-{i}.png" for i in range(3)
    ]
    assert "failed" not in err


def test_split_limit_and_patterns(folder, install, capsys):
    install(Fake())
    for options, names in (
        (["--split", "train"], ["train-0"]),
        (["--split", "all", "--limit", "2"], ["test-test-0", "test-test-1"]),
        (["--only", "*-1", "--only", "*-2"], ["test-1", "test-2"]),
        (["--exclude", "*-0", "--limit", "1"], ["test-1"]),
    ):
        assert run(folder, *options) == 0
        rows = capsys.readouterr().out.splitlines()
        assert [row.split()[0] for row in rows[1 : 1 + len(names)]] == names
        assert rows[1 + len(names)].startswith("---")


def test_a_folder_without_splits_is_reported_without_one(folder, install, tmp_path):
    install(Fake())
    scores = tmp_path / "scores.json"
    assert run(folder / "test", "--json", scores) == 0
    assert json.loads(scores.read_text())["data"]["split"] is None


def test_a_bad_pair_is_named_and_the_rest_is_done(folder, install, capsys, tmp_path):
    install(Fake())
    Image.fromarray(np.zeros((20, 25, 3), "uint8")).save(folder / "test/blur/test-1.png")
    (folder / "test/sharp/test-2.png").write_bytes(b"")
    scores = tmp_path / "scores.json"
    assert run(folder, "--json", scores) == 3
    out, err = capsys.readouterr()
    assert "failed: test-1: `blurred` and `sharp` must have the same size" in err
    assert "test-2.png" in err and "2 failed: test-1, test-2" in err
    found = json.loads(scores.read_text())
    assert [image["name"] for image in found["images"]] == ["test-0"] and not found["complete"]
    assert [bad["name"] for bad in found["failures"]] == ["test-1", "test-2"]
    assert "1 of 3 images" in out


def test_degenerate_output_has_its_own_exit_code(folder, install, capsys):
    install(Fake(degenerate=True))
    assert run(folder) == 5
    assert "degenerate" in capsys.readouterr().out


def test_interrupted_run_reports_what_is_finished(folder, install, capsys, tmp_path):
    install(Fake(after=3))  # the first image takes two calls
    scores = tmp_path / "scores.json"
    assert run(folder, "--json", scores) == 130
    assert "2 of 3 images" in capsys.readouterr().out
    assert len(json.loads(scores.read_text())["images"]) == 2


def test_nothing_is_done_if_the_result_could_not_be_written(folder, install, capsys, tmp_path):
    asked = install(Fake())
    for place in (tmp_path / "no" / "scores.json", tmp_path):
        assert run(folder, "--json", place) == 3
        assert "`--json` must name a file in a folder that exists" in capsys.readouterr().err
    assert asked == []


def test_missing_data_is_told_before_the_model_is_loaded(install, capsys, tmp_path):
    asked = install(Fake())
    assert run(tmp_path / "no") == 4
    assert str(tmp_path / "no") in capsys.readouterr().err and asked == []


@pytest.mark.parametrize(
    "options", [["--limit", "0"], ["--tile", "-1"], ["--protocol", "none"], ["--precision", "f"]]
)
def test_wrong_usage(folder, options, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(folder, *options)
    assert stopped.value.code == 2
    assert options[0] in capsys.readouterr().err


def test_a_real_network_from_a_file(folder, capsys, tmp_path):
    """No fakes: a saved network, loaded, restoring, measured; untrained zeros keep the input."""
    from tfdeblur.networks.bi_skip import BiSkip

    network = BiSkip(width=0.125, norm="none", head_initializer="zeros")
    network.save(tmp_path / "network.keras")
    scores = tmp_path / "scores.json"
    model = str(tmp_path / "network.keras")
    code = main(["evaluate", "--model", model, "--data", str(folder), "--json", str(scores)])
    assert code == 0
    found = json.loads(scores.read_text())
    assert [image["gain_db"] for image in found["images"]] == [0.0] * 3
    assert all(image["seconds"] > 0 for image in found["images"])
    assert list(found["first_call_seconds"]) == ["20x24"]
    assert main(["evaluate", "--model", "no-such-model", "--data", str(folder)]) in (3, 4)
    assert "no-such-model" in capsys.readouterr().err


def test_a_network_that_gives_nan(folder, capsys):
    """The real restorer's guard: the input is kept and counted, said once, in the table."""
    import keras

    from tfdeblur.restorers.network import Restorer

    image = keras.Input((None, None, 3))
    network = keras.Model(image, keras.layers.Rescaling(float("nan"))(image))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "open_restorer", lambda name, options: Restorer(network))
        patch.setattr(evaluate, "kind_of", lambda name: None)
        assert run(folder, "--limit", "2") == 5
    out = capsys.readouterr().out
    assert out.count("degenerate: the blurred image was kept") == 2 and "(+0.00)" in out.replace(
        " ", ""
    )


def score(name):
    values = {"psnr_rgb_u8": 20.0, "ssim_gauss": 0.5, "ssim_matlab3d": 0.5}
    return ImageScore(name, 20, 24, values, values | {"psnr_rgb_u8": 21.0}, 0.5)


def test_progress_tells_the_time_left_and_failures():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    now = [0.0]
    stream = Terminal()
    progress = evaluate.Progress(stream, clock=lambda: now[0])
    report = EvaluationReport("d", "m", count=10)
    for i in range(2):
        report.images.append(score(f"{i}"))
        now[0] += 30.0
        progress(report)
    line = stream.getvalue().split("\r")[-1]
    assert "2/10 pairs  +1.00 dB  0.50 s each  about 4 min left" in line and "\n" not in line
    report.failures.append(Failure("bad", "sizes differ"))
    progress(report)
    assert "failed: bad: sizes differ\n" in stream.getvalue()
    progress.close()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_progress_in_a_log_is_a_line_now_and_then():
    now = [0.0]
    stream = io.StringIO()
    progress = evaluate.Progress(stream, clock=lambda: now[0])
    report = EvaluationReport("d", "m", count=100)
    for i in range(10):
        report.images.append(score(f"{i}"))
        now[0] += 10.0
        progress(report)
    progress.close()
    lines = stream.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["3/100", "6/100", "9/100"]
    assert "\x1b" not in stream.getvalue() and "about 15 min left" in lines[-1]


def test_help_loads_no_framework():
    script = (
        "import sys\n"
        "from tfdeblur.cli.main import main\n"
        "try: main(['evaluate', '--help-all'])\n"
        "except SystemExit as stopped: code = stopped.code\n"
        "sys.exit(code or bool({'keras', 'tensorflow', 'numpy'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for word in ("psnr_rgb_u8", "dB", "examples:", "exit codes:", "(default: test)"):
        assert word in done.stdout


@pytest.mark.parametrize("way", ["patterns", "list"])
def test_pairs_by_patterns_and_by_a_list(way, folder, install, tmp_path, capsys):
    install(Fake())
    lines = ["blur,sharp"]
    for split in ("train", "test"):
        for path in sorted((folder / split / "blur").iterdir()):
            path.rename(folder / f"{path.stem}.in.png")
            (folder / split / "sharp" / path.name).rename(folder / f"{path.stem}.out.png")
            lines.append(f"{path.stem}.in.png,{path.stem}.out.png")
    (folder / "pairs.csv").write_text("\n".join(lines))
    data = ["--data", str(folder), "--pairs", "*.in.png", "*.out.png"]
    data = data if way == "patterns" else ["--data", str(folder / "pairs.csv")]
    file = tmp_path / "scores.json"
    assert main(["evaluate", "--model", "fake", *data, "--json", str(file)]) == 0
    assert len(json.loads(file.read_text())["images"]) == 4


@pytest.mark.parametrize(("option", "gain"), [("auto", True), ("full", False)])
def test_ten_bits_are_measured_on_their_own_scale(option, gain, folder, install, tmp_path, capsys):
    """0.6 of a dark picture is near it; on its own scale it is far."""
    install(Fake())
    for path in (folder / "test").rglob("*.png"):
        image = np.asarray(Image.open(path)).astype(np.uint16)
        cv2.imwrite(str(path), (image * 4)[..., ::-1])
    file = tmp_path / "scores.json"
    arguments = ["--data", str(folder), "--white-level", option, "--json", str(file)]
    assert main(["evaluate", "--model", "fake", *arguments]) == 0
    (first, *_) = json.loads(file.read_text())["images"]
    assert (first["psnr_rgb_u8"]["restored"] < 25) == gain
