"""SavedModels of others: what is taken, and what is refused before it is loaded."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests.adopt.makers import sharpen
from tests.cli.makers import contents
from tests.helpers import picture
from tfdeblur import Restorer
from tfdeblur.cli.main import main


class Module(tf.Module):
    def __init__(self, evil=False):
        super().__init__()
        self.gain = tf.Variable(np.ones(3, np.float32))
        self.evil = evil

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32, name="image")])
    def __call__(self, image):
        if self.evil:
            tf.io.write_file("written.txt", "!")
        return {"restored": sharpen(image) * self.gain, "coarse": image[:, ::2, ::2] * self.gain}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "network"
    module = Module()
    tf.saved_model.save(module, folder, signatures=module.__call__)
    (folder / "LICENSE.txt").write_text("MIT")
    return folder


def test_one_is_adopted(saved, tmp_path):
    assert main(["adopt", str(saved), "--out", str(tmp_path / "model")]) == 0
    assert (tmp_path / "model" / "LICENSE.txt").read_text() == "MIT"
    image = picture(40, 44)
    found = Restorer.from_preset(tmp_path / "model")(image).image
    wanted = Module()(image[None])["restored"][0]
    np.testing.assert_allclose(found, np.clip(wanted, 0, 1), atol=1e-5)


def refuse(folder, says, capsys):
    before = contents(folder.parent)
    assert main(["adopt", str(folder), "--out", str(folder.parent / "model")]) == 4
    said = capsys.readouterr().err
    assert says in said and "Traceback" not in said
    assert contents(folder.parent) == before


def test_one_that_writes_files_is_not_loaded(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    module = Module(evil=True)
    tf.saved_model.save(module, tmp_path / "evil", signatures=module.__call__)
    refuse(tmp_path / "evil", "WriteFile. Custom operators, files", capsys)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("saved_model.pb", b"<html>", "is no SavedModel, or is cut"),
        ("saved_model.pb", b"", "must hold one graph. Received: 0"),
        ("variables/variables.index", None, "is damaged or cut"),
        ("variables/variables.index", b"", "is damaged or cut"),
        ("variables/variables.data-00000-of-00001", b"", "is damaged or cut"),
    ],
)
def test_damaged_ones(name, data, says, saved, tmp_path, capsys):
    folder = shutil.copytree(saved, tmp_path / "network")
    (folder / name).unlink()
    if data is not None:
        (folder / name).write_bytes(data)
    refuse(folder, says, capsys)


def test_a_link_out_of_the_folder(saved, tmp_path, capsys):
    folder = shutil.copytree(saved, tmp_path / "network")
    index = folder / "variables" / "variables.index"
    index.rename(tmp_path / "index")
    index.symlink_to(tmp_path / "index")
    refuse(folder, "is refused: it must be a plain file inside", capsys)
