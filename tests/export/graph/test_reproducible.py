"""The same model gives the same bytes, in whatever process."""

import os
import subprocess
import sys

import pytest

from tfdeblur.networks import BiSkip


@pytest.mark.slow
def test_two_exports_differ_in_their_fingerprint_only(tmp_path):
    BiSkip(width=0.06).save(tmp_path / "network.keras")
    versions = []
    for seed in ("1", "2"):
        root = tmp_path / seed
        subprocess.run(
            [sys.executable, "-m", "export", "--model", tmp_path / "network.keras"]
            + ["--root", root, "--warmup", "64x48", "--fixed-tile", "160"],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        files = (p for p in root.rglob("*") if p.is_file() and p.name != "fingerprint.pb")
        versions.append({str(p.relative_to(root)): p.read_bytes() for p in files})
    first, second = versions
    assert len(first) == len(second) > 10
    assert [name for name in first if first[name] != second.get(name)] == []
