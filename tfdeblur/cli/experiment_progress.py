"""Progress of `tfdeblur experiment` on stderr: images, the part of the one in work, time left."""

import sys
import time
from typing import TYPE_CHECKING, TextIO

from tfdeblur.cli.common import ERASE_LINE, duration

if TYPE_CHECKING:
    from tfdeblur.evaluation.experiments.report import ExperimentReport


class Progress:
    """One line that is rewritten on a terminal, a line now and then elsewhere; failures always.

    Images of one data set have about one size, so each counts the same.

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
        self.report: ExperimentReport | None = None

    def __call__(self, report: "ExperimentReport", fraction: float) -> None:
        """Shows what the report holds, and how much of the next image is done, 0..1."""
        self.report = report
        for bad in report.failures[self._told :]:
            named = bad.reason if bad.name in bad.reason else f"{bad.name}: {bad.reason}"
            self._write(f"failed: {named}\n")
        self._told = len(report.failures)
        now = self._clock()
        if now - self._last >= self._SECONDS_BETWEEN[self._on_terminal]:
            self._last = now
            end = "" if self._on_terminal else "\n"
            self._write(self._line(report, fraction, now) + end)

    def close(self) -> None:
        """Removes the line, so that the table starts on an empty one."""
        self._write("")

    def _line(self, report: "ExperimentReport", fraction: float, now: float) -> str:
        finished = len(report.images) + len(report.failures)
        line = f"{finished}/{report.count} images"
        if 0 < fraction < 1:
            line += f", {fraction:.0%} of the next"
        done = finished + fraction
        if 0 < done < report.count:
            left = (now - self._start) / done * (report.count - done)
            line += f"  about {duration(left)} left"
        return line

    def _write(self, text: str) -> None:
        self._stream.write((ERASE_LINE if self._on_terminal else "") + text)
        self._stream.flush()
