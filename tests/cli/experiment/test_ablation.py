"""`tfdeblur experiment ablation`: equal conditions, resuming, and what is told of the runs."""

import json
import shlex
import shutil

import keras
import numpy as np
import pytest

from tests.helpers import EAGERLY
from tests.training.makers import write_pairs
from tests.training.test_run import StopAfter
from tfdeblur.cli.experiment import runs as experiment_runs
from tfdeblur.cli.experiment.variants import variants_of
from tfdeblur.cli.main import build_parser, main
from tfdeblur.config import override, to_json
from tfdeblur.errors import InvalidInput, NotConverged
from tfdeblur.presets import preset
from tfdeblur.record import write_record
from tfdeblur.training import run as runs
from tfdeblur.training.tasks import task_of

pytestmark = EAGERLY

TINY = [
    *("--preset", "demo", "--epochs", "1", "--steps-per-epoch", "2", "--batch", "2"),
    *("--crop", "16", "--set", "network.width=0.125", "--set", "run.precision=float32"),
    *("--set", "run.panel_every=0", "--set", "run.backup_minutes=0"),
]
SCHEMES = ["--vary", "loss.scheme=1-S,S2-S"]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    write_pairs(folder / "train", 3, 32, 32)
    write_pairs(folder / "held", 2, 32, 32, first=10)
    return folder


def ablate(pairs, out, *options, val=True):
    held = ["--val", str(pairs / "held")] if val else []
    return main(
        [
            *("experiment", "ablation", "--data", str(pairs / "train"), "--out", str(out)),
            *(*held, *TINY, *map(str, options)),
        ]
    )


def weights(folder):
    return keras.saving.load_model(folder / "last.keras").get_weights()


def stop_in_the_second_run(patch):
    callbacks, calls = runs._callbacks, []

    def with_stop(*arguments, **options):
        calls.append(1)
        return [*callbacks(*arguments, **options), StopAfter(1 if len(calls) == 2 else 99)]

    patch.setattr(runs, "_callbacks", with_stop)


def test_an_interrupted_ablation_goes_on_and_equals_single_runs(
    pairs, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        stop_in_the_second_run(patch)
        assert ablate(pairs, out, *SCHEMES) == 130
    assert "1 of 2 runs are finished; the same command goes on" in capsys.readouterr().err
    assert ablate(pairs, out, *SCHEMES, "--show-runs") == 0
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(words[0], words[1]) for words in shown] == [("1-S", "finished"), ("S2-S", "begun")]
    kept = (out / "runs" / "1-S" / "run.json").stat().st_mtime_ns

    assert ablate(pairs, out, *SCHEMES, "--limit", 1) == 0
    captured = capsys.readouterr()
    assert "run 1 of 2, 1-S: finished before" in captured.err
    assert (out / "runs" / "1-S" / "run.json").stat().st_mtime_ns == kept
    assert captured.out.startswith("image ") and "S2-S against 1-S: dB" in captured.out

    # The interrupted one is what `tfdeblur train` makes of the same settings in one go.
    single = ["--data", pairs / "train", "--val", pairs / "held", "--scheme", "S2-S", *TINY]
    assert main(["train", *map(str, single), "--run", str(tmp_path / "single")]) == 0
    both = weights(out / "runs" / "S2-S"), weights(tmp_path / "single")
    for ours, theirs in zip(*both, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=2e-5)

    found = json.loads((out / "ablation.json").read_text())
    assert [image["name"] for image in found["images"]] == ["010"] and found["complete"]
    assert list(found["images"][0]["rows"]) == ["blurred", "1-S", "S2-S"]
    assert found["summary"]["1-S"]["steps"] == 2 and found["summary"]["1-S"]["best epoch"] == 1
    assert "best epoch on the validation pairs" in found["notes"][0]
    assert found["settings"]["seed"] == 0 and found["settings"]["precision"] == "float32"
    assert (out / "panels" / "010.png").is_file() and (out / "ablation-curves.png").is_file()

    # Other conditions are not equal conditions, which is told before a further run begins.
    assert ablate(pairs, out, "--vary", "loss.scheme=2-S,1-S", "--seed", 1) == 3
    assert "run.seed: 0 then, 1 now" in capsys.readouterr().err
    assert not (out / "runs" / "2-S").exists()


