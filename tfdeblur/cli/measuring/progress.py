"""Progress of commands that measure image by image, on stderr."""

import sys
import time
from typing import Any, TextIO

from tfdeblur.errors import EXIT_DONE, InvalidInput, NotConverged
from tfdeblur.text import ERASE_LINE, duration


class ReportProgress:
    """One line that is rewritten on a terminal, a line now and then elsewhere; failures always.

    A subclass says what the line holds.

    Args:
        stream: where to write; stderr unless given.
        clock: returns seconds.

    Attributes:
        report: the report of the last call, None before it.
    """

    _SECONDS_BETWEEN = {True: 0.2, False: 30.0}  # on a terminal, elsewhere

    def __init__(self, stream: TextIO | None = None, clock=time.monotonic):
        self._stream = stream or sys.stderr
        self._clock = clock
        self._on_terminal = self._stream.isatty()
        self._start = self._last = clock()
        self._told = 0
        self.report: Any = None

    def __call__(self, report: Any, fraction: float = 0.0) -> None:
        """Shows what the report holds, and how much of the next image is done, 0..1."""
        self.report = report
        for bad in report.failures[self._told :]:
            named = bad.reason if bad.name in bad.reason else f"{bad.name}: {bad.reason}"
            self._write(f"failed: {named}\n")
        self._told = len(report.failures)
        self._show(report, fraction)

    def _show(self, report: Any, fraction: float) -> None:
        """Rewrites the line, if it is time to."""
        now = self._clock()
        if now - self._last >= self._SECONDS_BETWEEN[self._on_terminal]:
            self._last = now
            done = images_done(report) + fraction
            line = self._line(report, fraction)
            if report.count and 0 < done < report.count:
                left = (now - self._start) / done * (report.count - done)
                line += f"  about {duration(left)} left"
            self._write(line + ("" if self._on_terminal else "\n"))

    def close(self) -> None:
        """Removes the line, so that the table starts on an empty one."""
        self._write("")

    def _line(self, report: Any, fraction: float) -> str:
        """How far the work is, without the time that is left."""
        raise NotImplementedError

    def _write(self, text: str) -> None:
        self._stream.write((ERASE_LINE if self._on_terminal else "") + text)
        self._stream.flush()


def images_done(report: Any) -> int:
    """Images that were measured, or failed."""
    return len(report.images) + len({bad.name for bad in report.failures})


def exit_code(report: Any) -> int:
    """Names on stderr what failed, and says how the command ends."""
    if report.failures:
        names = ", ".join(dict.fromkeys(bad.name for bad in report.failures))
        print(f"{len(report.failures)} failed: {names}", file=sys.stderr)
        return InvalidInput.exit_code
    if any(image.degenerate for image in report.images):
        return NotConverged.exit_code
    return EXIT_DONE
