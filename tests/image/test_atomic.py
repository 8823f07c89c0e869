"""Files appear whole, and what killed processes left behind goes."""

import os
import subprocess
import sys
import time

import pytest

from tfdeblur.errors import DataError
from tfdeblur.image import atomic
from tfdeblur.image.atomic import remove_unfinished, write_atomically

KILLED = """
import os, sys
from tfdeblur.image import atomic
atomic.os.fsync = lambda number: (print("writing", flush=True), sys.stdin.read())
atomic.write_atomically(sys.argv[1], b"half")
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """As in a process that has looked through no folder yet."""
    monkeypatch.setattr(atomic, "_swept", set())


@pytest.fixture
def writer(tmp_path):
    """A process in the middle of writing."""
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "photo.png")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def parts(folder):
    return [path for path in folder.iterdir() if path.name.endswith(".part")]


def aged(folder, seconds):
    (part,) = parts(folder)
    then = time.time() - seconds
    os.utime(part, (then, then))
    return part


def test_what_a_killed_process_left_goes_with_the_next_file(tmp_path, writer):
    writer.kill()
    writer.wait()
    (part,) = parts(tmp_path)
    write_atomically(tmp_path / "other.png", b"whole")
    assert not part.exists() and (tmp_path / "other.png").read_bytes() == b"whole"
    assert [path.name for path in tmp_path.iterdir()] == ["other.png"]


def test_what_a_living_process_writes_stays(tmp_path, writer):
    part = aged(tmp_path, 3600)
    write_atomically(tmp_path / "other.png", b"whole")
    assert part.exists()
    writer.communicate("")  # goes on
    assert (tmp_path / "photo.png").read_bytes() == b"half" and not part.exists()


def test_one_that_was_taken_for_left_before_it_was_locked(tmp_path, monkeypatch):
    real, removed = atomic._lock, []

    def lock(file, how=0):
        if not removed:  # another process comes in between
            removed.append(parts(tmp_path)[0])
            removed[0].unlink()
        return real(file, how)

    monkeypatch.setattr(atomic, "_lock", lock)
    write_atomically(tmp_path / "a.png", b"whole")
    assert removed and [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"whole"


@pytest.mark.parametrize(("age", "left"), [(3600, 1), (25 * 3600, 0)])
def test_where_there_are_no_locks_only_old_ones_go(tmp_path, monkeypatch, age, left):
    monkeypatch.setattr(atomic, "fcntl", None)
    (tmp_path / ".tfdeblur-0123.part").write_bytes(b"")
    aged(tmp_path, age)
    remove_unfinished(tmp_path)
    assert len(parts(tmp_path)) == left


def test_other_files_are_none_of_ours(tmp_path):
    for name in (".tfdeblur-x.txt", "a.part", "photo.png"):
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (0, 0))
    remove_unfinished(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    remove_unfinished(tmp_path / "none")  # no error


def test_what_stood_there_stays_where_writing_fails(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"old")
    monkeypatch.setattr(atomic.os, "fsync", lambda number: (_ for _ in ()).throw(OSError(28, "no")))
    with pytest.raises(DataError, match="a.png cannot be written: no"):
        write_atomically(tmp_path / "a.png", b"new")
    assert (tmp_path / "a.png").read_bytes() == b"old" and not parts(tmp_path)
