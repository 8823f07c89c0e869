"""What a gRPC call costs beside the model, over loopback, with `tfdeblur serve` in its own process.

Latency by payload against the same session called directly; throughput by concurrency against
direct calls from as many threads; time to start and to swap a version under load. All of that
with a pointwise model, so that the cost of serving is seen; then throughput at 4 callers with a
network, as it is used. `serving_load.py` and `serving_soak.py` are about many callers.
"""

import contextlib
import signal
import statistics
import tempfile
import time
from pathlib import Path

from _common import add_network_arguments, describe, finish, make_network, parser, picture, show
from _common import size as wanted_size
from _serving import (
    Direct,
    Load,
    PlainClient,
    Service,
    pointwise_network,
    processor_seconds,
    rate,
    swap_in,
)

BAR_MILLISECONDS = 15.0  # RPC minus direct call, uint8
BAR_RATE = 0.95  # of direct calls, at concurrency 4
BAR_CALLERS = 4
PARTS = ("latency", "throughput", "swap", "network")


def read_arguments():
    """The command line."""
    made = parser(__doc__, repeats=15)
    add_network_arguments(made)
    made.add_argument(
        "--only",
        choices=PARTS,
        nargs="+",
        default=PARTS,
        help="parts to measure (default: all); --variant, --width and --norm are of the network",
    )
    made.add_argument(
        "--size",
        type=wanted_size,
        default=(720, 1280),
        metavar="WIDTHxHEIGHT",
        help="pixels (default: 1280x720)",
    )
    made.add_argument(
        "--concurrency",
        type=int,
        nargs="+",
        default=[1, 2, 4, 8],
        metavar="N",
        help="numbers of callers of the pointwise model (default: 1 2 4 8)",
    )
    made.add_argument(
        "--calls",
        type=int,
        default=40,
        metavar="N",
        help="calls in each round of throughput; a fifth of them of the network (default: 40)",
    )
    made.add_argument(
        "--rounds", type=int, default=3, metavar="N", help="of throughput (default: 3)"
    )
    made.add_argument(
        "--max-running",
        type=int,
        metavar="N",
        help="images that the service restores at a time (default: the service's own)",
    )
    return made.parse_args()


def measure_latency(service, client, direct, arguments):
    """Seconds of calls by payload, each against the direct call of its signature."""
    from export.client.payloads import PAYLOADS
    from tfdeblur.evaluation.timing import compare

    results = []
    for payload in PAYLOADS:
        calls = _calls(service, client, direct, payload, arguments.size)
        found = compare(calls, repeats=arguments.repeats, warmups=arguments.warmups)
        title = f"{payload}: {arguments.size[1]}x{arguments.size[0]}"
        results.append(show(title, found, "direct"))
        more = {name: _milliseconds_more(found, name) for name in calls if name != "direct"}
        spent = {
            name: 1e3 * processor_seconds(service, call, 3 * arguments.repeats)
            for name, call in calls.items()
        }
        verdict = ""
        if payload == "uint8":
            met = "met" if more["rpc"] <= BAR_MILLISECONDS else "missed"
            verdict = f"  (rpc: bar {BAR_MILLISECONDS:g} ms: {met})"
        print(f"  more than direct, ms: {_listed(more)}{verdict}")
        print(f"  processor time of a call, both sides, ms: {_listed(spent)}", flush=True)
        results[-1] |= {"milliseconds_more": more, "processor_ms": spent}
    return results


def _calls(service, client, direct, payload, size):
    """Ways to have the same images restored by the same model, by name."""
    import numpy as np

    from export.client.payloads import PAYLOADS

    way = PAYLOADS[payload]
    image = np.round(255 * picture(*size)).astype("uint8")
    value = way.write(image)
    array = np.array(value, dtype=object) if payload == "bytes" else value
    calls = {
        "direct": lambda: direct(payload, array),
        "rpc": lambda: client.predict({way.input: value}, way.signature),
        "deblur": lambda: client.deblur(image[0], payload=payload),
    }
    if payload == "uint8":  # what clients get that do not ask for raw bytes
        plain = PlainClient(service.target, "pointwise")
        calls["in fields"] = lambda: plain(value)
    return calls


def _milliseconds_more(found, name):
    pairs = zip(found.seconds[name], found.seconds["direct"], strict=True)
    return 1e3 * statistics.median(one - alone for one, alone in pairs)


