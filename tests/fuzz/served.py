"""`tfdeblur serve` as people run it, in a process of its own, and what its log says."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_SECONDS = 60.0  # to start, and to end
_CALL = re.compile(r" [A-Z_]+ ([\d.]+) ms(?: \(([\d.]+) ms after the deadline\))?(?:: .*)?$")


@dataclass
class Served:
    """A service that runs.

    Attributes:
        process: its id.
        target: "host:port".
        log: file of what it says.
    """

    process: int
    target: str
    log: Path

    def megabytes(self) -> float:
        """What it has in memory now."""
        return psutil.Process(self.process).memory_info().rss / 1e6


@dataclass
class Logged:
    """What a service said of its calls.

    Attributes:
        calls: int.
        slowest: float, seconds that it had a call for, waiting included.
        beyond: float, seconds that it went on with a call after the deadline, at most.
        faults: lines that it should not have written.
    """

    calls: int = 0
    slowest: float = 0.0
    beyond: float = 0.0
    faults: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, log: Path) -> "Logged":
        """Of a log that was written with `--verbose`."""
        found = cls()
        for line in log.read_text(errors="replace").splitlines():
            call = _CALL.search(line)
            if call:
                found.calls += 1
                found.slowest = max(found.slowest, float(call[1]) / 1000)
                found.beyond = max(found.beyond, float(call[2] or 0) / 1000)
            elif line.startswith("Traceback"):
                found.faults.append("a traceback in the log")
            elif line.endswith(" failed"):
                found.faults.append(f"the log says: {line}")
        return found


@contextmanager
def served(root: Path, log: Path, **options: object) -> Iterator[Served]:
    """Serves a folder of models.

    Args:
        root: folder.
        log: file, for what the service says.
        **options: of `tfdeblur serve`, by name.

    Raises:
        RuntimeError: if it does not come up, or does not end with 0 when it is told to.
    """
    named = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "tfdeblur", "serve", "--model_base_path", str(root), *named]
    with log.open("w") as written:
        process = subprocess.Popen([*command, "--port=0", "--verbose"], stderr=written)
    try:
        yield Served(process.pid, _target(process, log), log)
        process.send_signal(signal.SIGTERM)
        code = process.wait(_SECONDS)
    finally:
        process.kill()
        process.wait()
    if code:
        raise RuntimeError(f"the service ended with {code}: {_end(log)}")


def _target(process: subprocess.Popen, log: Path) -> str:
    end = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < end:
        serving = re.search(r"^serving on ([^ ,]+),", log.read_text(errors="replace"), re.MULTILINE)
        if serving:
            return serving[1]
        time.sleep(0.05)
    raise RuntimeError(f"the service did not come up: {_end(log)}")


def _end(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]
