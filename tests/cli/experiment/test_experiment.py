"""`tfdeblur experiment`: exit codes, what is written where, interruption, what is refused."""

import io
import json

import pytest

from tests.evaluation.makers import write_model, write_pairs
from tfdeblur.cli.experiment.progress import Progress
from tfdeblur.cli.main import build_parser, main
from tfdeblur.evaluation.experiments.report import ExperimentReport, ImageResult
from tfdeblur.evaluation.report_base import Failure
from tfdeblur.restorers.blind.restorer import BlindRestorer

NAMES = ["levels", "global-iterations", "oracle", "artifact-penalty", "confidence"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model and pairs with flows."""
    place = tmp_path_factory.mktemp("experiment")
    write_model(place / "model", part=0.3)
    write_pairs(place / "pairs")
    return place


def run(folder, name, out, *options):
    return main(
        [
            *("experiment", name, "--model", str(folder / "model")),
            *("--data", str(folder / "pairs"), "--out", str(out), *map(str, options)),
        ]
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_writes_a_table_json_and_panels(name, folder, tmp_path, capsys):
    options = ["--without", folder / "model"] if name == "artifact-penalty" else []
    assert run(folder, name, tmp_path / "o", "--limit", 1, "--size", 20, *options) == 0
    printed = capsys.readouterr().out
    assert "mean of 1 image" in printed and "settings" in printed
    found = json.loads((tmp_path / "o" / f"{name}.json").read_text())
    assert found["experiment"] == name and found["complete"] is True
    assert found["model"] == str(folder / "model") and found["settings"]["size"] == 20
    assert found["settings"]["betas"][:2] == [0.05, 0.1] and found["machine"]["cores"] >= 1
    assert found["images"][0]["height"] == 20
    assert (tmp_path / "o" / "panels" / "photo-0.png").is_file()


def test_levels_beyond_the_schedule(folder, tmp_path, capsys):
    assert run(folder, "levels", tmp_path, "--limit", 1, "--size", 16) == 0
    printed = capsys.readouterr().out
    assert "level 5" in printed and "note: the schedule" in printed and "0.8" in printed
    assert "29.86" in printed and "table 4" in printed


def test_interruption_reports_what_is_finished(folder, tmp_path, capsys, monkeypatch):
    calls = []
    restore = BlindRestorer.__call__

    def interrupted(self, image, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return restore(self, image, **options)

    monkeypatch.setattr(BlindRestorer, "__call__", interrupted)
    assert run(folder, "confidence", tmp_path, "--size", 16) == 130
    captured = capsys.readouterr()
    assert "1 of 2 images" in captured.out and "Interrupted" in captured.err
    assert len(json.loads((tmp_path / "confidence.json").read_text())["images"]) == 1


def test_a_bad_image_is_named(tmp_path, capsys):
    write_model(tmp_path / "model")
    pairs = write_pairs(tmp_path / "pairs")
    (pairs / "blur" / "photo-1.png").write_bytes(b"no")
    assert run(tmp_path, "confidence", tmp_path / "o", "--size", 16) == 3
    captured = capsys.readouterr()
    assert "failed: " in captured.err and "photo-1" in captured.err
    assert "1 of 2 images" in captured.out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["artifact-penalty"], 3, "--model and --without must be given"),
        (["artifact-penalty", "--model", "runs/a"], 3, "--run runs/without --set loss."),
        (["artifact-penalty", "--without", "runs/b"], 3, "--run runs/b --set loss."),
        (["levels", "--model", "nothing"], 3, "No model 'nothing'"),
        (["levels", "--model", "nothing", "--size", "5"], 3, "`size` must be 0"),
    ],
)
def test_what_is_refused(arguments, code, says, folder, tmp_path, capsys):
    data = ["--data", str(folder / "pairs"), "--out", str(tmp_path / "o")]
    assert main(["experiment", *arguments, *data]) == code
    assert says in capsys.readouterr().err and not (tmp_path / "o").exists()


def test_the_commands_that_train_both_models_are_commands(capsys, tmp_path):
    data = ["--data", str(tmp_path), "--out", str(tmp_path / "o")]
    main(["experiment", "artifact-penalty", *data])
    lines = [line.split() for line in capsys.readouterr().err.splitlines()]
    commands = [words[1:] for words in lines if words[:2] == ["tfdeblur", "train"]]
    given = [build_parser().parse_args(words) for words in commands]
    assert [str(arguments.run) for arguments in given] == ["runs/with", "runs/without"]
    assert "loss.artifact_weight=0" in commands[1]


def test_missing_data_and_missing_flows(folder, tmp_path, capsys):
    model = ["--model", str(folder / "model"), "--out", str(tmp_path / "o")]
    assert main(["experiment", "levels", *model, "--data", str(tmp_path / "no")]) == 4
    (tmp_path / "plain").mkdir()
    assert main(["experiment", "oracle", *model, "--data", str(tmp_path / "plain")]) == 4
    assert "blur/, sharp/ and flow/" in capsys.readouterr().err


@pytest.mark.parametrize("name", [*NAMES, "deep-prior"])
def test_help_teaches(name, capsys):
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args(["experiment", name, "--help-all"])
    text = capsys.readouterr().out
    assert end.value.code == 0 and f"  tfdeblur experiment {name} --" in text
    assert "exit codes:" in text and f"{name}.json" in text
    assert max(map(len, text.partition("\n\n")[2].partition("options:")[0].splitlines())) <= 100


def test_no_experiment_shows_the_help(capsys):
    assert main(["experiment"]) == 2
    printed = capsys.readouterr().out
    assert all(name in printed for name in NAMES)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_tells_the_time_left():
    now = [0.0]
    terminal = Terminal()
    progress = Progress(terminal, clock=lambda: now[0])
    report = ExperimentReport("levels", "", "m", "d", count=4)
    now[0] = 10.0
    progress(report, 0.5)  # an eighth of all: 70 s are left
    assert terminal.getvalue().endswith("0/4 images, 50% of the next  about 1 min left")
    report.images.append(ImageResult("a", 9, 9, {}, 1.0))
    report.failures.append(Failure("photo", "broken"))
    now[0] = 20.0
    progress(report, 0.0)
    assert "failed: photo: broken\n" in terminal.getvalue()
    assert terminal.getvalue().endswith("2/4 images  about 20 s left")
    progress.close()


def test_progress_elsewhere_is_a_line_now_and_then():
    now = [0.0]
    stream = io.StringIO()
    progress = Progress(stream, clock=lambda: now[0])
    report = ExperimentReport("levels", "", "m", "d", count=10)
    for second in range(100):
        now[0] = float(second)
        progress(report, second / 200)
    assert len(stream.getvalue().splitlines()) == 3 and "\x1b" not in stream.getvalue()


def test_evaluate_measures_such_a_model_too(folder, tmp_path, capsys):
    scores = tmp_path / "scores.json"
    options = ["--data", str(folder / "pairs"), "--json", str(scores), "--limit", "1"]
    assert main(["evaluate", "--model", str(folder / "model"), *options]) == 0
    assert "confidence" in capsys.readouterr().out.splitlines()[0]
    found = json.loads(scores.read_text())
    assert 0 < found["mean"]["confidence"] <= 1
