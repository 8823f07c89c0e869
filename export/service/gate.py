"""How many requests run, how many wait for it, and how much memory they may take together."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from export.service.pace import Pace
from export.status import Status


@dataclass(frozen=True)
class Work:
    """What answering a request takes.

    Attributes:
        memory: int, bytes beside its message, which `Gate.held` counts.
        pixels: int, that are restored, padded.
        pace: of its model, which learns from every run.
    """

    memory: int = 0
    pixels: int = 0
    pace: Pace = field(default_factory=Pace)


class _Ticket:
    """A caller that waits or runs."""

    def __init__(self, work: Work):
        self.work, self.expected = work, work.pace.expected(work.pixels)
        self.started = math.inf

    def left(self) -> float:
        """Seconds that it will still take, as far as is known."""
        run = max(0.0, time.monotonic() - self.started)
        return max(0.0, (self.expected or 0.0) - run)

    def note(self, done: bool) -> None:
        """Tells the pace; a run that was broken off says something only where it took long."""
        seconds = time.monotonic() - self.started
        if done or seconds > (self.expected or 0.0):
            self.work.pace.note(self.work.pixels, seconds)


class Gate:
    """Lets so many callers in at a time, has so many wait, and refuses the rest.

    Restoring takes all cores (or the memory of the GPU) already for one image, so running many at
    once gains nothing and costs memory; and a queue without an end answers nobody in time. Callers
    come in in the order of their arrival, so that a large request is not passed by for ever. Those
    whose turn would come too late for their deadline are refused at once: to run them helps nobody,
    and would make those behind them late as well.

    Args:
        running: int, callers that run at the same time.
        callers: int, callers that run or wait; one more is refused.

    Attributes:
        memory: int, bytes that all callers may take together, with the messages of those who
            wait; None: any number. May be set at any time.
    """

    def __init__(self, running: int, callers: int):
        self._running, self._callers = running, max(callers, running)
        self._taken = 0
        self._waiting: deque[_Ticket] = deque()
        self._inside: list[_Ticket] = []
        self._free = threading.Condition()
        self.memory: int | None = None

    @contextmanager
    def turn(self, left: Callable[[], float | None], work: Work | None = None) -> Iterator:
        """Waits for a place, and gives it back at the end.

        Args:
            left: seconds left to the caller, None without a deadline.
            work: what answering takes; None: nothing that counts.

        Yields:
            The seconds left once the place is there, None without a deadline.

        Raises:
            Status: RESOURCE_EXHAUSTED if too many are here already, if the memory can never
                hold this request, or if by what is known of the model those before it will take
                too long; DEADLINE_EXCEEDED if the caller's time passed before a place was free.
        """
        ticket = _Ticket(work or Work())
        with self._free:
            self._check(ticket, left())
            self._waiting.append(ticket)
            came_in = self._free.wait_for(lambda: self._may_enter(ticket), left())
            self._waiting.remove(ticket)
            if came_in:
                self._inside.append(ticket)
                self._taken += ticket.work.memory
                ticket.started = time.monotonic()
            self._free.notify_all()  # the next one in the row may fit
        if not came_in:
            raise _too_late()
        done = False
        try:
            seconds = left()
            if seconds is not None and seconds <= 0:
                raise _too_late()
            yield seconds
            done = True
        finally:
            ticket.note(done)
            with self._free:
                self._inside.remove(ticket)
                self._taken -= ticket.work.memory
                self._free.notify_all()

    @contextmanager
    def held(self, message: int) -> Iterator[None]:
        """Counts a message for as long as it is in memory.

        Args:
            message: bytes that it takes, parsed, too.

        Raises:
            Status: RESOURCE_EXHAUSTED if it does not fit beside what is held already.
        """
        with self._free:
            if self.memory is not None and self._taken + message > self.memory:
                raise Status(
                    "RESOURCE_EXHAUSTED",
                    f"Requests that run and wait take {_megabytes(self._taken)} MB of the "
                    f"{_megabytes(self.memory)} MB that the service has for them (--memory), and "
                    f"this one takes {_megabytes(message)} MB. Try again later.",
                )
            self._taken += message
        try:
            yield
        finally:
            with self._free:
                self._taken -= message
                self._free.notify_all()

    def _may_enter(self, ticket: _Ticket) -> bool:
        needed = self._taken + ticket.work.memory
        fits = self.memory is None or needed <= self.memory or not self._inside
        return self._waiting[0] is ticket and len(self._inside) < self._running and fits

    def _check(self, ticket: _Ticket, left: float | None) -> None:
        inside, waiting, needed = len(self._inside), len(self._waiting), ticket.work.memory
        if inside + waiting >= self._callers:
            raise Status(
                "RESOURCE_EXHAUSTED",
                f"Server Threadpool Exhausted: {inside} requests run and {waiting} wait. "
                "Try again later.",
            )
        if self.memory is not None and needed > self.memory:
            raise Status(
                "RESOURCE_EXHAUSTED",
                f"Answering this request would take about {_megabytes(needed)} MB of memory, and "
                f"the service has {_megabytes(self.memory)} MB for requests (--memory). Send "
                "tiles, or fewer images at once.",
            )
        if left is None or ticket.expected is None or inside + waiting == 0:
            return  # who comes alone may always try: what is known of the pace may be old
        before = sum(other.left() for other in (*self._inside, *self._waiting))
        wanted = before / self._running + ticket.expected
        if wanted > left:
            raise Status(
                "RESOURCE_EXHAUSTED",
                f"An answer would take about {wanted:.2g} s, as {inside} requests run and "
                f"{waiting} wait, and this caller waits {left:.2g} s. Try again later, or with a "
                "longer deadline.",
            )


def _megabytes(count: int) -> int:
    return round(count / 1e6)


def _too_late() -> Status:
    return Status("DEADLINE_EXCEEDED", "Timed out waiting for notification")