def test_more_seeds_are_added_to_what_is_finished(pairs, tmp_path, capsys):
    out = tmp_path / "out"
    assert ablate(pairs, out, *SCHEMES, "--limit", 1) == 0
    kept = (out / "runs" / "1-S" / "run.json").stat().st_mtime_ns
    capsys.readouterr()
    assert ablate(pairs, out, *SCHEMES, "--seeds", 2, "--show-runs") == 0
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [" ".join(words[:2]) for words in shown] == [
        *("1-S, seed=0", "1-S, seed=1", "S2-S, seed=0", "S2-S, seed=1")
    ]
    assert ["finished" in words for words in shown] == [True, False, True, False]

    assert ablate(pairs, out, *SCHEMES, "--seeds", 2) == 0
    text, err = capsys.readouterr()
    assert err.count("finished before") == 2
    assert (out / "runs" / "1-S" / "run.json").stat().st_mtime_ns == kept
    assert sorted(path.name for path in (out / "runs").iterdir()) == [
        *("1-S", "1-S_seed=1", "S2-S", "S2-S_seed=1")
    ]
    found = json.loads((out / "ablation.json").read_text())
    rows, summary = found["mean"]["rows"], found["summary"]
    means = [rows[f"1-S, seed={seed}"]["psnr_rgb_u8"] for seed in (0, 1)]
    others = [rows[f"S2-S, seed={seed}"]["psnr_rgb_u8"] for seed in (0, 1)]
    spread = summary["1-S, 2 seeds"]["psnr_rgb_u8"]
    assert spread["mean"] == pytest.approx(np.mean(means))
    assert spread["standard deviation"] == pytest.approx(np.std(means, ddof=1))
    assert spread["lowest"] == min(means)
    first, second = (weights(out / "runs" / name) for name in ("1-S", "1-S_seed=1"))
    assert any(not np.array_equal(*pair) for pair in zip(first, second, strict=True))
    against = summary["S2-S against 1-S, over seeds"]
    assert against["dB"] == pytest.approx(np.subtract(others, means).mean())
    assert "S2-S against 1-S, over seeds: dB" in text and "seed" not in found["settings"]
    assert not any("one training of each" in note for note in found["notes"])


def test_a_training_that_fails_is_named_and_the_others_are_compared(
    pairs, tmp_path, capsys, monkeypatch
):
    train = experiment_runs._train

    def failing(variant, folder):
        if variant.config.run.seed == 1:
            raise NotConverged("The loss became nan.")
        train(variant, folder)

    monkeypatch.setattr(experiment_runs, "_train", failing)
    vary = ["--vary", "run.seed=0,1", "--set", "loss.scheme=2-S"]
    assert ablate(pairs, tmp_path, *vary, "--limit", 1) == 5
    out, err = capsys.readouterr()
    assert "failed: seed=1: The loss became nan." in err
    assert "note: seed=1 was not measured: The loss became nan." in out
    assert list(json.loads((tmp_path / "ablation.json").read_text())["images"][0]["rows"]) == [
        "blurred",
        "seed=0",
    ]
    # A run of other pairs: the data changed after the first run.
    runs_folder = tmp_path / "runs"
    shutil.rmtree(runs_folder / "seed=1", ignore_errors=True)
    shutil.copytree(runs_folder / "seed=0", runs_folder / "seed=1")
    record = json.loads((runs_folder / "seed=1" / "run.json").read_text())
    record["config"]["run"]["seed"], record["data"]["train_fingerprint"] = 1, "another"
    (runs_folder / "seed=1" / "run.json").write_text(json.dumps(record))
    assert ablate(pairs, tmp_path, *vary) == 4
    assert "not trained or validated on the same pairs" in capsys.readouterr().err


def test_other_settings_leave_a_finished_rp_gan_as_it_is(tmp_path):
    (tmp_path / "sen.keras").write_bytes(b"a SEN")
    settings = {"rpgan.sen": str(tmp_path / "sen.keras"), "data.train": "x"}
    base = override(preset("rpgan-small"), settings)
    first, second = variants_of(base, ["rpgan.max_steps=50,60"])
    run = experiment_runs.folder_of(tmp_path, first)
    run.mkdir(parents=True)
    config = task_of(first.config).settle(first.config, run, begun=False)
    write_record(run, {"config": to_json(config), "state": "done"})
    kept = (run / "pipeline.json").read_bytes()
    assert experiment_runs._is_finished(first, run)
    assert not experiment_runs._is_finished(second, run)
    assert (run / "pipeline.json").read_bytes() == kept
    (tmp_path / "sen.keras").write_bytes(b"another SEN")
    with pytest.raises(InvalidInput, match="must be the SEN that the run began with"):
        experiment_runs._is_finished(first, run)


