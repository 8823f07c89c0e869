"""What the benchmark scripts share: arguments, networks, and the report of ratios."""

import argparse
import json
import os
from pathlib import Path

# Read by TensorFlow when it is imported; the second is what the commands set (cli/common.py).
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def parser(description, repeats=7):
    """An argument parser with what every script takes."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument(
        "--repeats",
        type=int,
        default=repeats,
        metavar="N",
        help=f"rounds that count; medians are over them (default: {repeats})",
    )
    made.add_argument(
        "--warmups",
        type=int,
        default=2,
        metavar="N",
        help="rounds before them that do not count: tracing, caches (default: 2)",
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to FILE")
    return made


def add_network_arguments(made):
    """Adds the arguments of the network that is measured."""
    made.add_argument("--variant", default="BS", help="of Bi-Skip: BS, S, BS-cR (default: BS)")
    made.add_argument(
        "--width", type=float, default=1.0, help="factor on all channels (default: 1.0)"
    )
    made.add_argument(
        "--norm", default="batch", help="batch, group or none (default: batch, the paper's)"
    )


def size(text):
    """Reads "WIDTHxHEIGHT", pixels; returns `(height, width)`."""
    width, _, height = text.partition("x")
    try:
        pixels = int(height), int(width)
    except ValueError:
        pixels = (0, 0)
    if min(pixels) < 1:
        raise argparse.ArgumentTypeError(f"must be WIDTHxHEIGHT in pixels, not {text!r}")
    return pixels


def make_network(arguments):
    """The Bi-Skip that the arguments ask for, with random weights: values do not matter here."""
    import keras

    from tfdeblur.networks import BiSkip

    keras.utils.set_random_seed(0)
    return BiSkip(arguments.variant, width=arguments.width, norm=arguments.norm)


def describe(arguments):
    """The network in words."""
    return f"Bi-Skip {arguments.variant}, width {arguments.width:g}, norm {arguments.norm}"


def picture(height, width, batch=1):
    """A random picture, float32 `(batch, height, width, 3)` in [0, 1]."""
    import numpy as np

    return np.random.default_rng(0).random((batch, height, width, 3), "float32")


def smooth_flow(height, width, extent):
    """Translation, rotation and zoom, float32 `(height, width, 2)`, largest component `extent`."""
    import numpy as np

    rows, columns = np.mgrid[:height, :width].astype("float32")
    down, right = rows / height - 0.45, columns / height - 0.55 * width / height
    u = 0.35 + 0.5 * right - 0.6 * down
    v = 0.25 + 0.6 * right + 0.5 * down
    flow = np.stack([u, v], axis=-1)
    return (flow * (extent / np.abs(flow).max())).astype("float32")


def show(title, comparison, to, bars=None):
    """Prints medians and ratios to `to`; returns them as JSON values.

    Args:
        title: str, what was measured.
        comparison: `tfdeblur.evaluation.timing.Comparison`.
        to: str, the call that the ratios are to.
        bars: dict, name of a call -> largest ratio that is accepted.
    """
    bars = bars or {}
    print(title)
    found = {"title": title, "to": to, "calls": comparison.to_dict(to), "bars": bars}
    for name, values in found["calls"].items():
        ratios = values["ratios"]
        line = f"  {name:<14}{values['median_seconds'] * 1e3:10.1f} ms  {values['ratio']:6.3f}x"
        if name != to:
            line += f"  (rounds: {min(ratios):.3f} to {max(ratios):.3f})"
        if name in bars:
            verdict = "met" if values["ratio"] <= bars[name] else "missed"
            line += f"  bar {bars[name]:g}x: {verdict}"
        print(line, flush=True)
    return found


def before_and_now(rounds, bar, unit, digits):
    """Prints processor and clock time of two builds, measured in turn; returns JSON values.

    Args:
        rounds: dict, "before" and "now" -> `(processor, clock)` of each round, in `unit`.
        bar: float, largest ratio that is accepted.
        unit: str, such as "ms a frame".
        digits: int, behind the point.
    """
    from statistics import median

    result = {"rounds": rounds}
    for place, kind in enumerate(("processor", "clock")):
        before, now = (median(one[place] for one in rounds[name]) for name in ("before", "now"))
        ratios = [b[place] / a[place] for a, b in zip(rounds["before"], rounds["now"], strict=True)]
        result[kind] = {"before": before, "now": now, "ratio": median(ratios)}
        verdict = "met" if median(ratios) <= bar else "missed"
        print(
            f"  {kind:<10} {before:7.{digits}f} -> {now:7.{digits}f} {unit}  {median(ratios):.3f}x "
            f"(rounds: {min(ratios):.3f} to {max(ratios):.3f})  bar {bar:g}x: {verdict}"
        )
    return result


def finish(arguments, results):
    """Prints the facts about the machine; writes everything to `--json`."""
    from tfdeblur.evaluation.timing import machine_facts
    from tfdeblur.image.atomic import write_atomically

    facts = machine_facts()
    print("machine: " + ", ".join(f"{name} {value}" for name, value in facts.items()))
    if arguments.json:
        settings = {name: str(value) for name, value in vars(arguments).items()}
        whole = {"settings": settings, "machine": facts, "results": results}
        write_atomically(arguments.json, (json.dumps(whole, indent=2) + "\n").encode())
