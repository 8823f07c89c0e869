"""What tests of `tfdeblur deblur` share."""

from pathlib import Path

import pytest

from tests.cli.deblur.test_known_flow import to_right
from tests.cli.makers import save_npz
from tfdeblur.cli.main import main


@pytest.fixture
def deblur(tmp_path, monkeypatch):
    """Runs the command with a flow of so many pixels to the right."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, size, extent=0, out="out"):
        save_npz(Path("flow.npz"), to_right(*size, extent))
        return main(["deblur", *arguments, "--out", out, "--known-flow", "flow.npz"])

    return run
