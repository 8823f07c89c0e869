"""Progress of `tfdeblur deblur` on stderr: a line a file, and on a terminal a bar below them.

Not `keras.utils.Progbar`: that writes to stdout, which belongs to `--json`, and counts steps of
equal size, while one photograph can take a hundred times as long as the next.
"""

import logging
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from tfdeblur.files.plan import Job
from tfdeblur.files.results import ALREADY_DONE, Event, FileResult
from tfdeblur.text import ERASE_LINE, duration, printable, wrapped

_BAR_COLUMNS = 16
_SECONDS_BETWEEN_BARS = 0.1
_SECONDS_BETWEEN_LINES = 30.0  # within one long file, where there is no terminal
_PIXELS_OF_A_PACE = 100_000  # of fewer the time went into tracing: it would foretell hours


class Progress:
    """Shows the events of `restore_files`.

    The time left is the seconds per pixel measured so far times the pixels that are left; files
    that were not opened yet are taken to hold as many pixels per byte as the finished ones. After
    a few small files nothing is foretold, nor by the first part of the first file where `prepares`.
    What a narrow terminal cuts off matters least.

    Args:
        jobs: all jobs, in order.
        stream: where to write; stderr unless given.
        prepares: whether the seconds of the first file hold those of making it ready for the
            network, which are said then: other files of its size take less.
    """

    def __init__(
        self, jobs: Sequence[Job], stream: TextIO | None = None, *, prepares: bool = False
    ):
        self._prepares = prepares
        self._jobs = jobs
        self._stream = stream or sys.stderr
        self._on_terminal = self._stream.isatty()
        self._bytes = [_size(job) for job in jobs]
        self._pixels_done = 0.0
        self._measured_bytes = 0
        self._paced = _Pace()
        self._index = -1
        self._last_shown = self._since = time.perf_counter()
        self._pixels_before = 0.0  # of this file, that were done at `_since`
        if self._on_terminal:
            for handler in logging.getLogger().handlers:
                handler.addFilter(self._make_room)

    def __call__(self, event: Event) -> None:
        """Takes one event."""
        now = time.perf_counter()
        if event.index != self._index:
            self._index, self._since, self._pixels_before = event.index, now, 0.0
        if event.result is not None:
            self._finish(event, event.result, now)
        elif self._prepares and not self._pixels_before:
            self._since, self._pixels_before = now, event.fraction * event.pixels
        pause = _SECONDS_BETWEEN_BARS if self._on_terminal else _SECONDS_BETWEEN_LINES
        if now - self._last_shown >= pause and (self._on_terminal or event.result is None):
            self._last_shown = now
            self._show(event, now)

    def close(self) -> None:
        """Removes the bar, so that whatever follows starts on an empty line."""
        if self._on_terminal:
            self._write(ERASE_LINE)
            for handler in logging.getLogger().handlers:
                handler.removeFilter(self._make_room)

    def _finish(self, event: Event, result: FileResult, now: float) -> None:
        prepared = False
        if result.status in ("done", "degenerate", "not converged"):
            self._pixels_done += event.pixels
            self._measured_bytes += self._bytes[event.index]
            self._paced += self._pace(event, now)
            prepared, self._prepares = self._prepares, False
        line = describe(result, prepared)
        if not is_told(result):
            return
        line = f"[{event.index + 1}/{len(self._jobs)}] {line}"
        if result.status == "failed" and self._on_terminal:
            line = wrapped(line, shutil.get_terminal_size().columns, "  ")
        self._write((ERASE_LINE if self._on_terminal else "") + line + "\n")

    def _pace(self, event: Event, now: float) -> "_Pace":
        """Of the current file, without its preparation."""
        return _Pace(event.fraction * event.pixels - self._pixels_before, now - self._since)

    def _show(self, event: Event, now: float) -> None:
        part = 0.0 if event.result else event.fraction
        pixels = self._pixels_done + part * event.pixels
        finished = event.index + (event.result is not None)
        pace = self._paced if event.result else self._paced + self._pace(event, now)
        text = f"{finished}/{len(self._jobs)} files"
        if pace.pixels >= _PIXELS_OF_A_PACE:
            left = max(0.0, self._pixels_left(event, finished, part))
            text += f"  about {duration(pace.seconds / pace.pixels * left)} left"
        if event.detail and not event.result:
            text += f"  {event.detail}"
        text += f"  {pixels / 1e6:.1f} MP"
        if not event.result and event.pixels and len(self._jobs) == 1:
            text += f" of {event.pixels / 1e6:.1f}"
        if pace.pixels >= _PIXELS_OF_A_PACE:
            each = pace.seconds / pace.pixels * 1e6
            text += f", {each:.2f} s each" if each < 10 else f", {each:.0f} s each"
        if self._on_terminal:
            filled = round(_BAR_COLUMNS * min(1.0, (finished + part) / len(self._jobs)))
            bar = "=" * filled + "." * (_BAR_COLUMNS - filled)
            columns = shutil.get_terminal_size().columns
            self._write(ERASE_LINE + f"[{bar}] {text}"[: max(1, columns - 1)])
        else:
            self._write(text + "\n")

    def _pixels_left(self, event: Event, finished: int, part: float) -> float:
        current = 0.0 if event.result else (1 - part) * event.pixels
        waiting = sum(self._bytes[event.index + 1 :])
        known_pixels = self._pixels_done or event.pixels
        known_bytes = self._measured_bytes or self._bytes[event.index]
        return current + waiting * known_pixels / max(1, known_bytes)

    def _make_room(self, record: logging.LogRecord) -> bool:
        self._write(ERASE_LINE)
        return True

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


@dataclass(frozen=True)
class _Pace:
    """Pixels, and the seconds that they took."""

    pixels: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: "_Pace") -> "_Pace":
        return _Pace(self.pixels + other.pixels, self.seconds + other.seconds)


def is_told(result: FileResult) -> bool:
    """Whether a result has a line of its own; what was simply done before is only counted."""
    return result.status != "skipped" or result.reason not in ("", ALREADY_DONE)


def describe(result: FileResult, prepared: bool = False) -> str:
    """One line about a result; `prepared`: whether its seconds are also those of preparation."""
    name, reason = printable(result.input), result.reason
    if result.status == "failed":
        # A path has one slash where a URL, which is told unchanged, has two.
        is_named = name in reason or name in reason.replace("//", "/")
        return f"failed: {reason}" if is_named else f"failed: {name}: {reason}"
    if result.status == "skipped":
        return f"{printable(result.output)}: {reason}"
    size = f"{result.width}x{result.height}"
    if result.frames > 1:
        size += f", {result.frames} frames"
    size += f", {result.seconds:.2f} s{' with preparation' if prepared else ''}"
    if result.confidence is not None:
        size += f", confidence {result.confidence:.2f}"
    line = f"{name} -> {printable(result.output)}  ({size})"
    if result.status in ("degenerate", "not converged"):
        line = "warning: " + line
    return f"{line}  {reason}" if reason else line


def _size(job: Job) -> int:
    try:
        return 0 if job.error or job.is_done() else job.source.stat().st_size
    except OSError:
        return 0
