"""A service with many callers who send damaged requests, and some who send good ones."""

import random
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import tensorflow as tf

from export import LocalService
from tests.export.service.makers import Caller, add_version, picture, refusal, save
from tests.fuzz.mutate import flipped

# Refusals that say what is wrong with the request; 13 is also gRPC's word for what is no message.
EXPECTED = {0, 3, 5, 8, 9, 11, 12, 13}
_METHOD = "/tensorflow.serving.PredictionService/"
_METHODS = ("Predict", "GetModelMetadata", "Classify", "MultiInference")
_WHITES = {1: 255.0, 2: 510.0}  # of `makers.Negative`: each version answers differently
_TIMEOUT = 30.0  # seconds, of each call


@dataclass
class Report:
    """What came of it.

    Attributes:
        codes: answers to damaged requests, by gRPC code.
        valid: good requests that were answered rightly.
        faults: what should not have happened, in words.
        megabytes: by which the process, service and callers in one, grew at most.
    """

    codes: Counter = field(default_factory=Counter)
    valid: int = 0
    faults: list[str] = field(default_factory=list)
    megabytes: float = 0.0

    def text(self) -> str:
        """A few lines for the terminal."""
        codes = ", ".join(f"{code}: {count}" for code, count in sorted(self.codes.items()))
        head = f"service: codes {codes}; {self.valid} good calls answered; {self.megabytes:.0f} MB"
        return "\n".join([head, *(f"  {fault}" for fault in self.faults)])


def fuzz_service(calls: int, callers: int, seed: int) -> Report:
    """Sends `calls` requests from `callers` threads, while versions come and go.

    Args:
        calls: int, one in four of them a good one.
        callers: int, threads.
        seed: int; the requests depend on it, their order does not.
    """
    report, lock = Report(), threading.Lock()
    with tempfile.TemporaryDirectory() as folder:
        models = {n: save(Path(folder) / f"model{n}", white) for n, white in _WHITES.items()}
        base = Path(folder) / "root" / "deblur"
        add_version(models[1], base, 1)
        options = {"grpc_max_threads": 2 * callers, "file_system_poll_wait_seconds": 0.2}
        with LocalService(base.parent, **options) as service:
            process = psutil.Process()
            before, stop = process.memory_info().rss, threading.Event()
            swapping = threading.Thread(target=_swap, args=(base, models[2], stop))
            swapping.start()
            try:
                with ThreadPoolExecutor(callers) as pool:
                    shares = [calls // callers + (i < calls % callers) for i in range(callers)]
                    for i, share in enumerate(shares):
                        generator = random.Random(seed * 2**32 + i)
                        pool.submit(_ask, service.target, share, generator, report, lock)
                    pool.shutdown()
            finally:
                stop.set()
                swapping.join()
            report.megabytes = (process.memory_info().rss - before) / 1e6
    return report


def _swap(base: Path, model: Path, stop: threading.Event) -> None:
    """Version 2 comes and goes."""
    while not stop.wait(1.0):
        if (base / "2").exists():
            (base / "2").rename(base.parent / f"away-{time.monotonic_ns()}")
        else:
            add_version(model, base, 2)


def _ask(target: str, count: int, generator: random.Random, report: Report, lock) -> None:
    with Caller(target) as caller:
        messages = _messages(caller)
        for _ in range(count):
            try:
                fault, code = _one(caller, messages, generator)
            except Exception as error:  # a good call that was lost
                fault, code = f"lost: {type(error).__name__}: {error}"[:300], None
            with lock:
                if fault:
                    report.faults.append(fault)
                elif code is None:
                    report.valid += 1
                else:
                    report.codes[code] += 1


def _one(caller: Caller, messages: list[bytes], generator: random.Random):
    """One call; returns a fault or None, and the code of a damaged request."""
    if generator.random() < 0.25:
        return _good(caller, generator), None
    method = generator.choice(_METHODS) if generator.random() < 0.2 else "Predict"
    call = caller.channel.unary_unary(
        _METHOD + method, request_serializer=bytes, response_deserializer=bytes
    )
    data = flipped(messages, generator)
    begin = time.monotonic()
    code, text = refusal(call, data, timeout=_TIMEOUT)
    if code not in EXPECTED or (code == 13 and "deserializ" not in text):
        return f"{method} answered {code}, {text[:150]!r}, to {data.hex()[:400]}", code
    if time.monotonic() - begin > _TIMEOUT + 1:
        return f"{method} took {time.monotonic() - begin:.1f} s for {data.hex()[:400]}", code
    return None, code


def _good(caller: Caller, generator: random.Random) -> str | None:
    image = picture(generator.randint(1, 9), generator.randint(1, 9))
    answer = caller.predict(image=image)
    white = np.float32(_WHITES[answer.model_spec.version.value] / 255)
    if not np.array_equal(tf.make_ndarray(answer.outputs["restored"]), white - image):
        return f"a wrong answer of version {answer.model_spec.version.value}"
    return None


def _messages(caller: Caller) -> list[bytes]:
    png = tf.io.encode_png(picture(9, 8, dtype="uint8")[0]).numpy()
    requests = [
        caller.request(image=picture(2, 3)),
        caller.request("serving_uint8", image_u8=picture(2, 3, dtype="uint8")),
        caller.request("serving_bytes", image_bytes=[png]),
        caller.request("", version=1, image=picture(1, 1)),
        caller.request("__saved_model_init_op"),
    ]
    return [request.SerializeToString() for request in requests]
