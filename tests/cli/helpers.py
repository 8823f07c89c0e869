"""Tables of input files for `tfdeblur deblur`, and what each must come to.

The network is a known function of each level, so what a result must hold is computed here from
the levels that went in, without any of the package's code.
"""

import numpy as np
import pytest

from tests.cli.makers import contents, pixels
from tfdeblur.cli.main import main


class Rows:
    """Makers of input files: `(folder) -> (inputs, results by name)`, one a row of a test.

    A result is an array that the file must hold, or a function that checks the file.
    """

    def __init__(self):
        self.params = []

    def __call__(self, code=0, says="", options=()):
        """Registers a maker with the exit code, a part of stderr, and options of the command."""

        def register(make):
            self.params.append(pytest.param(make, code, says, options, id=make.__name__))
            return make

        return register


def folder_for(tmp_path):
    """The folder that a maker fills, and that the command runs in."""
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def check_files(make, code, says, options, model, tmp_path, capsys):
    """Restores what a maker made: the code, what is said, what is written, nothing else."""
    folder, out = tmp_path / "in", tmp_path / "out"
    inputs, wanted = make(folder)
    before = contents(folder)
    command = ["deblur", *options, "--out", str(out), "--model", str(model), "--", *inputs]
    assert main(command) == code, capsys.readouterr().err
    captured = capsys.readouterr()
    assert captured.out == "" and says in captured.err
    assert "Traceback" not in captured.err
    assert contents(folder) == before
    written = contents(out)
    assert {name for name in written if written[name][0] == "file"} == set(wanted)
    for name, value in wanted.items():
        if callable(value):
            value(out / name)
        else:
            found = pixels(out / name)
            assert found.dtype == value.dtype
            np.testing.assert_array_equal(found, value)
