"""Timing that survives a shared machine: calls taken in turn, ratios of neighbours, medians.

Seconds on a busy machine mean little, but what disturbs one call disturbs the next one as well:
the ratio of two calls made one after the other is stable, and the median of many such ratios
does not see the odd interruption.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tfdeblur import processor
from tfdeblur.errors import InvalidInput


@dataclass(frozen=True)
class Comparison:
    """Seconds of several calls that were made in turn.

    Attributes:
        seconds: name -> seconds per round, in the order of the rounds; warm-up left out.
    """

    seconds: dict[str, list[float]]

    def median(self, name: str) -> float:
        """Median of the seconds of `name`."""
        return statistics.median(self.seconds[name])

    def ratios(self, name: str, to: str) -> list[float]:
        """Seconds of `name` over seconds of `to`, round by round."""
        return [a / b for a, b in zip(self.seconds[name], self.seconds[to], strict=True)]

    def ratio(self, name: str, to: str) -> float:
        """Median over the rounds of the ratio `name` / `to`, dimensionless."""
        return statistics.median(self.ratios(name, to))

    def to_dict(self, to: str) -> dict[str, Any]:
        """Medians, ratios to `to` and all seconds, as JSON values."""
        return {
            name: {
                "median_seconds": self.median(name),
                "ratio": self.ratio(name, to),
                "ratios": self.ratios(name, to),
                "seconds": seconds,
            }
            for name, seconds in self.seconds.items()
        }


def compare(
    calls: Mapping[str, Callable[[], Any]],
    *,
    repeats: int = 5,
    warmups: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Times calls in turn: A B, B A, A B, … so that a drift of the machine cancels out.

    Args:
        calls: name -> function without arguments. It must return only when its work is done:
            on an accelerator, fetch a value (`.numpy()`), or only the launch is timed.
        repeats: int >= 1, rounds that count.
        warmups: int >= 0, rounds before them that do not (tracing, caches).
        clock: returns seconds; monotonic.

    Returns:
        `Comparison`, with one entry of `seconds` per round.

    Raises:
        InvalidInput: if there are no calls, or `repeats` or `warmups` is too small.
    """
    if not calls or repeats < 1 or warmups < 0:
        raise InvalidInput(
            "`calls` must not be empty, `repeats` must be at least 1, `warmups` at least 0. "
            f"Received: calls={list(calls)}, repeats={repeats}, warmups={warmups}"
        )
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for round_number in range(-warmups, repeats):
        for name in names if round_number % 2 == 0 else reversed(names):
            start = clock()
            calls[name]()
            elapsed = clock() - start
            if round_number >= 0:
                seconds[name].append(elapsed)
    return Comparison(seconds)


def machine_facts() -> dict[str, Any]:
    """What timings depend on, as JSON values.

    Returns:
        `cpu` (model), `cores` (that this process may use), `bfloat16_cpu` (True if the CPU has
        instructions for it, None if that cannot be told), `memory_gib`, `accelerators` (names),
        `python`, `tensorflow`, `keras`, `numpy` (versions). Nothing that names a host or a user.
    """
    import keras
    import numpy
    import tensorflow as tf

    information = processor.information()
    accelerators = [
        tf.config.experimental.get_device_details(device).get("device_name", device.name)
        for device in tf.config.list_physical_devices("GPU")
    ]
    return {
        "cpu": information.get("model name") or platform.processor() or platform.machine(),
        "cores": _usable_cores(),
        "bfloat16_cpu": processor.has_bfloat16(),
        "memory_gib": _memory_gib(),
        "accelerators": accelerators,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": numpy.__version__,
    }


def _usable_cores() -> int:
    # The affinity is what a container or taskset leaves us; cpu_count is what the board has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None
