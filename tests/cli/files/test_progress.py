"""Progress: a bar on a terminal, lines elsewhere; the time left follows the pixels."""

import io
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from tfdeblur.cli.files import progress as module
from tfdeblur.cli.files.progress import Progress, describe
from tfdeblur.files.plan import Job
from tfdeblur.files.work import Event, FileResult
from tfdeblur.text import duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when the test says so."""

    class Clock:
        now = 100.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setenv("COLUMNS", "200")
    return clock


@pytest.fixture
def jobs(tmp_path):
    for index, size in enumerate((100, 300, 600)):
        (tmp_path / f"{index}.png").write_bytes(b"\0" * size)
    return [Job(tmp_path / f"{i}.png", tmp_path / "out" / f"{i}.png") for i in range(3)]


def result(job, status="done", seconds=2.0, reason=""):
    return FileResult(job.source, job.output, status, 1000, 1000, 1, seconds, reason)


def last_bar(terminal):
    return terminal.getvalue().split("\x1b[K")[-1]


def test_a_tiny_file_foretells_nothing(clock, jobs):
    terminal = Terminal()
    progress = Progress(jobs, terminal)
    progress(Event(0, jobs[0]))
    clock.now += 40
    progress(Event(0, jobs[0], 1, 1.0))
    assert "0/3 files  0.0 MP" in last_bar(terminal) and "left" not in last_bar(terminal)


def test_time_left_is_seconds_per_pixel_times_pixels_left(clock, jobs):
    terminal = Terminal()
    progress = Progress(jobs, terminal)
    progress(Event(0, jobs[0]))
    clock.now += 1
    # Half of one megapixel in 1 s: 1 s for the rest, and 9 MP wait (9 times the bytes): 18 s.
    progress(Event(0, jobs[0], 1_000_000, 0.5))
    assert last_bar(terminal) == (
        "[===.............] 0/3 files  about 19 s left  0.5 MP, 2.00 s each"
    )
    clock.now += 1
    progress(Event(0, jobs[0], 1_000_000, 1.0, result=result(jobs[0])))
    progress(Event(1, jobs[1]))
    clock.now += 4
    # The second is larger per byte than the first: 1.5 MP to go here, 6 MP wait; 6 s for 2.5 MP.
    progress(Event(1, jobs[1], 3_000_000, 0.5))
    assert last_bar(terminal).endswith("1/3 files  about 18 s left  2.5 MP, 2.40 s each")


def test_skipped_and_failed_files_do_not_count_as_speed(clock, jobs):
    terminal = Terminal()
    progress = Progress(jobs, terminal)
    progress(Event(0, jobs[0]))
    clock.now += 50
    progress(Event(0, jobs[0], 0, 1.0, result=result(jobs[0], "failed", 50.0, "broken")))
    progress(Event(1, jobs[1]))
    clock.now += 3
    progress(Event(1, jobs[1], 1_000_000, 1.0))
    assert "1.0 MP, 3.00 s each" in last_bar(terminal)


def test_lines_where_there_is_no_terminal(clock, jobs):
    stream = io.StringIO()
    progress = Progress(jobs, stream)
    for index, status in enumerate(("done", "skipped", "failed")):
        progress(Event(index, jobs[index]))
        clock.now += 1
        progress(Event(index, jobs[index], 10, 0.5))
        reason = {"failed": "it is broken"}.get(status, "")
        progress(
            Event(index, jobs[index], 10, 1.0, result=result(jobs[index], status, reason=reason))
        )
    progress.close()
    text = stream.getvalue()
    assert "\r" not in text and "\x1b" not in text
    assert text.splitlines() == [
        f"[1/3] {jobs[0].source} -> {jobs[0].output}  (1000x1000, 2.00 s)",
        f"[3/3] failed: {jobs[2].source}: it is broken",
    ]


def test_a_long_file_says_something_now_and_then(clock, jobs):
    stream = io.StringIO()
    progress = Progress(jobs[:1], stream)
    progress(Event(0, jobs[0]))
    for second in range(1, 100):
        clock.now += 1
        progress(Event(0, jobs[0], 1_000_000, second / 100))
    assert len(stream.getvalue().splitlines()) == 3
    assert stream.getvalue().splitlines()[0] == (
        "0/1 files  about 1 min left  0.3 MP of 1.0, 100 s each"
    )


def test_frames_of_a_video_are_counted(clock, jobs):
    terminal = Terminal()
    progress = Progress(jobs, terminal)
    progress(Event(0, jobs[0]))
    clock.now += 1
    progress(Event(0, jobs[0], 6_000_000, 0.05, "frame 3 of 60"))
    assert last_bar(terminal).endswith(" left  frame 3 of 60  0.3 MP, 3.33 s each")


def test_what_the_first_file_takes_to_prepare_foretells_nothing(clock, jobs):
    terminal = Terminal()
    progress = Progress(jobs[:1], terminal, prepares=True)
    progress(Event(0, jobs[0]))
    progress(Event(0, jobs[0], 1_000_000, 0.0))
    clock.now += 30  # of the first quarter 29 are preparation
    progress(Event(0, jobs[0], 1_000_000, 0.25))
    assert last_bar(terminal).endswith("0/1 files  0.2 MP of 1.0")
    clock.now += 1
    progress(Event(0, jobs[0], 1_000_000, 0.5))
    assert last_bar(terminal).endswith("  about 2 s left  0.5 MP of 1.0, 4.00 s each")


def test_log_lines_do_not_run_into_the_bar(clock, jobs):
    terminal = Terminal()
    handler = logging.StreamHandler(terminal)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        progress = Progress(jobs, terminal)
        progress(Event(0, jobs[0]))
        clock.now += 1
        progress(Event(0, jobs[0], 1_000_000, 0.5))
        logging.getLogger("tfdeblur").warning("look out")
        progress.close()
        logging.getLogger("tfdeblur").warning("later")
    finally:
        root.removeHandler(handler)
    erase = "\r\x1b[K"
    assert f"each{erase}" in terminal.getvalue() and f"{erase}look out\n" in terminal.getvalue()
    assert terminal.getvalue().endswith(f"{erase}later\n")


def test_a_bar_fits_its_terminal(clock, jobs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    terminal = Terminal()
    progress = Progress(jobs, terminal)
    progress(Event(0, jobs[0]))
    clock.now += 1
    progress(Event(0, jobs[0], 1_000_000, 0.5))
    assert last_bar(terminal) == "[===.............] 0/3 files  about 19 s left  0."


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (61, "1 min"), (3599, "1 h 00 min"), (7500, "2 h 05 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_descriptions():
    job = Job(Path("a\nb.png"), Path("out/a\nb.png"))
    assert describe(result(job)) == "a\\nb.png -> out/a\\nb.png  (1000x1000, 2.00 s)"
    assert describe(result(job, "failed", reason="a\\nb.png is cut off")) == (
        "failed: a\\nb.png is cut off"
    )
    degenerate = describe(result(job, "degenerate", reason="unusable"))
    assert degenerate.startswith("warning: ") and degenerate.endswith("  unusable")
    video = FileResult(Path("v.mp4"), Path("o.mp4"), "done", 64, 48, 30, 3.0)
    assert describe(video) == "v.mp4 -> o.mp4  (64x48, 30 frames, 3.00 s)"
    sure = replace(video, confidence=0.625)
    assert describe(sure) == "v.mp4 -> o.mp4  (64x48, 30 frames, 3.00 s, confidence 0.62)"


def test_the_first_file_that_is_restored_is_told_to_hold_the_preparation(clock, jobs):
    stream = io.StringIO()
    progress = Progress(jobs, stream, prepares=True)
    for index, status in enumerate(("skipped", "done", "done")):
        progress(Event(index, jobs[index], 10, 1.0, result=result(jobs[index], status)))
    first, second = stream.getvalue().splitlines()
    assert first.endswith("(1000x1000, 2.00 s with preparation)")
    assert second.endswith("(1000x1000, 2.00 s)")


def test_each_file_is_named_above_the_bar_on_a_terminal_too(clock, jobs):
    terminal = Terminal()
    progress = Progress(jobs, terminal)
    progress(Event(0, jobs[0], 10, 1.0, result=result(jobs[0])))
    assert terminal.getvalue() == (
        f"\r\x1b[K[1/3] {jobs[0].source} -> {jobs[0].output}  (1000x1000, 2.00 s)\n"
    )
    progress(Event(1, jobs[1], 10, 1.0, result=result(jobs[1], "skipped")))
    assert terminal.getvalue().count("\n") == 1
    sure = replace(result(jobs[2]), confidence=0.5)
    progress(Event(2, jobs[2], 10, 1.0, result=sure))
    assert terminal.getvalue().endswith("2.00 s, confidence 0.50)\n")
