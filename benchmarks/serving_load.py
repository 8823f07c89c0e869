"""A service under callers who do not wait for each other: goodput and latency by offered load.

Requests arrive at random (Poisson), whether or not those before them were answered, as from many
strangers, with images of the sizes that people send (a mix). First so many callers as run at a
time find out what the service can bear; then shares of that rate are offered, up to twice of it.
Goodput counts answers within the deadline that have the right pixels. Beyond the knee a service
should go on answering as much as it can, refuse the rest at once, and let no answer be wrong.
"""

import argparse
import collections
import random
import tempfile
import threading
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from _common import add_network_arguments, describe, finish, make_network, parser, size
from _serving import INPUTS, Service, rate

BAR_GOODPUT = 0.9  # of the largest, at the highest load
MIX = (((240, 320), 0.5), ((480, 640), 0.35), ((720, 1280), 0.15))
_REPORTED = (50, 95, 99)
_GRACE = 2.0  # seconds beyond the deadline until a call counts as lost


@dataclass
class Seen:
    """What became of the calls of one load."""

    good: list[float] = field(default_factory=list)  # seconds
    codes: collections.Counter = field(default_factory=collections.Counter)
    wrong: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Callers:
    """Sends prepared requests, and knows what the answers must be."""

    def __init__(self, target, deadline, mix):
        import grpc
        import numpy as np
        from tensorflow_serving.apis import predict_pb2

        from export.wire import CONTENT_WANTED

        limits = [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
        self._channel = grpc.insecure_channel(target, options=limits)
        self._call = self._channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        self._metadata, self._deadline = [CONTENT_WANTED], deadline
        self._sizes, self._shares = zip(*mix, strict=True)
        self._requests, self._answers, draw = {}, {}, np.random.default_rng(0)
        for shape in self._sizes:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = "network"
            request.model_spec.signature_name, name = INPUTS["uint8"]
            tensor = request.inputs[name]
            tensor.dtype = 4  # DT_UINT8
            for length in (1, *shape, 3):
                tensor.tensor_shape.dim.add(size=length)
            tensor.tensor_content = draw.integers(0, 256, (*shape, 3), "uint8").tobytes()
            self._requests[shape] = request.SerializeToString()
            for _ in range(2):  # the first traces
                self._answers[shape] = zlib.crc32(self._once(shape, 300))

    def _once(self, shape, seconds):
        return self._call(self._requests[shape], timeout=seconds, metadata=self._metadata)

    def closed_loop(self, callers, calls):
        """Calls a second that so many callers make who wait for their answers."""
        sizes = iter(random.Random(1).choices(self._sizes, self._shares, k=calls))
        lock = threading.Lock()

        def call():
            with lock:
                shape = next(sizes)
            self._once(shape, 300)

        return rate(call, callers, calls)

    def open_loop(self, per_second, seconds, seed):
        """Offers a load; returns what was seen, and calls and seconds it really took."""
        draw, seen, calls = random.Random(seed), Seen(), []
        begun = due = time.perf_counter()
        while (due := due + draw.expovariate(per_second)) < begun + seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            (shape,) = draw.choices(self._sizes, self._shares)
            calls.append(self._send(shape, due, seen))
        for call in calls:
            call.cancelled() or call.exception(self._deadline + _GRACE)
        return seen, len(calls), max(seconds, time.perf_counter() - begun)

    def _send(self, shape, due, seen):
        call = self._call.future(
            self._requests[shape], timeout=self._deadline, metadata=self._metadata
        )

        def done(call):
            taken, code = time.perf_counter() - due, call.code().name
            right = code != "OK" or zlib.crc32(call.result()) == self._answers[shape]
            with seen.lock:
                seen.codes[code] += 1
                seen.wrong += not right
                if code == "OK" and right:
                    seen.good.append(taken)

        call.add_done_callback(done)
        return call


def read_arguments():
    """The command line."""
    made = parser(__doc__)
    add_network_arguments(made)
    made.add_argument("--seconds", type=float, default=30.0, help="of each load (default: 30)")
    made.add_argument(
        "--loads",
        type=float,
        nargs="+",
        default=[0.5, 0.8, 1.0, 1.5, 2.0],
        metavar="SHARE",
        help="of what the service bears (default: 0.5 0.8 1 1.5 2)",
    )
    made.add_argument(
        "--deadline", type=float, default=5.0, help="seconds that callers wait (default: 5)"
    )
    made.add_argument("--calls", type=int, default=40, help="that find the rate (default: 40)")
    made.add_argument(
        "--size", type=size, metavar="WIDTHxHEIGHT", help="one size instead of the mix"
    )
    made.add_argument("--serve-option", action="append", default=[], help=argparse.SUPPRESS)
    return made.parse_args()


def report(share, offered, seen, seconds, service):
    """Prints a line, and returns its numbers."""
    good = sorted(seen.good)
    goodput = len(good) / seconds
    latency = {f"p{p}": good[min(len(good) - 1, len(good) * p // 100)] for p in _REPORTED if good}
    others = {code: count for code, count in seen.codes.items() if code != "OK"}
    line = f"  {share:4.2f}x: offered {offered / seconds:6.2f}/s   goodput {goodput:6.2f}/s   "
    line += "  ".join(f"{name} {value:.2f} s" for name, value in latency.items())
    line += f"   {others or 'none refused'}   service {service.resident_bytes() / 1e6:.0f} MB"
    print(line + (f"   {seen.wrong} WRONG" if seen.wrong else ""), flush=True)
    return {
        **{"share": share, "offered": offered / seconds, "goodput": goodput, "latency": latency},
        **{"codes": dict(seen.codes), "wrong": seen.wrong, "bytes": service.resident_bytes()},
    }


def main():
    """Measures and prints."""
    arguments = read_arguments()
    from export.graph.saved_model import export_model

    mix = MIX if arguments.size is None else ((arguments.size, 1.0),)
    with tempfile.TemporaryDirectory() as root:
        export_model(make_network(arguments), root, "network")
        with Service(Path(root), *arguments.serve_option) as service:
            callers = Callers(service.target, arguments.deadline, mix)
            bears = callers.closed_loop(2, arguments.calls)
            print(f"{describe(arguments)}: two callers in turn: {bears:.2f} a second")
            found = [
                report(share, calls, seen, seconds, service)
                for number, share in enumerate(sorted(arguments.loads))
                for seen, calls, seconds in [
                    callers.open_loop(share * bears, arguments.seconds, number)
                ]
            ]
    best = max(row["goodput"] for row in found)
    kept = found[-1]["goodput"] / best if best else 0.0
    verdict = "met" if kept >= BAR_GOODPUT else "missed"
    wrong = sum(row["wrong"] for row in found)
    print(
        f"at {found[-1]['share']:g}x: {kept:.2f}x of the largest goodput "
        f"(bar {BAR_GOODPUT:g}x: {verdict}); {wrong} wrong answers"
    )
    finish(arguments, [{"title": "open loop", "bears": bears, "loads": found}])


if __name__ == "__main__":
    main()
