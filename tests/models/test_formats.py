"""Models of other formats: what they are, and what to do with them."""

import io
import zipfile

import h5py
import keras
import numpy as np
import pytest
from PIL import Image

from tfdeblur import Restorer
from tfdeblur.cli.main import main
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models.formats import what_it_is


def zipped(*names):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return data.getvalue()


def hdf5(config=None):
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        file["kernel"] = np.zeros(3)
        if config:
            file.attrs["model_config"] = config
    return data.getvalue()


ADOPT = "make a model of it with `tfdeblur adopt "
FILES = [
    ("net.pth", zipped("net/data.pkl", "net/data/0"), "weights of PyTorch, without the network"),
    ("net.pth", b"\x80\x02", "`torch.onnx.export`"),
    ("named.bin", zipped("a/data.pkl"), "weights of PyTorch"),
    ("net.pt", zipped("a/data.pkl", "a/constants.pkl"), "a TorchScript file of PyTorch"),
    ("net.h5", hdf5(), "weights of Keras, without the network: load it in Keras"),
    ("net.weights.h5", hdf5(), "weights of Keras, without the network"),
    ("net.h5", hdf5('{"class_name": "Functional"}'), "a network of Keras in its old format (HDF5)"),
    ("net.safetensors", b"", "weights without a network (safetensors)"),
    ("named", (2).to_bytes(8, "little") + b"{}", "weights without a network (safetensors)"),
    ("net.tflite", b"\x1c\0\0\0TFL3", "a TensorFlow Lite file"),
    ("net.npz", zipped("a.npy"), "arrays of NumPy, without a network"),
    ("net.ckpt", b"", "weights of PyTorch or TensorFlow"),
    ("net.ckpt.index", b"", "a checkpoint of TensorFlow: weights without the network"),
    ("net.onnx", b"", f"an ONNX file: {ADOPT}"),
    ("net.PB", b"", f"a frozen graph of TensorFlow: {ADOPT}"),
    ("net.tar.gz", b"", ADOPT),
    ("model.json", b"{}", "give the folder that it lies in"),
    ("saved/saved_model.pb", b"", f"a SavedModel: {ADOPT}"),
    ("js/model.json", b"{}", f"a TensorFlow.js model: {ADOPT}"),
]


@pytest.mark.parametrize(("name", "data", "says"), FILES, ids=[f"{n}-{s[:9]}" for n, _, s in FILES])
def test_a_model_of_another_format_is_told_by_its_name(name, data, says, tmp_path, capsys):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    model = path if path.parent == tmp_path else path.parent
    with pytest.raises(InvalidInput) as error:
        Restorer.from_preset(model)
    assert f"{str(model)!r} is " in str(error.value) and says in str(error.value)
    photo = tmp_path / "photo.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(photo)
    command = ["deblur", str(photo), "--out", str(tmp_path / "out"), "--model", str(model)]
    assert main(command) == 3
    assert says in capsys.readouterr().err


def test_what_nothing_is_known_of(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    for path in (tmp_path, tmp_path / "a.txt"):
        assert what_it_is(path) is None
    with pytest.raises(InvalidInput, match="it must be a preset"):
        Restorer.from_preset(tmp_path / "a.txt")
    with pytest.raises(DataError, match="holds no generator.keras"):
        Restorer.from_preset(tmp_path)


def test_another_format_under_the_name_of_keras(tmp_path):
    (tmp_path / "a.keras").write_bytes(zipped("a/data.pkl"))
    with pytest.raises(DataError, match="It is weights of PyTorch, without the network: build"):
        Restorer.from_preset(tmp_path / "a.keras")


def test_a_program_in_a_keras_file_is_not_run(tmp_path):
    image = keras.Input((None, None, 3))
    keras.Model(image, keras.layers.Lambda(lambda x: x)(image)).save(tmp_path / "a.keras")
    with pytest.raises(DataError, match=r"Programs of others \(custom layers, Lambda\) are not"):
        Restorer.from_preset(tmp_path / "a.keras")


def test_a_keras_file_under_another_name(tmp_path):
    image = keras.Input((None, None, 3))
    keras.Model(image, keras.layers.ReLU()(image)).save(tmp_path / "a.keras")
    (tmp_path / "a.keras").rename(tmp_path / "a.zip")
    with pytest.raises(InvalidInput, match="a Keras file under another name: rename it to"):
        Restorer.from_preset(tmp_path / "a.zip")
