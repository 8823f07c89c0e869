"""Looks at a service from a process of its own: how soon it answers who asks for little.

What callers see of a service is also what they do themselves: 32 threads of Python wait for each
other. This process has one thread, and says of itself how late it woke up.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import grpc

_PAUSE = 0.05  # seconds between calls
_LONG = 30.0


@dataclass
class Watched:
    """What was seen.

    Attributes:
        calls: int.
        slowest: float, seconds that the slowest call took.
        asleep: float, seconds that a pause was too long by, at most: the machine, not the service.
        lost: calls that were not answered, in words.
    """

    calls: int = 0
    slowest: float = 0.0
    asleep: float = 0.0
    lost: tuple[str, ...] = ()


@contextmanager
def watched(target: str, calls: dict[str, bytes]) -> Iterator[Watched]:
    """Asks a service in turn for `calls`, by method, every 50 ms; filled in at the end."""
    seen = Watched()
    words = [f"{method}={data.hex()}" for method, data in calls.items()]
    command = [sys.executable, "-m", "tests.fuzz.watch", target, *words]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True) as process:
        try:
            yield seen
        finally:
            found, _ = process.communicate("", 2 * _LONG)
            vars(seen).update(json.loads(found))


def watch(target: str, calls: dict[str, bytes], ended: threading.Event) -> Watched:
    """Asks until it is told to end."""
    seen, lost = Watched(), []
    with grpc.insecure_channel(target) as channel:
        while True:
            for method, data in calls.items():
                begin = time.monotonic()
                if ended.wait(_PAUSE):
                    seen.lost = tuple(lost)
                    return seen
                woken = time.monotonic()
                seen.asleep = max(seen.asleep, woken - begin - _PAUSE)
                try:
                    channel.unary_unary(method)(data, timeout=_LONG, wait_for_ready=True)
                except grpc.RpcError as error:
                    lost.append(f"{method} answered {error.code().name}: {error.details()}"[:200])
                seen.calls += 1
                seen.slowest = max(seen.slowest, time.monotonic() - woken)


def _main() -> None:
    target, *words = sys.argv[1:]
    calls = {method: bytes.fromhex(data) for method, data in (word.split("=") for word in words)}
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    print(json.dumps(asdict(watch(target, calls, ended))))


if __name__ == "__main__":
    _main()
