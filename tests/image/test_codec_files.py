"""Reading names path and reason; writing is all or nothing."""

import os

import pytest

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.atomic import write_atomically
from tfdeblur.image.codec import read_image


def test_reading_names_path_and_reason(tmp_path):
    with pytest.raises(InvalidInput, match=f"{tmp_path} is a folder"):
        read_image(tmp_path)
    with pytest.raises(DataError, match=r"none.png cannot be read: No such file"):
        read_image(tmp_path / "none.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    with pytest.raises(DataError, match=r"loop.png cannot be read: Too many levels"):
        read_image(tmp_path / "loop.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(InvalidInput, match=r"text.png is not an image"):
        read_image(tmp_path / "text.png")


def test_unreadable_file(tmp_path, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", denied)  # root may read everything
    with pytest.raises(DataError, match=r"a.png cannot be read: Permission denied"):
        read_image(tmp_path / "a.png")


def test_writing_replaces_the_file_as_a_whole(tmp_path):
    path = tmp_path / "out.png"
    path.write_bytes(b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["out.png"]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, failing):
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(DataError, match=r"out.png cannot be written: No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.png"]


def test_an_interrupt_leaves_no_part(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "out.png", b"new")
    assert os.listdir(tmp_path) == []


def test_writing_names_a_missing_folder(tmp_path):
    with pytest.raises(DataError, match=r"out.png cannot be written: No such file or directory"):
        write_atomically(tmp_path / "none" / "out.png", b"new")
