"""What a command sets before TensorFlow is imported."""

import argparse
import os
import subprocess
import sys

import pytest

from tfdeblur.cli.common import run_command


@pytest.mark.parametrize("chosen, seen", [(None, "1"), ("0", "0")])
def test_fast_kernels_unless_the_user_says_otherwise(chosen, seen, monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if chosen is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", chosen)
    found = []
    code = run_command(
        lambda arguments: found.append(os.environ["TF_ENABLE_ONEDNN_OPTS"]) or 0,
        argparse.Namespace(),
    )
    assert (code, found) == (0, [seen])


@pytest.mark.parametrize(
    "line",
    [
        "data sheet photos --out sheet.png --set dynamic.nosuch=1",
        "deblur nowhere.png --out out",
        "train --data nowhere --run new",
        "evaluate --data nowhere",
        "presets nosuch",
    ],
)
def test_what_is_wrong_is_said_without_the_lines_of_tensorflows_start(line, tmp_path):
    found = subprocess.run(
        [sys.executable, "-m", "tfdeblur", *line.split()], cwd=tmp_path, capture_output=True
    )
    assert found.returncode in (3, 4)
    assert any(word in found.stderr for word in (b"nosuch", b"nowhere"))
    assert not any(word in found.stderr for word in (b"oneDNN", b"absl::", b"cuda"))
