"""How many requests run, how many wait for it, and how much memory they may take together."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from export.status import Status


class Gate:
    """Lets so many callers in at a time, has so many wait, and refuses the rest.

    Restoring takes all cores (or the memory of the GPU) already for one image, so running many at
    once gains nothing and costs memory; and a queue without an end answers nobody in time. Callers
    come in in the order of their arrival, so that a large request is not passed by for ever.

    Args:
        running: int, callers that run at the same time.
        callers: int, callers that run or wait; one more is refused.

    Attributes:
        memory: int, bytes that all callers may take together, with the messages of those who
            wait; None: any number. May be set at any time.
    """

    def __init__(self, running: int, callers: int):
        self._running, self._callers = running, max(callers, running)
        self._inside = self._present = self._taken = 0
        self._waiting: deque[object] = deque()
        self._free = threading.Condition()
        self.memory: int | None = None

    @contextmanager
    def turn(self, left: Callable[[], float | None], needed: int = 0) -> Iterator[float | None]:
        """Waits for a place, and gives it back at the end.

        Args:
            left: seconds left to the caller, None without a deadline.
            needed: bytes that answering it takes, beside its message, which `held` counts.

        Yields:
            The seconds left once the place is there.

        Raises:
            Status: RESOURCE_EXHAUSTED if too many are here already, or if the memory can never
                hold this request; DEADLINE_EXCEEDED if the caller's time passed before a place
                was free.
        """
        ticket = object()
        with self._free:
            self._check(needed)
            self._present += 1
            self._waiting.append(ticket)
            came_in = self._free.wait_for(lambda: self._may_enter(ticket, needed), left())
            self._waiting.remove(ticket)
            self._inside += came_in
            self._taken += needed if came_in else 0
            self._present -= not came_in
            self._free.notify_all()  # the next one in the row may fit
        if not came_in:
            raise _too_late()
        try:
            seconds = left()
            if seconds is not None and seconds <= 0:
                raise _too_late()
            yield seconds
        finally:
            with self._free:
                self._inside -= 1
                self._present -= 1
                self._taken -= needed
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

    def _may_enter(self, ticket: object, needed: int) -> bool:
        fits = self.memory is None or self._taken + needed <= self.memory or not self._inside
        return self._waiting[0] is ticket and self._inside < self._running and fits

    def _check(self, needed: int) -> None:
        if self._present >= self._callers:
            raise Status(
                "RESOURCE_EXHAUSTED",
                f"Server Threadpool Exhausted: {self._inside} requests run and "
                f"{self._present - self._inside} wait. Try again later.",
            )
        if self.memory is not None and needed > self.memory:
            raise Status(
                "RESOURCE_EXHAUSTED",
                f"Answering this request would take about {_megabytes(needed)} MB of memory, and "
                f"the service has {_megabytes(self.memory)} MB for requests (--memory). Send "
                "tiles, or fewer images at once.",
            )


def _megabytes(count: int) -> int:
    return round(count / 1e6)


def _too_late() -> Status:
    return Status("DEADLINE_EXCEEDED", "Timed out waiting for notification")
