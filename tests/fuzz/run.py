"""Runs targets on damaged input; what they may do with it is raise an error of the package.

`make fuzz`, or `python -m tests.fuzz --help`.
"""

import hashlib
import random
import time
import traceback
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.memory import begin_peak, peak
from tests.fuzz.mutate import mutated
from tfdeblur.errors import TfdeblurError

MOST_SECONDS = 2.0  # of processor time, for one input
MOST_BYTES = 10**9  # that the process may grow by while it reads one input


@dataclass(frozen=True)
class Target:
    """What reads input from outside.

    Attributes:
        name: str.
        seeds: good inputs.
        read: takes bytes and a folder of its own.
        wrap: puts changed bytes where checksums do not give them away (into an archive, say).
    """

    name: str
    seeds: list[bytes]
    read: Callable[[bytes, Path], object]
    wrap: Callable[[bytes], bytes] = bytes


@dataclass(frozen=True)
class Fault:
    """An input that was not taken as it should be.

    Attributes:
        target: name.
        what: what happened, in a line or with a traceback.
        data: the input.
    """

    target: str
    what: str
    data: bytes

    def write(self, folder: Path) -> Path:
        """Keeps the input, to be looked at and run again."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.target}-{hashlib.sha256(self.data).hexdigest()[:12]}"
        path.write_bytes(self.data)
        return path


@dataclass
class Worst:
    """What single inputs took at most.

    Attributes:
        seconds: of processor time.
        size: bytes that the process had more than before.
    """

    seconds: float = 0.0
    size: int = 0

    def note(self, seconds: float, size: int) -> None:
        """Looks at one more input."""
        self.seconds, self.size = max(self.seconds, seconds), max(self.size, size)


def run(target: Target, count: int, seed: int, folder: Path) -> tuple[list[Fault], int, Worst]:
    """Feeds `count` changed inputs to a target.

    Args:
        target: what to feed.
        count: int.
        seed: int; the same seed gives the same inputs.
        folder: exists, for the target to write to.

    Returns:
        The faults found; how many inputs were refused with an error of the package; and what
        the worst ones took.
    """
    generator = random.Random(seed * 2**32 + zlib.crc32(target.name.encode()))
    for good in target.seeds:
        target.read(target.wrap(good), folder)  # raises if the seed is none
    faults, refused, worst = [], 0, Worst()
    for _ in range(count):
        data = target.wrap(mutated(target.seeds, generator))
        before = begin_peak()
        what, seconds = one(target, data, folder)
        grown = peak() - before
        worst.note(seconds, grown)
        refused += what is None
        if seconds > MOST_SECONDS:
            what = f"took {seconds:.1f} s"
        if grown > MOST_BYTES:
            what = f"grew by {grown / 1e6:.0f} MB"
        if what:
            faults.append(Fault(target.name, what, data))
    return faults, refused, worst


def one(target: Target, data: bytes, folder: Path) -> tuple[str | None, float]:
    """Reads one input.

    Returns:
        "" if it was taken, None if it was refused as it should be, else what happened; and the
        seconds of processor time.
    """
    begin = time.process_time()
    what: str | None = ""
    try:
        target.read(data, folder)
    except TfdeblurError:
        what = None
    except Exception:
        what = traceback.format_exc()
    return what, time.process_time() - begin
