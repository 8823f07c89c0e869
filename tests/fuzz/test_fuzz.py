"""The small part of `make fuzz` that runs each time, and what it found before."""

import random

import pytest

from tests.fuzz.mutate import flipped, mutated
from tests.fuzz.run import MOST_BYTES, Fault, Target, run
from tests.fuzz.served import Logged
from tests.fuzz.service import Report, _judge, fuzz_service
from tests.fuzz.targets import all_targets
from tfdeblur.errors import DataError

TARGETS = {target.name: target for target in all_targets()}


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_refused_in_words(name, tmp_path):
    faults, refused, _ = run(TARGETS[name], count=150, seed=1, folder=tmp_path)
    # Of processor time nothing is asked here: this machine may be slow.
    faults = [fault for fault in faults if not fault.what.startswith("took ")]
    assert not faults, "\n".join(f"{fault.write(tmp_path)}: {fault.what}" for fault in faults)
    assert refused > 15  # else the damage does not reach what reads


def test_a_service_with_damaged_and_good_callers():
    report = fuzz_service(calls=400, callers=4, seed=1)
    assert not report.faults, report.text()
    # That damage also gets through to the model, as far as this machine meets the short deadlines.
    assert report.valid.total() > 50 and report.codes[0] > 5 and report.codes[3] > 20
    assert 0 < report.loaded <= report.megabytes < report.ceiling, report.text()
    assert report.watched.calls > 5 and report.logged.calls > 200, report.text()


def test_what_the_service_says_of_its_calls_is_read(tmp_path):
    log = tmp_path / "log"
    log.write_text(
        "serving on localhost:1, Ctrl-C stops\n"
        "Predict deblur version 1 image[1,5,7,3] ipv4:127.0.0.1:9 OK 12.5 ms\n"
        "Check ipv4:127.0.0.1:9 DEADLINE_EXCEEDED 1250.0 ms (1230.0 ms after the deadline): x\n"
        "Predict failed\nTraceback (most recent call last):\n"
    )
    logged = Logged.read(log)
    assert (logged.calls, logged.slowest, logged.beyond) == (2, 1.25, 1.23)
    assert len(logged.faults) == 2
    report = Report(logged=logged, megabytes=2.0, ceiling=1.0)
    _judge(report)
    assert len(report.faults) == 4 and "the service went on 1.2 s after" in report.text()


def _judged(read, tmp_path):
    return run(Target("t", [b"good"], read), count=20, seed=0, folder=tmp_path)[:2]


def test_a_foreign_error_is_a_fault_and_an_own_one_is_not(tmp_path):
    def foreign(data, folder):
        if data != b"good":
            raise KeyError("entry")

    def own(data, folder):
        if data != b"good":
            raise DataError("damaged")

    faults, refused = _judged(foreign, tmp_path)
    assert len(faults) == 20 and refused == 0 and "KeyError: 'entry'" in faults[0].what
    assert faults[0].write(tmp_path / "found").read_bytes() == faults[0].data
    assert _judged(own, tmp_path) == ([], 20)


def test_memory_is_looked_at(tmp_path, monkeypatch):
    """Of each input by itself: a large one before does not hide it."""
    sizes = iter([MOST_BYTES + 1, *[MOST_BYTES] * 5, MOST_BYTES + 1, *[0] * 100])
    monkeypatch.setattr("tests.fuzz.run.begin_peak", lambda: 0)
    monkeypatch.setattr("tests.fuzz.run.peak", lambda: next(sizes))
    faults, _ = _judged(lambda data, folder: None, tmp_path)
    assert [fault.what for fault in faults] == ["grew by 1000 MB"] * 2


@pytest.mark.parametrize("change", [mutated, flipped])
def test_the_same_seed_gives_the_same_damage(change):
    first, again, other = (
        [change([b"abcdefgh" * 9], generator) for _ in range(30)]
        for generator in (random.Random(1), random.Random(1), random.Random(2))
    )
    assert first == again != other
    assert all(data for data in first)


def test_a_fault_is_named_by_its_input(tmp_path):
    assert Fault("png", "", b"a").write(tmp_path) != Fault("png", "", b"b").write(tmp_path)
