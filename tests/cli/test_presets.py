"""`tfdeblur presets`, `--preset`, and the preset that is taken where no model is named."""

import json
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from tests.cli.makers import pixels
from tests.helpers import picture
from tfdeblur.cli.main import build_parser, main
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models import shipped
from tfdeblur.models.load import load_network
from tfdeblur.models.preset_card import read_card
from tfdeblur.models.preset_files import load_preset, save_preset
from tfdeblur.networks import BiSkip
from tfdeblur.restorers.network import Restorer

CARD = {
    "name": "maxim",
    "description": "All kinds of blur.",
    "licences": ["Apache-2.0", "MIT"],
    "gains_db": {"GOPRO": 7.91, "REDS 5%": -2.05},
    "seconds_per_megapixel": {"Xeon, 2 cores": 13.7, "abacus": 1e6},
}


def network(seed=1):
    keras.utils.set_random_seed(seed)
    return BiSkip(variant="S", width=0.06, norm="none")


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A weights folder with two presets: one of each kind."""
    folder = tmp_path_factory.mktemp("weights")
    save_preset(network(), folder / "maxim", CARD)
    (folder / "copy").mkdir()
    network(2).save(folder / "copy" / "generator.keras")
    (folder / ".begun").mkdir()
    shutil.copy(folder / "maxim" / "network.json", folder / ".begun")
    return folder


@pytest.fixture
def weights(two, tmp_path, monkeypatch):
    """A copy of it that is what is shipped."""
    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", tmp_path / "weights")
    return shutil.copytree(two, tmp_path / "weights")


@pytest.fixture
def nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", tmp_path / "weights")


@pytest.fixture
def photo(tmp_path, monkeypatch):
    """In the folder that the command runs in."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Image.fromarray(np.uint8(picture(20, 30) * 255)).save("photo.png")


def test_the_table(weights, capsys):
    assert main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    megabytes = f"{read_card(weights / 'maxim')['megabytes']:.1f}"
    assert [line.split() for line in lines[:4]] == [
        ["NAME", "S/MP", "MB", "GAIN"],
        ["copy", "-", "-", "-"],
        ["maxim*", "13.7", megabytes, "+7.9", "dB", "GOPRO"],
        ["-2.0", "dB", "REDS", "5%"],
    ]
    column = lines[0].index("GAIN")
    assert lines[2].index("+7.9") == lines[3].index("-2.0") == column
    assert "    licence: Apache-2.0; MIT" in lines
    assert "S/MP: seconds for a million pixels on Xeon, 2 cores" in lines
    assert "* is taken where no model is named." in lines