@pytest.mark.parametrize(
    ("options", "val", "code", "says"),
    [
        (["--vary", "loss.scheme=2-BS"], True, 3, "at least two values"),
        (["--vary", "loss.scheme=2-BS,2-XS"], True, 3, "2-XS"),
        (["--vary", "loss.scheme=2-BS,1-BS"], False, 3, "`--val` must name pairs to measure on"),
        (["--vary", "loss.scheme=2-BS,P-BS", "--vgg", "none"], True, 3, "scheme P-BS, whose"),
        (["--vary", "loss.scheme=2-BS,P-BS", "--vgg", "no.npz"], True, 4, "no.npz"),
        (["--vgg", "none"], True, 3, "scheme A2P-BS, whose letter P"),
        (
            ["--set", "loss.scheme=P-BS", "--vary", "loss.vgg=none,no.npz"],
            True,
            3,
            "`--vgg none` does not go",
        ),
        (
            ["--preset", "sen-small", "--crop", "64", "--epochs", "2"],
            True,
            3,
            "must restore images",
        ),
        (["--vary", "run.seed=0,1", "--size", "5"], True, 3, "`size` must be 0"),
        (["--vary", "run.seed=0,1", "--seeds", "2"], True, 3, "say the same"),
    ],
)
def test_nothing_is_trained_where_a_later_run_could_not(
    options, val, code, says, pairs, tmp_path, capsys
):
    assert ablate(pairs, tmp_path / "out", *options, val=val) == code
    assert says in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_without_vary_it_is_table_1(pairs, tmp_path, capsys):
    assert ablate(pairs, tmp_path, "--show-runs") == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert len(names) == 12 and names[0] == "A2-S" and names[-1] == "SA1P-BS"
    assert ablate(pairs, tmp_path, "--model", "rpgan", "--preset", "rpgan-small") == 3


def test_examples_of_the_help_are_commands(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["experiment", "ablation", "--help-all"])
    text = capsys.readouterr().out.partition("\nexamples:\n")[2].replace("\\\n", " ")
    lines = [shlex.split(line)[1:] for line in text.splitlines() if line.strip()]
    assert len(lines) == 5
    for words in lines:
        assert build_parser().parse_args(words).out.name


@pytest.mark.slow
def test_the_artifact_penalty_of_rp_gan(tmp_path, capsys):
    """Figure 10 by one command: the folders are models of `experiment artifact-penalty`."""
    from tfdeblur.networks import SEN

    write_pairs(tmp_path / "train", 3, 72, 80)
    write_pairs(tmp_path / "held", 1, 64, 64, first=10)
    SEN(stacks=1, width=0.02, norm="none").save(tmp_path / "sen.keras")
    settings = {
        **{"network.width": 0.03, "network.critic_width": 0.03, "loss.feature_weight": 0},
        **{"rpgan.betas": "0.1,0.2", "rpgan.known_betas": "0.1,0.2"},
        **{"rpgan.level_shares": "0.5,0.5", "rpgan.buffer": 2},
        **{"rpgan.max_steps": 5, "run.precision": "float32", "run.panel_every": 0},
    }
    out, data = tmp_path / "out", ["--data", str(tmp_path / "held")]
    code = main(
        [
            *("experiment", "ablation", "--model", "rpgan", "--sen", str(tmp_path / "sen.keras")),
            *("--data", str(tmp_path / "train"), "--val", str(tmp_path / "held")),
            *("--vary", "loss.artifact_weight=0.01,0", "--out", str(out), "--crop", "64"),
            *("--epochs", "2", "--steps-per-epoch", "1", "--batch", "2"),
            *(word for item in settings.items() for word in ("--set", "{}={}".format(*item))),
        ]
    )
    assert code == 0 and "artifact_weight=0 against" in capsys.readouterr().out
    models = [str(out / "runs" / f"artifact_weight={weight}") for weight in ("0.01", "0")]
    columns = [(out / "runs" / m / "history.csv").read_text().splitlines()[0] for m in models]
    assert "artifacts" in columns[0] and "artifacts" not in columns[1]
    compare = ["--model", models[0], "--without", models[1], *data, "--out", str(tmp_path / "f")]
    assert main(["experiment", "artifact-penalty", *compare]) == 0
