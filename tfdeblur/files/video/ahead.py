"""Work that goes on while other work is done: the reading ahead of a restorer."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_END: Any = object()


def read_ahead(items: Iterable[T], threads: ThreadPoolExecutor, count: int) -> Iterator[T]:
    """Yields `items`, of which up to `count` are made ready in a thread meanwhile.

    Args:
        items: taken one after the other, in the thread.
        threads: of one worker.
        count: int >= 1.

    Raises:
        Exception: what taking an item raises, in its turn.
    """
    iterator = iter(items)
    waiting: deque[Future] = deque(threads.submit(next, iterator, _END) for _ in range(count))
    while (item := waiting.popleft().result()) is not _END:
        waiting.append(threads.submit(next, iterator, _END))
        yield item


class Behind:
    """Calls that are made in a thread, in order; a few may wait.

    Args:
        threads: of one worker.
        count: int >= 1, calls that may wait.
    """

    def __init__(self, threads: ThreadPoolExecutor, count: int):
        self._threads, self._count = threads, count
        self._waiting: deque[Future] = deque()

    def call(self, function, *arguments) -> None:
        """Calls, later; raises what an earlier call raised."""
        self._waiting.append(self._threads.submit(function, *arguments))
        while len(self._waiting) > self._count:
            self._waiting.popleft().result()

    def wait(self) -> None:
        """Until all calls are made; raises what one raised."""
        while self._waiting:
            self._waiting.popleft().result()