def _listed(milliseconds):
    return ", ".join(f"{name} {value:.1f}" for name, value in milliseconds.items())


def measure_throughput(service, client, direct, arguments, callers, calls, bar=None):
    """Images a second by number of callers, of the service and of direct calls in turn."""
    import numpy as np

    image = np.round(255 * picture(*arguments.size)).astype("uint8")
    both = {
        "rpc": lambda: client.predict({"image_u8": image}, "serving_uint8"),
        "direct": lambda: direct("uint8", image),
    }
    for call in both.values():
        call()
    found = {}
    for threads in callers:
        rates, spent = ({name: [] for name in both} for _ in range(2))
        for _ in range(arguments.rounds):
            for name, call in both.items():
                before = service.processor_seconds_with_ours()
                rates[name].append(rate(call, threads, calls))
                spent[name].append((service.processor_seconds_with_ours() - before) / calls)
        ratio = _median_ratio(rates)
        line = f"  {threads} callers" + "".join(
            f"   {name} {statistics.median(values):8.2f}" for name, values in rates.items()
        )
        line += f"   {ratio:.3f}x   processor time {_median_ratio(spent):.3f}x"
        if bar is not None:
            line += f"   bar {bar:g}x: {'met' if ratio >= bar else 'missed'}"
        print(line, flush=True)
        found[threads] = {"rates": rates, "processor_seconds": spent, "ratio": ratio}
    return found


def _median_ratio(rounds):
    pairs = zip(rounds["rpc"], rounds["direct"], strict=True)
    return statistics.median(one / alone for one, alone in pairs)


def measure_swap(client, version_folder):
    """Seconds from a version's rename until it answers, while 4 callers do not pause."""
    import numpy as np

    image = np.zeros((64, 64, 3), "uint8")
    with Load(lambda: client.deblur(image), 4) as load:
        start = time.perf_counter()
        number = swap_in(version_folder)
        while client.deblur(image).version != number:
            if time.perf_counter() - start > 120:
                raise RuntimeError(f"version {number} was not taken up; {load.errors[:1]}")
            time.sleep(0.005)
        seconds = time.perf_counter() - start
    print(f"hot swap: {seconds:.2f} s; {load.done} calls meanwhile, {load.failed} failed")
    return {"seconds": seconds, "calls": load.done, "errors": load.errors}


def measure(service, clients, versions, arguments):
    """All parts that are wanted; yields their results."""
    if {"latency", "throughput"} & set(arguments.only):
        direct = Direct(versions["pointwise"])
    if "latency" in arguments.only:
        yield from measure_latency(service, clients["pointwise"], direct, arguments)
    if "throughput" in arguments.only:
        print("throughput, uint8, images a second: pointwise model")
        found = measure_throughput(
            *(service, clients["pointwise"], direct, arguments),
            *(arguments.concurrency, arguments.calls),
        )
        yield {"title": "throughput", "by_callers": found}
    if "network" in arguments.only:
        print(f"throughput, uint8, images a second: {describe(arguments)}")
        direct = Direct(versions["network"])
        calls = max(BAR_CALLERS, arguments.calls // 5)
        found = measure_throughput(
            *(service, clients["network"], direct, arguments),
            *([BAR_CALLERS], calls, BAR_RATE),
        )
        yield {"title": "throughput of a network", "by_callers": found}
    if "swap" in arguments.only:
        yield {"title": "hot swap", **measure_swap(clients["pointwise"], versions["pointwise"])}


def export_models(root, arguments):
    """Version folders of what is served, by name."""
    from export.graph.saved_model import export_model

    networks = {"pointwise": pointwise_network}
    if "network" in arguments.only:
        networks["network"] = lambda: make_network(arguments)
    return {name: Path(export_model(make(), root, name)) for name, make in networks.items()}


def main():
    """Measures and prints."""
    arguments = read_arguments()
    from export.client.client import DeblurClient

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the service is stopped
    options = []
    if arguments.max_running is not None:
        options.append(f"--max_running={arguments.max_running}")
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        versions = export_models(root, arguments)
        service = stack.enter_context(Service(root, *options))
        print(f"start: {service.seconds:.1f} s from the command to the open port", flush=True)
        clients = {
            name: stack.enter_context(DeblurClient(service.target, name, timeout=300))
            for name in versions
        }
        results = list(measure(service, clients, versions, arguments))
        results.append({"title": "start", "seconds": service.seconds})
    finish(arguments, results)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
