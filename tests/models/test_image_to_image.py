"""Networks of others that make no image of the same size are refused once, by their name."""

import json
from pathlib import Path

import keras
import pytest
from keras import layers

from tests.cli.makers import good
from tfdeblur.cli.main import main
from tfdeblur.errors import DataError
from tfdeblur.models.load import load_network


def saved(path, build, shape=(None, None, 3)):
    image = keras.Input(shape)
    keras.Model(image, build(image)).save(path)
    return path


REFUSED = {
    "doubles": (lambda x: layers.UpSampling2D()(x), "Received: shape \\(1, 128, 192, 3\\)"),
    "halves": (lambda x: layers.AveragePooling2D(2)(x), "Received: shape \\(1, 32, 48, 3\\)"),
    "cuts the border": (lambda x: layers.Conv2D(3, 3)(x), "shape \\(1, 62, 94, 3\\)"),
    "two outputs": (lambda x: [x * 0.5, x * 1.0], "give one image. Received: 2 outputs"),
    "a dictionary": (lambda x: {"a": x * 0.5, "b": x * 1.0}, "Received: 2 outputs"),
    "a class": (lambda x: layers.GlobalAveragePooling2D()(x), "shape \\(1, 3\\)"),
    "gray": (lambda x: layers.Conv2D(1, 1)(x), "take and give 3 channels"),
    "with alpha": (lambda x: layers.Conv2D(4, 1)(x), "Received: 3 in, 4 out"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(kind, tmp_path):
    build, says = REFUSED[kind]
    path = saved(tmp_path / "theirs.keras", build)
    with pytest.raises(DataError, match=f"theirs.keras must .*{says}"):
        load_network(str(path))


@pytest.mark.parametrize("shape", [(64, 96, 3), (None, 96, 3), (None, None, 1), (None, 3)])
def test_inputs_that_are_no_image_of_any_size(shape, tmp_path):
    path = saved(tmp_path / "theirs.keras", lambda x: x * 0.5, shape)
    with pytest.raises(DataError, match=r"theirs.keras must take"):
        load_network(str(path))


def test_two_inputs(tmp_path):
    first, second = keras.Input((None, None, 3)), keras.Input((None, None, 3))
    keras.Model([first, second], first + second).save(tmp_path / "theirs.keras")
    with pytest.raises(DataError, match=r"must take one image .* Received: 2 inputs"):
        load_network(str(tmp_path / "theirs.keras"))


def test_a_network_that_fails_is_told_with_its_reason(tmp_path):
    path = saved(
        tmp_path / "theirs.keras",
        lambda x: layers.Concatenate()([x, layers.ZeroPadding2D(3)(layers.AveragePooling2D(7)(x))]),
    )
    with pytest.raises(DataError, match=r"theirs.keras cannot be run on an image of 96x64 pixels"):
        load_network(str(path))


def test_an_image_comes_out_as_it_did(tmp_path):
    path = saved(tmp_path / "theirs.keras", lambda x: layers.Conv2D(3, 3, padding="same")(x))
    assert load_network(str(path)).output_shape == (None, None, None, 3)


@pytest.mark.parametrize("kind", ["doubles", "two outputs"])
def test_a_folder_is_refused_once(kind, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    saved("theirs.keras", REFUSED[kind][0])
    for index in range(3):
        good(tmp_path, f"p/{index}.png")
    assert main(["deblur", "p", "--out", "out", "--model", "theirs.keras", "--json"]) == 4
    captured = capsys.readouterr()
    assert captured.err.count("theirs.keras must give") == 1 and "zip()" not in captured.err
    assert captured.out == "" or json.loads(captured.out)["files"] == []
    assert list(Path("out").iterdir()) == []
