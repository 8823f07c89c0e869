import json
import shutil

import keras
import numpy as np
import pytest

from tests.cli.makers import contents
from tests.training.makers import write_pairs
from tests.training.test_run import stop_after
from tfdeblur.cli.main import main
from tfdeblur.networks import BiSkip, Maxim

QUICK = [
    *("--preset", "demo", "--scheme", "1-S", "--crop", "16", "--batch", "2"),
    *("--epochs", "2", "--steps-per-epoch", "2", "--precision", "float32"),
    *("--set", "network.width=0.125", "--set", "run.panel_every=2"),
]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"))


def train(*arguments):
    return main(["train", *map(str, arguments)])


def test_a_run_and_its_continuation(pairs, tmp_path, capsys):
    folder = tmp_path / "run"
    split = ["--val-only", "00[01]", "--train-exclude", "00[01]"]
    assert train("--data", pairs, "--run", folder, *QUICK, *split) == 0
    out = capsys.readouterr().out
    assert f"tfdeblur deblur PHOTO --out DIR --model {folder}" in out
    record = json.loads((folder / "run.json").read_text())
    assert record["data"]["train_names"] == ["002", "003"]
    assert record["data"]["validation_names"] == ["000", "001"]
    assert keras.saving.load_model(folder / "generator.keras").variant == "S"
    assert (folder / "panels" / "epoch-0002.png").is_file()

    # The bare option goes on with what run.json says; so does the whole command again.
    assert train("--run", folder, "--resume") == 0
    longer = (
        f"It had ended, after 2 epochs. To train longer: tfdeblur train --run {folder} --resume"
    )
    assert f"{longer} --epochs 4\n" in capsys.readouterr().out
    assert train("--data", pairs, "--run", folder, *QUICK, *split, "--resume") == 0
    assert train("--data", pairs, "--run", folder, *QUICK, *split) == 3
    assert "must be a new folder, or come with --resume" in capsys.readouterr().err
    assert train("--run", folder, "--resume", "--crop", 32) == 3
    assert "data.crop: 16 then, 32 now" in capsys.readouterr().err


