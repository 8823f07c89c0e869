"""Progress of a command that makes many things of about equal cost: one line on stderr."""

import logging
import shutil
import sys
import time
from typing import TextIO

from tfdeblur.text import ERASE_LINE, duration

_BAR_COLUMNS = 24
_SECONDS_BETWEEN_BARS = 0.1
_SECONDS_BETWEEN_LINES = 30.0  # where there is no terminal


class Counter:
    """Counts up to a total: a bar on a terminal, now and then a line elsewhere.

    Args:
        total: how many there are to do.
        things: what they are called, in the plural.
        stream: where to write; stderr unless given.
    """

    def __init__(self, total: int, things: str, stream: TextIO | None = None):
        self._total, self._things = total, things
        self._stream = stream or sys.stderr
        self._on_terminal = self._stream.isatty()
        self._done = 0
        self._first = self._last_shown = time.perf_counter()
        if self._on_terminal:
            for handler in logging.getLogger().handlers:
                handler.addFilter(self._make_room)

    def __enter__(self) -> "Counter":
        return self

    def __exit__(self, *error: object) -> None:
        """Removes the bar, so that whatever follows starts on an empty line."""
        if self._on_terminal:
            self._write(ERASE_LINE)
            for handler in logging.getLogger().handlers:
                handler.removeFilter(self._make_room)

    def step(self) -> None:
        """One more is finished."""
        now = time.perf_counter()
        self._done += 1
        if self._done == 1:
            self._first = now  # the time before went into starting processes and compiling
        pause = _SECONDS_BETWEEN_BARS if self._on_terminal else _SECONDS_BETWEEN_LINES
        if now - self._last_shown >= pause:
            self._last_shown = now
            self._show(now)

    def say(self, text: str) -> None:
        """Writes a line above the bar."""
        self._write((ERASE_LINE if self._on_terminal else "") + text + "\n")

    def _show(self, now: float) -> None:
        text = f"{self._done}/{self._total} {self._things}"
        if self._done > 1 and now > self._first:
            pace = (now - self._first) / (self._done - 1)
            text += f"  {1 / pace:.1f}/s" if pace < 1 else f"  {pace:.1f} s each"
            text += f"  about {duration(pace * (self._total - self._done))} left"
        if not self._on_terminal:
            self._write(text + "\n")
            return
        filled = round(_BAR_COLUMNS * self._done / max(1, self._total))
        bar = "=" * filled + "." * (_BAR_COLUMNS - filled)
        columns = shutil.get_terminal_size().columns
        self._write(ERASE_LINE + f"[{bar}] {text}"[: max(1, columns - 1)])

    def _make_room(self, record: logging.LogRecord) -> bool:
        self._write(ERASE_LINE)
        return True

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
