"""A service at a steady share of what it bears, for as long as one likes: memory and lost calls.

Images of many sizes and of all payloads arrive at random (Poisson). Meanwhile one client after
another is killed with calls under way, and one leaves its answers unread for seconds at a time;
what these two cost counts towards the share. Nothing may be lost but what the killed ones asked
for, no answer may be wrong, and memory must end where it was once all sizes had been seen.
"""

import argparse
import contextlib
import random
import signal
import statistics
import tempfile
import threading
import time
from pathlib import Path

from _common import add_network_arguments, describe, finish, make_network, parser
from _open_loop import MIX, MODEL, Callers
from _rude import AT_ONCE, Rude
from _serving import INPUTS, Service, resident_bytes

_LARGE = (720, 1280)
_RUDE_SECONDS = 15.0  # between the bursts of each of the two
_KINDS = 12  # sizes drawn around each of the mix
_LINES = 60  # of a report, at most
_DEADLINE = 30.0
# Callers that may wait. At the service's own limit, four a processor, calls that happen to arrive
# together are refused, which is right, but hides those that would be lost.
_PLACES = 64


def read_arguments():
    """The command line."""
    made = parser(__doc__)
    add_network_arguments(made)
    made.add_argument("--model", metavar="NAME", help="a preset or a model folder instead")
    made.add_argument("--minutes", type=_positive, default=60.0, help="how long (default: 60)")
    made.add_argument(
        "--share", type=_positive, default=0.8, help="of what it bears (default: 0.8)"
    )
    made.add_argument("--calls", type=int, default=80, help="that find the rate (default: 80)")
    return made.parse_args()


def _positive(text):
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def sizes():
    """The mix with sizes as different as strangers' are, each sent in one of the payloads."""
    draw, found = random.Random(0), []
    for (height, width), share in MIX:
        for _ in range(_KINDS):
            factor = draw.uniform(0.6, 1.0)
            shape = round(factor * height), round(draw.uniform(0.6, 1.0) * width)
            found.append(((*shape, draw.choice(sorted(INPUTS))), share / _KINDS))
    return (*found, ((*_LARGE, "uint8"), 1e-9))


def export(arguments, root):
    """Writes what is served."""
    if arguments.model is None:
        from export.graph.saved_model import export_model

        export_model(make_network(arguments), root, MODEL)
        return describe(arguments)
    from tfdeblur.cli.main import main as tfdeblur

    if code := tfdeblur(["export", "--model", arguments.model, "--root", root, "--name", MODEL]):
        raise SystemExit(code)
    return arguments.model


class Watch:
    """Writes down the service's memory while something else runs; a context manager."""

    def __init__(self, service, minutes, rude):
        self._service, self._rude, self._ended = service, rude, threading.Event()
        self._pause = max(5.0, 60 * minutes / _LINES)
        self._thread = threading.Thread(target=self._run)
        self.samples = []

    def _run(self):
        begun = time.perf_counter()
        while not self._ended.wait(self._pause):
            with contextlib.suppress(FileNotFoundError):  # told by the calls that fail
                both = self._service.resident_bytes(), resident_bytes()
                seconds = time.perf_counter() - begun
                self.samples.append((seconds, *both))
                megabytes = "   ".join(f"{one / 1e6:7.1f} MB" for one in both)
                print(
                    f"  {seconds:6.0f} s   service and callers {megabytes}   {self._rude.killed} "
                    f"clients killed, {self._rude.read.total()} calls read late",
                    flush=True,
                )

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join()


def verdict(seen, sent, seconds, rude, samples):
    """Prints what came of it; returns JSON values."""
    good = sorted(seen.good)
    lost = sent - seen.codes["OK"] + rude.read.total() - rude.read["OK"]
    latency = {f"p{p}": good[min(len(good) - 1, len(good) * p // 100)] for p in (50, 95, 99)}
    print(
        f"{sent} calls in {seconds:.0f} s, {rude.read.total()} read late, {rude.killed} clients "
        f"killed: {lost} lost, {seen.wrong + rude.read['WRONG']} wrong; "
        + ", ".join(f"{name} {value:.2f} s" for name, value in latency.items())
    )
    for codes in (seen.codes, rude.read):
        for code in sorted(codes.keys() - {"OK"}):
            print(f"  {codes[code]} {code}")
    for error in rude.errors:
        print(f"  a client that is killed or stopped failed: {error}")
    late = [(second, service) for second, service, _ in samples[len(samples) // 2 :]]
    slope = None
    if len(late) > 2:
        # Over the second half: in the first, memory fills up to what calls need.
        slope = 3600 * statistics.linear_regression(*zip(*late, strict=True)).slope
        least, most = min(one for _, one in late), max(one for _, one in late)
        print(
            f"memory in the second half: {slope / 1e6:+.1f} MB an hour, between {least / 1e6:.0f} "
            f"and {most / 1e6:.0f} MB"
        )
    return {
        **{"title": "soak", "sent": sent, "seconds": seconds, "lost": lost, "killed": rude.killed},
        **{"codes": dict(seen.codes), "read_late": dict(rude.read), "errors": rude.errors},
        **{"wrong": seen.wrong, "latency": latency, "bytes_an_hour": slope},
        "seconds_service_bytes_client_bytes": samples,
    }


def main():
    """Measures and prints."""
    arguments = read_arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the service is stopped
    with contextlib.ExitStack() as stack:
        root, folder = (stack.enter_context(tempfile.TemporaryDirectory()) for _ in range(2))
        what = export(arguments, root)
        service = stack.enter_context(Service(Path(root), f"--grpc_max_threads={_PLACES}"))
        callers = Callers(service.target, _DEADLINE, sizes())
        bears = callers.closed_loop(2, arguments.calls)
        rude_share = 2 * AT_ONCE * _LARGE[0] * _LARGE[1] / _RUDE_SECONDS / (bears * callers.pixels)
        share = arguments.share - rude_share
        print(
            f"{what}: two callers in turn: {bears:.2f} a second. Offered: {share:.2f} of that, and "
            f"{rude_share:.2f} by the clients that are killed or stopped",
            flush=True,
        )
        if share <= 0:
            raise SystemExit("the service is too slow for the clients that are killed or stopped")
        prepared = callers.prepared((*_LARGE, "uint8"))
        rude = stack.enter_context(Rude(Path(folder), service.target, prepared, _RUDE_SECONDS))
        with Watch(service, arguments.minutes, rude) as watch:
            seen, sent, seconds = callers.open_loop(share * bears, 60 * arguments.minutes, seed=1)
        stack.pop_all().close()
    finish(arguments, [verdict(seen, sent, seconds, rude, watch.samples)])


if __name__ == "__main__":
    main()
