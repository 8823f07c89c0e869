"""A service with many callers who send damaged requests, and some who send good ones."""

import random
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import psutil

from export import LocalService
from tests.export.service.makers import Caller, add_version
from tests.fuzz.messages import LINES, damaged, good_call, kinds, pointwise_model

# Refusals that say what is wrong with the request; 13 is also gRPC's word for what is no message.
EXPECTED = {0, 3, 5, 8, 9, 11, 12, 13}
# Seconds that a call gives itself; with the first ones its deadline may well pass.
_DEADLINES = (0.02, 0.2, 2.0, 30.0, 30.0, 30.0)
_LONG = 30.0
_MOST_BEYOND = 1.0  # seconds that a call may take beyond its own deadline
_HEADROOM = 1000  # MB that the service may take beside what the process has, callers in it


@dataclass
class Report:
    """What came of it.

    Attributes:
        codes: answers to damaged requests, by gRPC code.
        valid: good requests that were answered rightly, by the version that did.
        faults: what should not have happened, in words.
        megabytes: that the process, service and callers in one, had at most.
        ceiling: MB that the service was given (`--memory`).
        beyond: float, seconds that the slowest call took beyond its own deadline.
        slowest: float, seconds of the slowest good call.
        swaps: int, versions that came or went.
    """

    codes: Counter = field(default_factory=Counter)
    valid: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    megabytes: float = 0.0
    ceiling: float = 0.0
    beyond: float = 0.0
    slowest: float = 0.0
    swaps: int = 0

    def text(self) -> str:
        """A few lines for the terminal."""
        codes = ", ".join(f"{code}: {count}" for code, count in sorted(self.codes.items()))
        good = ", ".join(f"{count} by version {n}" for n, count in sorted(self.valid.items()))
        lines = (
            f"service: {self.codes.total()} damaged calls, by code {codes}",
            f"  good calls: {good}; the slowest took {self.slowest:.2f} s; {self.swaps} swaps",
            f"  memory at most {self.megabytes:.0f} MB of {self.ceiling:.0f} MB; "
            f"at most {self.beyond:.2f} s beyond a call's own deadline; {len(self.faults)} faults",
        )
        return "\n".join([*lines, *(f"  {fault}" for fault in self.faults)])


def fuzz_service(calls: int, callers: int, seed: int) -> Report:
    """Sends `calls` requests from `callers` threads, while versions come and go.

    Args:
        calls: int, one in four of them a good one.
        callers: int, threads.
        seed: int; the requests depend on it, their order does not.
    """
    report, lock, stop = Report(), threading.Lock(), threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        models = {n: pointwise_model(Path(folder) / f"model{n}", *LINES[n]) for n in LINES}
        base = Path(folder) / "root" / "deblur"
        add_version(models[1], base, 1)
        report.ceiling = round(_megabytes()) + _HEADROOM
        options = {"grpc_max_threads": 2 * callers, "file_system_poll_wait_seconds": 0.2}
        with LocalService(base.parent, memory=report.ceiling, **options) as service:
            beside = [
                threading.Thread(target=_swap, args=(base, models[2], stop, report)),
                threading.Thread(target=_look, args=(stop, report)),
            ]
            for thread in beside:
                thread.start()
            try:
                with ThreadPoolExecutor(callers) as pool:
                    shares = [calls // callers + (i < calls % callers) for i in range(callers)]
                    for i, share in enumerate(shares):
                        generator = random.Random(seed * 2**32 + i)
                        pool.submit(_ask, service.target, base, share, generator, report, lock)
            finally:
                stop.set()
                for thread in beside:
                    thread.join()
    if report.megabytes > report.ceiling:
        report.faults.append(f"{report.megabytes:.0f} MB, more than the ceiling")
    return report


def _megabytes() -> float:
    return psutil.Process().memory_info().rss / 1e6


def _look(stop: threading.Event, report: Report) -> None:
    while not stop.wait(0.05):
        report.megabytes = max(report.megabytes, _megabytes())


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
