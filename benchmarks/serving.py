"""What a gRPC call costs beside the model, over loopback, with `tfdeblur serve` in its own process.

Latency by payload against the same session called directly; throughput by concurrency against
direct calls from as many threads; time to start and to swap a version under load. The model is
pointwise by default, so that the cost of serving is seen; with --network biskip it is a network.

--soak MINUTES does none of that, but keeps 4 callers busy with images of changing sizes and
watches the memory of the service.
"""

import argparse
import contextlib
import random
import statistics
import tempfile
import time
from pathlib import Path

from _common import add_network_arguments, describe, finish, make_network, parser, picture, show
from _common import size as wanted_size
from _serving import Direct, Load, Service, pointwise_network, processor_seconds, rate, swap_in

BAR_MILLISECONDS = 15.0  # RPC minus direct call, uint8
BAR_RATE = 0.95  # of direct calls, at concurrency 4
_SOAK_CALLERS = 4
_SECONDS_BETWEEN_SAMPLES = 5.0


def read_arguments():
    """The command line."""
    made = parser(__doc__)
    add_network_arguments(made)
    made.add_argument(
        "--network",
        choices=("pointwise", "biskip"),
        default="pointwise",
        help="what is served; --variant, --width and --norm are biskip's (default: pointwise)",
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
        help="numbers of callers (default: 1 2 4 8)",
    )
    made.add_argument(
        "--calls", type=int, default=40, metavar="N", help="for each throughput (default: 40)"
    )
    made.add_argument(
        "--content",
        action="store_true",
        help="the service answers in raw bytes, not in fields as TensorFlow Serving does",
    )
    made.add_argument("--soak", type=_minutes, metavar="MINUTES", help="only watch the memory")
    return made.parse_args()


def _minutes(text):
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def measure_latency(service, client, direct, arguments):
    """Seconds of calls by payload, each against the direct call of its signature."""
    import numpy as np

    from export.client_payloads import PAYLOADS
    from tfdeblur.evaluation.timing import compare

    image = np.round(255 * picture(*arguments.size)).astype("uint8")
    results = []
    for payload, way in PAYLOADS.items():
        value = np.array(way.write(image), dtype=object) if payload == "bytes" else way.write(image)

        def by_rpc(payload=payload, value=value):
            return client.predict({PAYLOADS[payload].input: _sent(value)}, way_of(payload))

        calls = {
            "direct": lambda payload=payload, value=value: direct(payload, value),
            "rpc": by_rpc,
            "deblur": lambda payload=payload: client.deblur(image[0], payload=payload),
        }
        found = compare(calls, repeats=arguments.repeats, warmups=arguments.warmups)
        title = f"{payload}: {arguments.size[1]}x{arguments.size[0]}"
        results.append(show(title, found, "direct"))
        pairs = zip(found.seconds["rpc"], found.seconds["direct"], strict=True)
        more = 1e3 * statistics.median(rpc - alone for rpc, alone in pairs)
        results[-1]["rpc_minus_direct_ms"] = more
        spent = {
            name: 1e3 * processor_seconds(service, call, 3 * arguments.repeats)
            for name, call in calls.items()
        }
        results[-1]["processor_ms"] = spent
        verdict = ""
        if payload == "uint8":
            met = "met" if more <= BAR_MILLISECONDS else "missed"
            verdict = f"  bar {BAR_MILLISECONDS:g} ms: {met}"
        print(f"  rpc - direct  {more:10.1f} ms{verdict}")
        each = ", ".join(f"{name} {value:.1f}" for name, value in spent.items())
        print(f"  processor time of a call, both sides, ms: {each}", flush=True)
    return results


def way_of(payload):
    """Key of the signature of a payload."""
    from export.client_payloads import PAYLOADS

    return PAYLOADS[payload].signature


def _sent(value):
    return list(value) if value.dtype == object else value


