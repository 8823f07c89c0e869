"""Sources that are refused: one line that says why, nothing is written."""

import pytest

from tests.adopt.bad.keras import makers as of_keras
from tests.adopt.bad.makers import ROWS
from tests.adopt.bad.onnx import makers as of_onnx
from tests.cli.makers import contents
from tfdeblur.cli.main import main

assert of_keras and of_onnx  # they add to ROWS


@pytest.mark.parametrize(("make", "says", "code"), ROWS)
def test_bad_sources_are_refused_and_nothing_is_written(make, says, code, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    source = make(tmp_path / "in")
    before = contents(tmp_path)
    assert main(["adopt", str(source), "--out", str(tmp_path / "models" / "out")]) == code
    said = capsys.readouterr()
    assert says in said.err, said.err
    assert "Traceback" not in said.err and said.out == ""
    # One line, that a terminal shows whole.
    error = said.err[said.err.index("tfdeblur: error: ") :]
    assert error.count("\n") == 1 and len(error) < 1200
    assert contents(tmp_path) == before


def test_weights_of_a_refused_network_are_never_made(tmp_path, capsys):
    """Keras makes all that is still to be made when the next network is built."""
    import keras

    source = next(row.values[0] for row in ROWS if row.id == "keras_huge")(tmp_path)
    assert main(["adopt", str(source), "--out", str(tmp_path / "out")]) == 4
    assert "it describes weights of 4.32e+10 bytes" in capsys.readouterr().err
    image = keras.Input((None, None, 3))
    network = keras.Model(image, keras.layers.Activation(lambda x: 2 * x)(image))
    assert network(keras.ops.ones((1, 2, 2, 3))).shape == (1, 2, 2, 3)


@pytest.mark.parametrize("named", ["net", "net/model.json", "net/models", "net/models/model.json"])
def test_the_file_is_named_where_it_lies(named, tmp_path, capsys):
    path = tmp_path / named
    file = path if path.suffix else path / "model.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    assert main(["adopt", str(path), "--out", str(tmp_path / "out")]) == 4
    assert f"{file.parent}: model.json must be a TensorFlow.js graph" in capsys.readouterr().err


def test_in_a_package_the_file_is_named_with_its_folder(tmp_path, capsys):
    (tmp_path / "net" / "models").mkdir(parents=True)
    (tmp_path / "net" / "models" / "model.json").write_text("{}")
    assert main(["adopt", str(tmp_path / "net"), "--out", str(tmp_path / "out")]) == 4
    assert f"{tmp_path / 'net'}: models/model.json must be a" in capsys.readouterr().err
