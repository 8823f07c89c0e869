"""What a command sets before TensorFlow is imported."""

import argparse
import os

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