def measure_throughput(client, direct, arguments):
    """Images a second by number of callers, of the service and of direct calls in turn."""
    import numpy as np

    image = np.round(255 * picture(*arguments.size)).astype("uint8")
    calls = {
        "rpc": lambda: client.predict({"image_u8": image}, "serving_uint8"),
        "direct": lambda: direct("uint8", image),
    }
    print("throughput, uint8, images a second")
    found = {}
    for threads in arguments.concurrency:
        rates = {name: [] for name in calls}
        for _ in range(3):
            for name, call in calls.items():
                rates[name].append(rate(call, threads, arguments.calls))
        medians = {name: statistics.median(values) for name, values in rates.items()}
        pairs = zip(rates["rpc"], rates["direct"], strict=True)
        ratio = statistics.median(rpc / alone for rpc, alone in pairs)
        line = f"  {threads} callers   rpc {medians['rpc']:7.1f}   direct {medians['direct']:7.1f}"
        line += f"   {ratio:.3f}x"
        if threads == 4:
            line += f"  bar {BAR_RATE:g}x: {'met' if ratio >= BAR_RATE else 'missed'}"
        print(line, flush=True)
        found[threads] = {"rates": rates, "ratio": ratio}
    return {"title": "throughput", "by_callers": found}


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
    print(f"hot swap: {seconds:.2f} s; {load.done} calls meanwhile, {len(load.errors)} failed")
    return {"seconds": seconds, "calls": load.done, "errors": load.errors}


def soak(service, client, minutes):
    """Keeps callers busy; returns the memory of the service over time, bytes."""
    import numpy as np

    random_sizes = random.Random(0)
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), "uint8")

    def call():
        height, width = random_sizes.randint(16, 480), random_sizes.randint(16, 640)
        client.deblur(image[:height, :width], payload=random_sizes.choice(("uint8", "float")))

    samples, begun = [], time.perf_counter()
    with Load(call, _SOAK_CALLERS) as load:
        while (elapsed := time.perf_counter() - begun) < 60 * minutes:
            time.sleep(min(_SECONDS_BETWEEN_SAMPLES, 60 * minutes - elapsed))
            samples.append((round(time.perf_counter() - begun, 1), service.resident_bytes()))
            at, memory = samples[-1]
            print(
                f"  {at:7.0f} s  {memory / 1e6:7.0f} MB  {load.done} calls, "
                f"{len(load.errors)} failed",
                flush=True,
            )
    half = [memory for _, memory in samples[len(samples) // 2 :]]
    quarters = [
        statistics.median(part) for part in (half[: len(half) // 2 + 1], half[-len(half) // 2 :])
    ]
    growth = quarters[1] - quarters[0]
    print(
        f"soak: {load.done} calls, {len(load.errors)} failed; memory, last quarter minus the one "
        f"before: {growth / 1e6:+.1f} MB"
    )
    return {
        "title": "soak",
        "seconds_and_bytes": samples,
        "calls": load.done,
        "errors": load.errors[:20],
        "growth_bytes": growth,
    }


def main():
    """Measures and prints."""
    arguments = read_arguments()
    from export.client import DeblurClient
    from export.saved_model import export_model

    biskip = arguments.network == "biskip"
    network = make_network(arguments) if biskip else pointwise_network()
    print(f"served: {describe(arguments) if biskip else 'a pointwise model'}", flush=True)
    options = ["--enable_serialization_as_tensor_content=true"] if arguments.content else []
    with tempfile.TemporaryDirectory() as folder:
        version = Path(export_model(network, Path(folder), "deblur"))
        with (
            Service(version.parent, *options) as service,
            DeblurClient(service.target, timeout=300, concurrency=8) as client,
        ):
            print(f"start: {service.seconds:.1f} s from the command to the open port", flush=True)
            if arguments.soak is not None:
                results = [soak(service, client, arguments.soak)]
            else:
                direct = Direct(version)
                results = measure_latency(service, client, direct, arguments)
                results.append(measure_throughput(client, direct, arguments))
                results.append({"title": "hot swap", **measure_swap(client, version)})
            results.append({"title": "start", "seconds": service.seconds})
    finish(arguments, results)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