def test_json(weights, capsys):
    assert main(["presets", "--json"]) == 0
    copy, maxim = json.loads(capsys.readouterr().out)
    assert copy == {"name": "copy", "default": False, "folder": str(weights / "copy")}
    assert maxim.items() >= CARD.items() and maxim["default"] is True
    assert main(["presets", "maxim", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == maxim


def test_one_of_them(weights, capsys):
    assert main(["presets", "maxim"]) == 0
    assert capsys.readouterr().out == (weights / "maxim" / "README.md").read_text()
    shutil.move(weights / "maxim", weights.parent / "elsewhere")
    assert main(["presets", str(weights.parent / "elsewhere")]) == 0
    assert capsys.readouterr().out.startswith("# maxim")


@pytest.mark.parametrize("name", ["sharpest", "", ".", ".begun", "../weights"])
def test_names_that_are_not_shipped(name, weights, capsys):
    assert main(["presets", name]) == 3
    assert f"No preset {name!r} is shipped. There are: copy, maxim" in capsys.readouterr().err


def test_no_presets(nothing, capsys):
    assert main(["presets"]) == 0
    assert capsys.readouterr().out == "No presets are shipped in this installation.\n"
    assert main(["presets", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_damaged_card_does_not_hide_the_others(weights, capsys):
    (weights / "maxim" / "card.json").write_text("{")
    assert main(["presets"]) == 4
    shown = capsys.readouterr()
    assert "copy" in shown.out and "card.json is damaged" in shown.err
    assert main(["presets", "copy"]) == 4
    assert "README.md cannot be read" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["deblur", "--help"])
    assert "maxim, whose card is damaged" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", ["weights.npz", "network.json"])
@pytest.mark.parametrize("within", ["", "sen"])
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_one_whose_files_are_not_those_of_the_card(weights, capsys, name, within, as_json):
    if within:
        shutil.copytree(weights / "maxim", weights / "part")
        shutil.move(weights / "part", weights / "maxim" / within)
    path = weights / "maxim" / within / name
    path.write_bytes(path.read_bytes()[:-1])
    for says in (f"{path} is not the file that card.json beside it", f"{path} cannot be read: No"):
        assert main(["presets", str(weights / "maxim"), *as_json]) == 4
        shown = capsys.readouterr()
        assert says in shown.err and shown.out == ""
        path.unlink(missing_ok=True)


def test_listing_loads_no_framework():
    code = (
        "import sys; from tfdeblur.cli import presets; from tfdeblur.cli.parser import Parser;"
        "parser = Parser(); presets.add_parser(parser.add_subparsers());"
        "a = parser.parse_args(['presets']); code = a.run_command(a);"
        "print({'keras', 'tensorflow', 'numpy'} & set(sys.modules), code)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.splitlines()[-1] == "set() 0", answer.stderr


@pytest.mark.parametrize("command", ["deblur", "evaluate", "export"])
def test_help_tells_the_default_and_what_it_gains(command, weights, capsys):
    def shown():
        with pytest.raises(SystemExit):
            build_parser().parse_args([command, "--help"])
        return " ".join(capsys.readouterr().out.split())

    assert "(default: the preset maxim: GOPRO +7.9 dB, REDS 5% -2.0 dB)" in shown()
    shutil.rmtree(weights)
    assert "(default: the preset maxim, which this installation lacks)" in shown()


def test_without_a_model_the_default_restores(weights, photo, capsys):
    assert main(["deblur", "photo.png", "--out", "out", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "maxim"
    image = np.array(pixels("photo.png"))
    np.testing.assert_array_equal(pixels("out/photo.png"), Restorer.from_preset()(image).image)
    assert main(["deblur", "photo.png", "--out", "same", "--preset", "maxim"]) == 0
    np.testing.assert_array_equal(pixels("out/photo.png"), pixels("same/photo.png"))
    assert main(["deblur", "photo.png", "--out", "."]) == 0
    np.testing.assert_array_equal(pixels("out/photo.png"), pixels("photo_sharp.png"))
    assert main(["deblur", "photo.png", "--out", "other", "--preset", "copy"]) == 0
    assert np.any(pixels("out/photo.png") != pixels("other/photo.png"))


def test_options_that_mean_nothing_for_the_default(weights, photo, capsys):
    with pytest.raises(SystemExit) as end:
        main(["deblur", "photo.png", "--out", "out", "--levels", "2"])
    assert end.value.code == 2
    assert "--levels: works with RP-GAN models only" in capsys.readouterr().err


def test_evaluate_takes_the_default(weights, tmp_path, capsys):
    for role in ("blur", "sharp"):
        (tmp_path / "pairs" / role).mkdir(parents=True)
        image = Image.fromarray(np.uint8(picture(20, 30) * 255))
        image.save(tmp_path / "pairs" / role / "x.png")
    report = tmp_path / "scores.json"
    data = ["--data", str(tmp_path / "pairs"), "--json", str(report)]
    assert main(["evaluate", *data]) == 0
    assert json.loads(report.read_text())["model"] == "maxim"
    assert main(["evaluate", *data, "--preset", "copy"]) == 0
    assert json.loads(report.read_text())["model"] == "copy"


def test_export_takes_the_default(weights, monkeypatch, capsys, tmp_path):
    from export.graph import saved_model

    models = []
    monkeypatch.setattr(
        saved_model, "export_model", lambda model, *_, **__: models.append(model) or tmp_path / "1"
    )
    assert main(["export", "--root", "r"]) == 0
    assert "loading maxim" in capsys.readouterr().err
    assert isinstance(models[0].network, BiSkip)


@pytest.mark.parametrize(
    "command",
    [
        ["deblur", "photo.png", "--out", "out"],
        ["evaluate", "--data", "."],
        ["export", "--root", "r"],
    ],
)
def test_where_the_default_is_missing(command, nothing, photo, capsys):
    os.mkdir("maxim")  # a folder of the user's that happens to be called so is not meant
    network().save("maxim/generator.keras")
    assert main(command) == 4
    error = capsys.readouterr().err
    assert "the default preset 'maxim' is not in this installation" in error
    assert "--model" in error and "none are shipped in this installation" in error
    assert sorted(os.listdir()) == ["maxim", "photo.png"]
    with pytest.raises(DataError, match="default preset 'maxim'"):
        Restorer.from_preset()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--preset", "runs/first"], "No preset 'runs/first' is shipped. There are: copy, maxim"),
        (["--preset", "maxim", "--model", "maxim"], "not allowed with argument"),
    ],
)
def test_preset_names_what_is_shipped(options, says, weights, capsys):
    with pytest.raises(SystemExit) as end:
        main(["deblur", "x.png", "--out", "o", *options])
    assert end.value.code == 2 and says in capsys.readouterr().err


def test_an_unknown_model_is_told_what_is_shipped(weights):
    with pytest.raises(InvalidInput, match=r"No model 'maxima'.*a preset \(copy, maxim\)"):
        load_network("maxima")


def test_a_damaged_preset_is_exit_code_4(weights, photo, capsys):
    (weights / "maxim" / "weights.npz").write_bytes(b"PK")
    assert main(["deblur", "photo.png", "--out", "out"]) == 4
    assert "maxim/weights.npz is not the file that card.json" in capsys.readouterr().err
    assert not os.path.exists("out/photo.png")


def test_making_one(nothing, photo, capsys):
    os.mkdir("run")
    network().save("run/generator.keras")
    with open("card.json", "w") as file:
        json.dump(CARD | {"name": "mine"}, file)
    with open("LICENSE", "w") as file:
        file.write("mine")
    options = ["--out", "preset", "--card", "card.json", "--add", "LICENSE"]
    assert main(["presets", "--make", "run", *options]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{os.path.abspath('preset')}\n" and "--model preset" in shown.err
    assert sorted(os.listdir("preset")) == [
        *("LICENSE", "README.md", "card.json", "network.json", "weights.npz")
    ]
    np.testing.assert_allclose(
        load_preset("preset").get_weights()[0], network().get_weights()[0], rtol=1e-3
    )
    assert main(["deblur", "photo.png", "--out", "out", "--model", "preset"]) == 0
    assert main(["presets", "--make", "run", *options]) == 3
    assert "`folder` must not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--out", "x"], "argument --out: goes with --make only"),
        (["--make", "run", "--out", "x"], "argument --make: needs --card as well"),
        (["--make", "run", "--card", "x"], "argument --make: needs --out as well"),
        (["maxim", "--make", "r", "--out", "x", "--card", "c"], "goes with neither NAME nor"),
        (["--json", "--make", "r", "--out", "x", "--card", "c"], "goes with neither NAME nor"),
    ],
)
def test_usage_of_making(options, says, capsys):
    with pytest.raises(SystemExit) as end:
        main(["presets", *options])
    assert end.value.code == 2 and says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("card", "says"),
    [
        (None, "`--card` must be a file of JSON. card.json: No such file"),
        ("{", "`--card` must be a file of JSON. card.json: Expecting"),
        ("[]", "card.json: `card`: it must be an object of JSON"),
        ('{"name": "x", "licences": ["MIT"]}', "['description'] are missing"),
        ('{"gains": {}}', "unknown keys ['gains']; valid ones are ['name'"),
    ],
)
def test_cards_that_are_none(card, says, photo, capsys):
    if card is not None:
        with open("card.json", "w") as file:
            file.write(card)
    assert main(["presets", "--make", "run", "--out", "x", "--card", "card.json"]) == 3
    assert says in capsys.readouterr().err
