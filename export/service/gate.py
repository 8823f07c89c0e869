"""How many requests run, how many wait for it, and how much memory they may take together."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from export.service.pace import Pace
from export.service.room import Room
from export.status import Status

Left = Callable[[], float | None]
_PAUSE = 1.0  # seconds between looks at answers that are not taken


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


@dataclass
class Place:
    """Of a caller that runs.

    Attributes:
        left: float, seconds left to the caller; None without a deadline.
        answer: int, bytes that the answer takes until it is taken; whoever runs it tells.
    """

    left: float | None = None
    answer: int = 0


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
        room: `Room`, what all callers may take together, with the messages of those who wait and
            the answers that are not taken.
    """

    def __init__(self, running: int, callers: int):
        self._running, self._callers = running, max(callers, running)
        self.room = Room()
        self._waiting: deque[_Ticket] = deque()
        self._inside: list[_Ticket] = []
        self._free = threading.Condition()
        self._held_up = 0  # messages that wait for answers to be taken

    @contextmanager
    def turn(self, left: Left, work: Work | None = None, call: Any = None) -> Iterator[Place]:
        """Waits for a place, and gives it back at the end.

        Args:
            left: seconds left to the caller, None without a deadline.
            work: what answering takes; None: nothing that counts.
            call: grpc.ServicerContext, until whose end its answer takes memory; None: no answer.

        Yields:
            The place, once it is there.

        Raises:
            Status: RESOURCE_EXHAUSTED if too many are here already, if the memory can never
                hold this request, or if by what is known of the model those before it will take
                too long; DEADLINE_EXCEEDED if the caller's time passed before a place was free.
        """
        ticket = _Ticket(work or Work())
        with self._free:
            self._check(ticket, left())
            self._waiting.append(ticket)
            came_in = self._wait(lambda without: self._may_enter(ticket, without), left)
            self._waiting.remove(ticket)
            if came_in:
                self._inside.append(ticket)
                self.room.begin(ticket.work.memory)
                ticket.started = time.monotonic()
            self._free.notify_all()  # the next one in the row may fit
        if not came_in:
            raise _too_late()
        done, place = False, Place()
        try:
            place.left = left()
            if place.left is not None and place.left <= 0:
                raise _too_late()
            yield place
            done = True
        finally:
            ticket.note(done)
            self._leave(ticket, call if done else None, place)

    @contextmanager
    def held(self, message: int, left: Left = lambda: None) -> Iterator[None]:
        """Counts a message for as long as it is in memory.

        It waits for answers that are not taken yet: they soon are. Nothing else is waited for, as
        who runs or waits holds a message as well.

        Args:
            message: bytes that it takes, parsed, too.
            left: seconds left to the caller, None without a deadline.

        Raises:
            Status: RESOURCE_EXHAUSTED if it does not fit beside what is held already;
                DEADLINE_EXCEEDED if the caller's time passed before answers were taken.
        """
        with self._free:
            self._check_message(message)
            self._held_up += 1
            came_in = self._wait(lambda without: self._fits(message, without), left)
            self._held_up -= 1
            if not came_in:
                raise _too_late()
            self.room.messages += message
        try:
            yield
        finally:
            with self._free:
                self.room.messages -= message
                self._free.notify_all()

    def _leave(self, ticket: _Ticket, call: Any, place: Place) -> None:
        """Gives a place back; the memory of the run becomes that of the answer, if there is one."""
        with self._free:
            self._inside.remove(ticket)
            if call is not None:
                self.room.wait_for(call, place.answer)
            self.room.end(ticket.work.memory)
            self._free.notify_all()
        # Not before it is counted, and not under the lock: the end of a call takes both.
        if call is not None and not call.add_callback(lambda: self._taken_by(call)):
            self._taken_by(call)  # it has ended

    def _taken_by(self, call: Any) -> None:
        with self._free:
            self.room.taken_by(call)
            self._free.notify_all()

    def _wait(self, ready: Callable[[bool], bool], left: Left) -> bool:
        """Waits until `ready(False)`; False where the caller's time passed before.

        Where only answers are in the way (`ready(True)`), those that nobody takes are given up.
        """
        seconds = left()
        end = math.inf if seconds is None else time.monotonic() + seconds
        while not ready(False):
            rest = end - time.monotonic()
            if rest <= 0:
                return False
            if ready(True):
                self.room.cancel_slow()
            self._free.wait(min(rest, _PAUSE))
        return True

    def _may_enter(self, ticket: _Ticket, without_answers: bool) -> bool:
        if self._waiting[0] is not ticket or len(self._inside) >= self._running:
            return False
        if self.room.fits(ticket.work.memory, without_answers=without_answers):
            return True
        # Who would be alone need not wait for anybody, whatever the others' messages take.
        return not self._inside and (without_answers or not self.room.answers)

    def _fits(self, message: int, without_answers: bool) -> bool:
        return self.room.fits(message=message, without_answers=without_answers)

    def _check_message(self, message: int) -> None:
        if self._held_up >= self._callers or not self._fits(message, without_answers=True):
            raise Status(
                "RESOURCE_EXHAUSTED",
                f"Requests that run and wait take {_megabytes(self.room.taken)} MB of the "
                f"{_megabytes(self.room.memory or 0)} MB that the service has for them (--memory), "
                f"and this one takes {_megabytes(message)} MB. Try again later.",
            )

    def _check(self, ticket: _Ticket, left: float | None) -> None:
        inside, waiting, needed = len(self._inside), len(self._waiting), ticket.work.memory
        if inside + waiting >= self._callers:
            raise Status(
                "RESOURCE_EXHAUSTED",
                f"Server Threadpool Exhausted: {inside} requests run and {waiting} wait. "
                "Try again later.",
            )
        memory = self.room.memory
        if memory is not None and needed > memory:
            raise Status(
                "RESOURCE_EXHAUSTED",
                f"Answering this request would take about {_megabytes(needed)} MB of memory, and "
                f"the service has {_megabytes(memory)} MB for requests (--memory). Send "
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