def test_who_stops_a_run_is_told_how_to_go_on(pairs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        stop_after(patch, 1)
        assert train("--data", pairs, "--run", "my run", *QUICK) == 130
    how = "tfdeblur train --run 'my run' --resume"
    assert f"Interrupted. Finished work is kept. Go on with: {how}\n" in capsys.readouterr().err
    assert main(["deblur", str(pairs / "blur"), "--out", "out", "--model", "my run"]) == 4
    said = capsys.readouterr().err
    assert f"its training has not finished an epoch yet. Go on with it: {how}\n" in said
    with monkeypatch.context() as patch:
        patch.setattr("tfdeblur.training.run.open_data", stop)
        assert train("--data", pairs, "--run", "new", *QUICK) == 130
    assert "Finished work is kept.\n" in capsys.readouterr().err


def stop(*given):
    raise KeyboardInterrupt


def test_photographs_are_blurred_while_training(pairs, tmp_path, capsys):
    folder = tmp_path / "run"
    blur = ["--data", pairs / "sharp", "--blur", "motion-flow", "--blur-extent", "5"]
    assert train(*blur, "--run", folder, *QUICK, "--epochs", "1", "--steps-per-epoch", "1") == 0
    record = json.loads((folder / "run.json").read_text())
    assert record["config"]["data"]["blur_extent"] == 5
    assert "4 photographs" in record["data"]["train"] and record["data"]["validation"] is None
    capsys.readouterr()
    assert train("--run", folder, "--resume", "--blur-extent", 7) == 3
    assert "data.blur_extent: 5.0 then, 7.0 now" in capsys.readouterr().err


def test_show_config_prints_all_settings_and_does_nothing(tmp_path, capsys):
    folder = tmp_path / "run"
    arguments = ["--run", folder, "--preset", "paper", "--set", "optimizer.ema=0.9"]
    assert train(*arguments, "--show-config") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["loss"]["scheme"] == "SA1P-BS" and shown["optimizer"]["ema"] == 0.9
    assert not folder.exists()


def test_sen_has_presets_of_its_own(tmp_path, capsys):
    assert train("--run", tmp_path / "x", "--model", "sen", "--show-config") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["model"], shown["network"]["width"]) == ("sen", 0.25)
    assert train("--run", tmp_path / "x", "--model", "sen", "--preset", "small") == 3
    assert "The presets sen-small and sen-paper are meant for it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--epochs", "1"], 3, "`--data` must name a folder of pairs or a TFDS data set"),
        (["--resume"], 3, "`--resume` goes on with the run in --run. Received: "),
        (
            ["--data", "{pairs}", "--set", "optimizer.lr=1"],
            3,
            "optimizer.lr. Did you mean optimizer.learning_rate? The section has optimizer.accu",
        ),
        (
            ["--data", "{pairs}", "--set", "optimiser.ema=1"],
            3,
            "? The sections are data, dynamic, loss, network, optimizer,",
        ),
        (["--data", "{pairs}", "--set", "seed"], 3, "`--set` must be SECTION.KEY=VALUE"),
        (["--data", "{pairs}", "--crop", "100"], 3, "`data.crop` must be a multiple of 16"),
        (["--data", "{pairs}", "--crop", "256"], 4, "000"),
        (["--data", "{pairs}", "--scheme", "B1-BS"], 3, "SA1P-BS"),
        (
            ["--data", "{pairs}", "--crop", "16", "--scheme", "1P-BS", "--vgg", "none"],
            3,
            "letter P",
        ),
        (
            ["--data", "{pairs}", "--crop", "16", "--scheme", "1P-BS", "--vgg", "no.npz"],
            4,
            "weights='no.npz'. Give a file (--vgg FILE): a .npz with arrays",
        ),
        (["--data", "{pairs}/none"], 4, "must be a folder of pairs. Received: "),
        (["--data", "{pairs}", "--train-only", "x*"], 4, "x*"),
        (
            ["--data", "{pairs}", "--blur", "motion-flow"],
            4,
            "sharp. To train on the pairs themselves, give `--set data.blur=`",
        ),
        (
            ["--data", "{pairs}/sharp", "--blur", "motion-flow", "--val", "{pairs}"],
            4,
            "pairs are in training and in validation",
        ),
        (
            ["--data", "{pairs}/sharp", "--blur", "motion-flow", "--val-only", "0*"],
            3,
            "`--val-only` needs pairs",
        ),
        (["--data", "{pairs}", "--blur-photos", "{pairs}/none"], 4, "does not exist"),
        (["--data", "{pairs}", "--blur-share", "1.5"], 3, "`data.blur_share` must be between"),
        (["--data", "{pairs}", "--blur-extent", "0"], 3, "`data.blur_extent` must be at least 1"),
    ],
)
def test_what_is_wrong_is_named(pairs, tmp_path, capsys, arguments, code, message):
    arguments = [argument.format(pairs=pairs) for argument in arguments]
    assert train("--run", tmp_path / "run", *arguments) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_has_a_folder_of_its_own(pairs, tmp_path, capsys):
    before = sorted(pairs.rglob("*"))
    assert train("--data", pairs, "--run", pairs, *QUICK) == 3
    assert f"Received: {pairs}, which is data.train={pairs}" in capsys.readouterr().err
    photographs = ["--data", pairs, "--blur-photos", pairs / "sharp"]
    assert train(*photographs, "--run", pairs / "sharp" / "run", *QUICK) == 3
    assert f"run, which is in data.blur_photos={pairs / 'sharp'}" in capsys.readouterr().err
    assert sorted(pairs.rglob("*")) == before
    album = tmp_path / "album"
    shutil.copytree(pairs / "sharp", album)
    before = contents(album)
    assert train("--data", pairs, "--run", album, *QUICK) == 3
    assert f"{album}, which holds 000.png and 3 more, and no run.json" in capsys.readouterr().err
    assert contents(album) == before


@pytest.fixture
def trained(tmp_path):
    """A run folder with a Bi-Skip of eight channels, and one of MAXIM."""
    for name, network in (
        ("biskip", BiSkip(width=0.125, norm="none", unshuffle=2, channels=(8, 8, 8, 8))),
        ("maxim", Maxim(features=4)),
    ):
        network(np.zeros((1, 64, 64, 3), np.float32))
        (tmp_path / name).mkdir()
        network.save(tmp_path / name / "generator.keras")
    return tmp_path


