"""Watches the memory of a service, and of its client, under steady work."""

import random
import statistics
import time

from _serving import Load, resident_bytes

_LINES = 60  # of a report, at most
_LEAST_SECONDS = 5.0  # between two of them


def soak(service, client, minutes, callers):
    """Keeps callers busy and prints memory, calls and failures; Ctrl-C ends it early.

    Args:
        service: `_serving.Service`.
        client: `DeblurClient` of it.
        minutes: float, how long.
        callers: int, threads that call without a pause.

    Returns:
        JSON values: samples of memory in bytes, its slope in bytes an hour, calls, failures.
    """
    pause = max(_LEAST_SECONDS, 60 * minutes / _LINES)
    samples, begun = [], time.perf_counter()
    with Load(_call(client), callers) as load:
        try:
            while (elapsed := time.perf_counter() - begun) < 60 * minutes:
                time.sleep(min(pause, max(0.1, 60 * minutes - elapsed)))
                memory = (service.resident_bytes(), resident_bytes())
                samples.append((time.perf_counter() - begun, *memory))
                print(_line(samples[-1], load), flush=True)
        except (KeyboardInterrupt, FileNotFoundError) as error:
            why = "Ctrl-C" if isinstance(error, KeyboardInterrupt) else "the service is gone"
            print(f"  ended early: {why}", flush=True)
    return _verdict(samples, load)


def _call(client):
    import numpy as np

    sizes = random.Random(0)
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), "uint8")

    def call():
        height, width = sizes.randint(16, 480), sizes.randint(16, 640)
        client.deblur(image[:height, :width], payload=sizes.choice(("uint8", "float", "bytes")))

    return call


def _line(sample, load):
    seconds, service, client = sample
    return (
        f"  {seconds:7.0f} s   service {service / 1e6:7.1f} MB   client {client / 1e6:7.1f} MB   "
        f"{load.done} calls, {load.failed} failed"
    )


def _verdict(samples, load):
    """Slopes over the second half: in the first one, memory fills up to what calls need."""
    slopes = [_slope(samples[len(samples) // 2 :], column) for column in (1, 2)]
    print(f"soak: {load.done} calls, {load.failed} failed")
    for error in load.errors[:3]:
        print(f"  {error}")
    found = ["too short to tell" if s is None else f"{s / 1e6:+.1f} MB an hour" for s in slopes]
    print(f"memory in the second half: service {found[0]}, client {found[1]}", flush=True)
    return {
        "title": "soak",
        "seconds_service_bytes_client_bytes": samples,
        "calls": load.done,
        "failed": load.failed,
        "errors": load.errors,
        "service_bytes_an_hour": slopes[0],
        "client_bytes_an_hour": slopes[1],
    }


def _slope(samples, column):
    """Bytes an hour, by least squares; None of too few samples."""
    if len(samples) < 3:
        return None
    seconds, values = [s[0] for s in samples], [s[column] for s in samples]
    return 3600 * statistics.linear_regression(seconds, values).slope
