"""What is suggested for names and paths that are not there."""

from pathlib import Path

import pytest

from tfdeblur.near import did_you_mean, did_you_mean_path, near_path


@pytest.mark.parametrize(
    "name, told",
    [
        ("biskp", " Did you mean biskip?"),
        ("BISKIP", " Did you mean biskip?"),
        ("maxin", " Did you mean maxim?"),
        ("photo.jpg", ""),
        ("", ""),
    ],
)
def test_near_names(name, told):
    assert did_you_mean(name, ["biskip", "maxim", "maxim-gopro"]) == told


@pytest.mark.parametrize(
    "path, near",
    [
        ("holidays/", "holiday"),
        ("holidays", "holiday"),
        ("runs/frist", "runs/first"),
        ("rnus/first", "runs/first"),
        ("rnus/frist", "runs/first"),
        ("./runs/frist", "runs/first"),
        ("pairs.jsno", "pairs.json"),
        ("holiday", None),  # it is there
        ("elsewhere/entirely", None),
        ("runs/first/deep/deeper", None),
        ("", None),
        ("/", None),
        ("\0", None),
    ],
)
def test_near_paths(path, near, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("holiday", "runs/first"):
        Path(folder).mkdir(parents=True)
    Path("pairs.json").touch()
    assert near_path(path) == near
    assert did_you_mean_path(path) == (f" Did you mean {near}?" if near else "")


def test_a_file_is_no_folder_that_was_meant(tmp_path):
    (tmp_path / "pairs").touch()
    assert near_path(tmp_path / "pair", folders=True) is None
    assert near_path(tmp_path / "pair") == str(tmp_path / "pairs")