def test_init_brings_its_network_and_settings_that_go_on_from_it(trained, capsys):
    def shown(*arguments):
        assert train("--run", trained / "x", "--show-config", *arguments) == 0
        return json.loads(capsys.readouterr().out)

    for where in (trained / "biskip", trained / "biskip" / "generator.keras"):
        found = shown("--init", where)
        assert found["model"] == "biskip" and found["run"]["init"] == str(where)
        assert found["network"]["unshuffle"] == 2 and found["network"]["width"] == 0.125
        assert found["network"]["channels"] == [8, 8, 8, 8]
        assert (found["data"]["blur"], found["optimizer"]["learning_rate"]) == ("", 2e-4)
    assert shown("--init", "biskip")["network"]["channels"] == [64, 112, 160, 160]
    found = shown("--init", trained / "maxim")
    assert (found["model"], found["network"]["features"]) == ("maxim", 4)
    assert found["optimizer"]["learning_rate"] == 1e-5
    small = shown("--init", trained / "biskip", "--preset", "small", "--set", "network.width=0.5")
    assert (small["network"]["unshuffle"], small["network"]["width"]) == (2, 0.5)
    assert shown("--init", "nowhere")["network"]["width"] == 0.5  # told where it is loaded
    assert shown("--init", trained / "maxim", "--model", "biskip")["network"]["features"] == 32


def test_init_of_pairs_alone_trains(trained, pairs, tmp_path, capsys):
    quick = [*("--crop", "32", "--batch", "2", "--epochs", "1", "--steps-per-epoch", "1")]
    folder = tmp_path / "run"
    assert train("--init", trained / "biskip", "--data", pairs, "--run", folder, *quick) == 0
    assert keras.saving.load_model(folder / "generator.keras").unshuffle == 2


@pytest.mark.parametrize("arguments", [[], ["--run", "x", "--model", "none"], ["--run"]])
def test_usage_errors_are_code_2(arguments):
    with pytest.raises(SystemExit) as stopped:
        train(*arguments)
    assert stopped.value.code == 2


def test_a_missing_partner_is_named_before_training(pairs, tmp_path, capsys):
    folder = write_pairs(tmp_path / "broken")
    (folder / "sharp" / "002.png").unlink()
    (folder / "blur" / "001.png").write_bytes(b"")
    assert train("--data", folder, "--run", tmp_path / "run", *QUICK) == 4
    said = capsys.readouterr().err
    assert "002" in said and "001.png" in said


def test_how_pairs_are_named_and_what_white_is_are_settings(tmp_path, capsys):
    options = ["--pairs", "a/*_in.png", "b/*_out.png", "--white-level", "1023"]
    assert train("--run", tmp_path / "x", *options, "--show-config") == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert data["pairs"] == ["a/*_in.png", "b/*_out.png"] and data["white_level"] == "1023"
    for setting in ("data.white_level=0", "data.white_level=high", "data.pairs=a*"):
        assert train("--run", tmp_path / "x", "--set", setting, "--show-config") == 3
        assert f"`{setting.partition('=')[0]}` must be" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "warmup", "every"),
    [
        (("--epochs", 4, "--steps-per-epoch", 20), 16, 1),
        (("--epochs", 40, "--steps-per-epoch", 25), 200, 4),  # what the preset has
        (("--epochs", 9), 200, 2),
        (("--epochs", 4, "--steps-per-epoch", 20, "--set", "optimizer.warmup_steps=60"), 60, 1),
        (("--epochs", 4, "--set", "run.validate_every=3", "--steps-per-epoch", 20), 16, 3),
    ],
)
def test_short_runs_are_not_all_warm_up_and_are_validated(options, warmup, every, tmp_path, capsys):
    where = ("--data", tmp_path, "--run", tmp_path / "run", "--preset", "biskip-finetune")
    assert train(*where, *options, "--show-config") == 0
    found = capsys.readouterr()
    shown = json.loads(found.out)
    assert (shown["optimizer"]["warmup_steps"], shown["run"]["validate_every"]) == (warmup, every)
    told = {"optimizer.warmup_steps=16 in place of 200": warmup == 16}
    told |= {f"run.validate_every={every} in place of 4": every in (1, 2)}
    assert {text: text in found.err for text in told} == told


def test_a_run_whose_backups_are_lost_keeps_what_it_has_learnt(pairs, tmp_path, capsys):
    folder = tmp_path / "run"
    assert train("--data", pairs, "--run", folder, *QUICK) == 0
    shutil.rmtree(folder / "backup")
    before = contents(folder)
    assert train("--run", folder, "--resume") == 4
    error = capsys.readouterr().err
    assert "holds 2 epochs in history.csv, generator.keras, last.keras and no backup in" in error
    assert contents(folder) == before
    onward = f"--run NEW --init {folder}."
    assert error.rstrip().endswith(onward)
    new = ["--run", tmp_path / "new", "--init", folder, *QUICK]
    assert train("--data", pairs, *new) == 0
