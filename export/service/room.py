"""Memory for requests: what takes it, and what still fits."""

import time
from collections.abc import Callable
from typing import Any

from tfdeblur.limits import SECONDS_TO_TAKE

Weigh = Callable[[], int]


class Room:
    """Bytes that requests, their runs and their answers take; `Gate` guards it with its lock.

    Attributes:
        memory: int, bytes that all of them may take together; None: any number.
        messages: int, bytes of the requests that run or wait.
        running: int, bytes of the runs.
        kept: int, bytes that no run has now and TensorFlow has kept for the next one: its
            allocator for oneDNN never gives back. A run takes from them first.
    """

    def __init__(self) -> None:
        self.memory: int | None = None
        self.messages = self.running = self.kept = 0
        self._largest = 0
        self._weigh: Weigh = lambda: 0
        self._before = 0
        # Call -> since when its answer waits to be taken, and its bytes; the oldest first.
        self._answers: dict[Any, tuple[float, int]] = {}

    def limit(self, memory: int, weigh: Weigh) -> None:
        """Sets the bytes there are from now on; `weigh` tells the bytes of the process."""
        self.memory, self._weigh, self._before = memory, weigh, weigh()

    @property
    def answers(self) -> int:
        """Bytes of the answers that their callers have not taken yet."""
        return sum(size for _, size in self._answers.values())

    @property
    def taken(self) -> int:
        """Bytes of all of them, with what is kept."""
        return self.messages + self.answers + max(self.kept, self.running)

    def fits(self, work: int = 0, message: int = 0, without_answers: bool = False) -> bool:
        """Whether a run or a message does, beside all that is there, or will be without answers."""
        if self.memory is None:
            return True
        answers = 0 if without_answers else self.answers
        runs = max(self.kept, self.running + work)
        return self.messages + message + runs + answers <= self.memory

    def begin(self, work: int) -> None:
        """A run begins."""
        self.running += work
        self._largest = max(self._largest, self.running)

    def end(self, work: int) -> None:
        """A run has ended; what it leaves behind is weighed where there is no other one."""
        self.running -= work
        if not self.running and self.memory is not None:
            grown = self._weigh() - self._before - self.messages - self.answers
            # Never more than runs have had: other growth is not there for the next run, and
            # must not be taken for it, else nothing might fit any more.
            self.kept = max(0, min(grown, self._largest))

    def wait_for(self, call: Any, size: int) -> None:
        """Counts an answer until `taken_by`."""
        self._answers[call] = (time.monotonic(), size)

    def taken_by(self, call: Any) -> None:
        """The caller has its answer, or went away."""
        self._answers.pop(call, None)

    def cancel_slow(self) -> None:
        """Ends the call whose answer has waited longest, where that is too long."""
        for call, (since, _) in self._answers.items():
            if time.monotonic() - since > SECONDS_TO_TAKE:
                call.cancel()  # its end calls `taken_by`
            return
