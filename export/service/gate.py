"""How many requests run, and how many wait for it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from export.status import Status


class Gate:
    """Lets so many callers in at a time, has so many wait, and refuses the rest.

    Restoring takes all cores (or the memory of the GPU) already for one image, so running many at
    once gains nothing and costs memory; and a queue without an end answers nobody in time.

    Args:
        running: int, callers that run at the same time.
        callers: int, callers that run or wait; one more is refused.
    """

    def __init__(self, running: int, callers: int):
        self._running, self._callers = running, max(callers, running)
        self._inside = self._present = 0
        self._free = threading.Condition()

    @contextmanager
    def turn(self, left: Callable[[], float | None]) -> Iterator[float | None]:
        """Waits for a place, and gives it back at the end.

        Args:
            left: seconds left to the caller, None without a deadline.

        Yields:
            The seconds left once the place is there.

        Raises:
            Status: RESOURCE_EXHAUSTED if too many are here already; DEADLINE_EXCEEDED if the
                caller's time passed before a place was free.
        """
        with self._free:
            if self._present >= self._callers:
                raise Status(
                    "RESOURCE_EXHAUSTED",
                    f"Server Threadpool Exhausted: {self._inside} requests run and "
                    f"{self._present - self._inside} wait. Try again later.",
                )
            self._present += 1
            came_in = self._free.wait_for(lambda: self._inside < self._running, left())
            self._inside += came_in
            self._present -= not came_in
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
                self._free.notify()


def _too_late() -> Status:
    return Status("DEADLINE_EXCEEDED", "Timed out waiting for notification")
