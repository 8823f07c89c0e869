"""A service with many callers who send damaged requests, and some who send good ones."""

import json
import random
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from export.service.memory import SHARE_COUNTED
from tests.export.service.makers import Caller, add_version
from tests.fuzz.memory import begin_peak, peak
from tests.fuzz.messages import LINES, cheap_calls, damaged, good_call, kinds, pointwise_model
from tests.fuzz.served import Logged, served
from tests.fuzz.watch import Watched, watched

# Refusals that say what is wrong with the request; 13 is also gRPC's word for what is no message.
EXPECTED = {0, 3, 5, 8, 9, 11, 12, 13}
# Seconds that a call gives itself; with the first ones its deadline may well pass.
_DEADLINES = (0.02, 0.2, 2.0, 30.0, 30.0, 30.0)
_LONG = 30.0
_MOST_BEYOND = 1.0  # seconds beyond a deadline, and of a call that asks for next to nothing


@dataclass
class Report:
    """What came of it.

    Attributes:
        codes: answers to damaged requests, by gRPC code.
        valid: good requests that were answered rightly, by the version that did.
        faults: what should not have happened, in words.
        loaded: MB that the service's process has once its models are loaded.
        megabytes: that it had at most, by the kernel's count.
        ended: MB that it had when the last call was answered.
        ceiling: MB that the service was given (`--memory`): what it has, and the room for one
            request of the largest size that its model takes.
        beyond: float, seconds that the slowest call took beyond its own deadline, as the callers
            saw it. gRPC ends a call at its deadline in the caller's process, whatever the service
            does: more than that is the callers' own.
        slowest: float, seconds of the slowest good call.
        swaps: int, versions that came or went.
        watched: what a process beside saw, which did nothing else.
        logged: what the service itself said.
    """

    codes: Counter = field(default_factory=Counter)
    valid: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    loaded: float = 0.0
    megabytes: float = 0.0
    ended: float = 0.0
    ceiling: float = 0.0
    beyond: float = 0.0
    slowest: float = 0.0
    swaps: int = 0
    watched: Watched = field(default_factory=Watched)
    logged: Logged = field(default_factory=Logged)

    def text(self) -> str:
        """A few lines for the terminal."""
        codes = ", ".join(f"{code}: {count}" for code, count in sorted(self.codes.items()))
        good = ", ".join(f"{count} by version {n}" for n, count in sorted(self.valid.items()))
        watched, logged = self.watched, self.logged
        lines = (
            f"service: {self.codes.total()} damaged calls, by code {codes}",
            f"  good calls: {good}; the slowest took {self.slowest:.2f} s; {self.swaps} swaps",
            f"  memory of the service: {self.loaded:.0f} MB loaded, at most {self.megabytes:.0f} "
            f"of {self.ceiling:.0f} MB, {self.ended:.0f} MB at the end",
            f"  beyond a call's own deadline: {self.beyond:.2f} s as the callers saw it, "
            f"{logged.beyond:.2f} s in the service (its log: {logged.calls} calls, at most "
            f"{logged.slowest:.2f} s for one)",
            f"  from a process beside: {watched.calls} calls for health and metadata, the slowest "
            f"{watched.slowest:.2f} s; it woke up {watched.asleep:.2f} s late at most",
            f"  {len(self.faults)} faults",
        )
        return "\n".join([*lines, *(f"  {fault}" for fault in self.faults)])


def fuzz_service(calls: int, callers: int, seed: int) -> Report:
    """Sends `calls` requests from `callers` threads, while versions come and go.

    Args:
        calls: int, one in four of them a good one.
        callers: int, threads.
        seed: int; the requests depend on it, their order does not.
    """
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = {n: pointwise_model(folder / f"model{n}", *LINES[n]) for n in LINES}
        base, log = folder / "root" / "deblur", folder / "log"
        version = add_version(models[1], base, 1)
        options = {"grpc_max_threads": 2 * callers, "file_system_poll_wait_seconds": 0.2}
        with served(base.parent, log, **options) as service:  # only to be weighed
            report.ceiling = round(service.megabytes() + _largest(version))
        with served(base.parent, log, memory=report.ceiling, **options) as service:
            report.loaded = begin_peak(service.process) / 1e6
            with watched(service.target, cheap_calls()) as report.watched:
                _ask_all(service.target, base, models[2], calls, callers, seed, report)
            report.ended = service.megabytes()
            report.megabytes = peak(service.process) / 1e6
        report.logged = Logged.read(log)
    _judge(report)
    return report


