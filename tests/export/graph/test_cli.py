"""`tfdeblur export`: options, errors, exit codes; `import export` is light."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from export.graph import saved_model
from tests.export.helpers import Scale
from tfdeblur import limits
from tfdeblur.cli.main import main
from tfdeblur.errors import DataError, TfdeblurError
from tfdeblur.models import load
from tfdeblur.restorers.network import Restorer
from tfdeblur.restorers.passes import InPasses


@pytest.fixture
def called(monkeypatch, tmp_path):
    """What the command asks `export_model` for; the model is a stand-in."""
    calls = []

    def export_model(model, root, name, version, max_pixels, **options):
        calls.append((model, root, name, version, max_pixels, options))
        options["progress"]("writing")
        return tmp_path / name / "1"

    monkeypatch.setattr(saved_model, "export_model", export_model)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    monkeypatch.setattr("tfdeblur.restorers.kinds.network.load_network", lambda place: Scale())
    return calls


def test_defaults(called, capsys, tmp_path):
    assert main(["export", "--model", "m", "--root", "served"]) == 0
    ((model, root, name, version, max_pixels, options),) = called
    assert isinstance(model, Restorer) and (root, name, version) == ("served", "deblur", None)
    assert max_pixels is None
    assert options["warmup"] == () and options["fixed_tile"] is None
    shown = capsys.readouterr()
    assert shown.out == f"{tmp_path / 'deblur' / '1'}\n"
    assert (
        "loading m ...\nwriting\n" in shown.err and "tfdeblur serve --model_base_path" in shown.err
    )


@pytest.mark.parametrize(
    ("place", "code", "says"),
    [
        ("--root served --version 3", 3, "Received: --version 3. The next free one is 5; leave"),
        ("--root served --name a --fixed-tile 64 --version 7", 3, "The next free one is 8;"),
        ("--root file", 4, "Received: --root file (file: it is no folder)."),
        ("--root file/below", 4, "file: it is no folder)."),
        ("--root locked/below", 4, "locked: it may not be written)."),
    ],
)
def test_a_place_that_cannot_be_is_told_before_anything_is_loaded(
    place, code, says, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for folder in ("served/deblur/3", "served/deblur/4", "served/deblur/.x", "served/a_tile/7"):
        Path(folder).mkdir(parents=True)
    Path("file").touch()
    Path("locked").mkdir()
    refuse = lambda path, mode: Path(path).name != "locked"  # noqa: E731 (root may write all)
    monkeypatch.setattr(os, "access", refuse)
    monkeypatch.setattr("tfdeblur.cli.export.load_tensorflow", None)
    assert main(["export", "--model", "m", *place.split()]) == code
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("policy", "says", "options"),
    [
        (
            "model_version_policy { specific { versions: 7 } } "
            'version_labels { key: "a" value: 7 }',
            "served/models.config holds version 7 only: version 1 is not loaded until you add "
            "`versions: 1` to the policy of deblur (docs/howto/canary.md).",
            "--model_config_file served/models.config "
            "--allow_version_labels_for_unavailable_models",
        ),
        (
            "model_version_policy { specific { versions: 7 versions: 8 } }",
            "holds versions 7, 8 only: version 1 is not loaded until",
            "--model_config_file served/models.config",
        ),
        (
            "model_version_policy { specific { versions: 7 versions: 1 } }",
            "",
            "--model_config_file served/models.config",
        ),
        (
            "model_version_policy { latest { num_versions: 2 } }",
            "",
            "--model_config_file served/models.config",
        ),
        ("", "", "--model_base_path {folder} --model_name deblur"),
        ("nonsense", "", "--model_base_path {folder} --model_name deblur"),
    ],
)
def test_versions_that_the_config_holds_back_are_told(
    called, capsys, tmp_path, policy, says, options
):
    Path("served").mkdir()
    model = f'name: "deblur" base_path: "/models/deblur" model_platform: "tensorflow" {policy}'
    text = f"model_config_list {{ config {{ {model} }} }}"
    Path("served/models.config").write_text(text)
    assert main(["export", "--model", "m", "--root", "served"]) == 0
    shown = capsys.readouterr().err
    assert says in shown and (says or "only" not in shown)
    assert f"  tfdeblur serve {options.format(folder=tmp_path / 'deblur')}\n" in shown


def test_options(called):
    options = "--name n --version 3 --max-pixels 99 --warmup 64x48 --warmup 20x30"
    more = "--fixed-tile 512 --passes 2 --self-ensemble"
    assert main(["export", "--model", "m", "--root", "r", *options.split(), *more.split()]) == 0
    ((model, _, name, version, max_pixels, given),) = called
    assert isinstance(model, InPasses) and model.passes == 2 and model.restorer.self_ensemble
    assert (name, version, max_pixels) == ("n", 3, 99)
    assert given["warmup"] == ((48, 64), (30, 20)) and given["fixed_tile"] == 512


def test_the_help_names_the_default():
    """It stands there as text, as nothing may be imported for it."""
    assert limits.DEFAULT_PIXELS_OF_A_REQUEST == 8388608


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--model", "m"],
        *(
            ["--model", "m", "--root", "r", "--warmup", w]
            for w in ("64", "0x8", "8x", "8X8", "-1x2")
        ),
        *(
            ["--model", "m", "--root", "r", option, "0"]
            for option in ("--version", "--max-pixels", "--fixed-tile", "--passes", "--levels")
        ),
    ],
)
def test_usage(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["export", *arguments])
    assert caught.value.code == 2 and "tfdeblur export: error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "error, code", [(DataError("no room"), 4), (TfdeblurError("not what it must be"), 1)]
)
def test_errors(called, monkeypatch, capsys, error, code):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(saved_model, "export_model", fail)
    assert main(["export", "--model", "m", "--root", "r"]) == code
    assert f"tfdeblur: error: {error}" in capsys.readouterr().err


def test_no_such_model(capsys, tmp_path):
    assert main(["export", "--model", "sharpest", "--root", str(tmp_path / "r")]) == 3
    assert "No model 'sharpest'" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_levels_are_for_rp_gan(called, capsys):
    assert main(["export", "--model", "m", "--root", "r", "--levels", "1"]) == 3
    assert "`--levels` works with RP-GAN models only" in capsys.readouterr().err and not called


def test_rp_gan(called, monkeypatch, tmp_path, capsys):
    from tests.restorers.makers import LOCAL, SEN, SETTINGS

    (tmp_path / load.PIPELINE_FILE).write_text("{}")
    monkeypatch.setattr(
        "tfdeblur.restorers.blind.load.load_blind", lambda place: (SEN, LOCAL, SETTINGS)
    )
    command = ["export", "--model", str(tmp_path), "--root", "r", "--passes", "2", "--levels", "1"]
    assert main(command) == 0
    model = called[0][0]
    assert model.passes == 2 and len(model.settings.betas) == 1
    assert main([*command, "--self-ensemble"]) == 3
    assert "`--self-ensemble` works with --model only, and not" in capsys.readouterr().err


def test_importing_the_package_loads_no_framework():
    code = (
        "import sys, export, tfdeblur.cli.export; "
        "print({'keras', 'tensorflow', 'numpy', 'grpc'} & set(sys.modules), dir(export))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.startswith("set()") and "'export_model'" in answer.stdout, answer.stderr