def _largest(version: Path) -> float:
    """MB that the service must have for the largest request of a model, by its manifest.

    Pixels, and an array with its message and the copy of that, as `export.service.request` counts.
    """
    noted = json.loads((version / "assets.extra" / "tfdeblur_export.json").read_text())
    counted = noted["max_pixels"] * (noted["bytes_per_pixel"] + 3 * 3 * 4) / 1e6
    return counted / SHARE_COUNTED


def _ask_all(target, base: Path, model: Path, calls: int, callers: int, seed: int, report: Report):
    lock, stop = threading.Lock(), threading.Event()
    swapping = threading.Thread(target=_swap, args=(base, model, stop, report))
    swapping.start()
    try:
        with ThreadPoolExecutor(callers) as pool:
            shares = [calls // callers + (i < calls % callers) for i in range(callers)]
            for i, share in enumerate(shares):
                generator = random.Random(seed * 2**32 + i)
                pool.submit(_ask, target, base, share, generator, report, lock)
    finally:
        stop.set()
        swapping.join()


def _judge(report: Report) -> None:
    """Adds what is told by the service as a whole."""
    watched, logged = report.watched, report.logged
    report.faults += [*watched.lost, *logged.faults]
    if report.megabytes > report.ceiling:
        report.faults.append(f"{report.megabytes:.0f} MB, more than the ceiling")
    if logged.beyond > _MOST_BEYOND:
        report.faults.append(f"the service went on {logged.beyond:.1f} s after a deadline")
    if watched.slowest > _MOST_BEYOND:
        report.faults.append(f"the service took {watched.slowest:.1f} s for next to nothing")


def _swap(base: Path, model: Path, stop: threading.Event, report: Report) -> None:
    """Version 2 comes and goes."""
    while not stop.wait(1.0):
        if (base / "2").exists():
            (base / "2").rename(base.parent / f".away-{time.monotonic_ns()}")
        else:
            add_version(model, base, 2)
        report.swaps += 1


def _ask(target: str, base: Path, count: int, generator: random.Random, report: Report, lock):
    with Caller(target) as caller:
        seeds = kinds(caller, base)
        for _ in range(count):
            good = generator.random() < 0.25
            begin = time.monotonic()
            try:
                if good:
                    deadline = _LONG
                    fault, code = good_call(caller, generator, deadline)
                else:
                    deadline = generator.choice(_DEADLINES)
                    fault, code = _damaged_call(caller, seeds, generator, deadline)
            except Exception as error:  # a good call that was lost, or a fault of this file
                fault, code = f"lost: {type(error).__name__}: {error}"[:300], None
            seconds = time.monotonic() - begin
            with lock:
                _note(report, fault, code, good, seconds, deadline)


def _note(report: Report, fault, code, good: bool, seconds: float, deadline: float) -> None:
    report.beyond = max(report.beyond, seconds - deadline)
    if fault:
        report.faults.append(fault)
    elif good:
        report.valid[code] += 1
        report.slowest = max(report.slowest, seconds)
    else:
        report.codes[code] += 1
    if seconds - deadline > _MOST_BEYOND:
        report.faults.append(f"a call took {seconds:.1f} s, and its deadline was {deadline} s")


def _damaged_call(caller: Caller, seeds, generator: random.Random, deadline: float):
    """One call; returns a fault or None, and the code of the answer."""
    method, data = damaged(seeds, generator)
    call = caller.channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
    code, text = 0, ""
    try:
        call(data, timeout=deadline, wait_for_ready=True)
    except grpc.RpcError as error:
        code, text = error.code().value[0], error.details()
    late = code == 4 and deadline < _LONG
    if not late and (code not in EXPECTED or (code == 13 and "deserializ" not in text)):
        return f"{method} answered {code}, {text[:150]!r}, to {data.hex()[:400]}", code
    return None, code
