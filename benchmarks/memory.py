"""Peak memory of restoring one large image, each time in a fresh process.

Peak resident memory of the whole process, Python and TensorFlow included, as the kernel counts it.
"""

import contextlib
import json
import resource
import statistics
import subprocess
import sys

from _common import add_network_arguments, describe, finish, make_network, parser, picture
from _common import size as wanted_size

BAR_BYTES = 3_000_000_000
_CHILD = "--in-this-process"


def read_arguments(argv):
    """The command line."""
    made = parser(__doc__, repeats=1)
    add_network_arguments(made)
    made.add_argument(
        "--size",
        type=wanted_size,
        default=(2160, 3840),
        metavar="WIDTHxHEIGHT",
        help="pixels (default: 3840x2160)",
    )
    made.add_argument(
        "--memory-budget",
        type=int,
        metavar="MB",
        help="of the Restorer, 10^6 bytes (default: the Restorer's own)",
    )
    made.add_argument(
        "--model",
        metavar="NAME",
        help="a preset or a run folder (default: Bi-Skip, random weights)",
    )
    made.add_argument("--tile", type=int, metavar="N", help="pixels (default: by the budget)")
    made.add_argument(
        "--precision", choices=("float32", "bfloat16"), default="float32", help="(default: float32)"
    )
    return made.parse_args(argv)


def peak_bytes():
    """Largest resident memory of this process until now, bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def restore(arguments):
    """Restores one image; returns what it took."""
    import numpy as np

    from tfdeblur.restorers.network import Restorer

    options = {"tile": arguments.tile, "precision": arguments.precision}
    if arguments.memory_budget is not None:
        options["memory_budget_bytes"] = arguments.memory_budget * 10**6
    if arguments.model:
        restorer = Restorer.from_preset(arguments.model, **options)
    else:
        restorer = Restorer(make_network(arguments), **options)
    levels = np.random.default_rng(0).integers(0, 256, (*arguments.size, 3), "uint8")
    restorer(np.round(255 * picture(32, 32)[0]).astype("uint8"))
    before = peak_bytes()
    restored = restorer(levels)
    return {
        "peak_bytes": peak_bytes(),
        "before_bytes": before,
        "seconds": restored.seconds,
        "tiles": restorer.plan(*arguments.size).tiles,
    }


def main():
    """Measures and prints."""
    argv = [text for text in sys.argv[1:] if text != _CHILD]
    arguments = read_arguments(argv)
    if _CHILD in sys.argv:
        print(json.dumps(restore(arguments)))
        return
    results = []
    for _ in range(arguments.repeats):
        command = [sys.executable, __file__, _CHILD, *argv]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        results.append(json.loads(done.stdout.splitlines()[-1]))
    height, width = arguments.size
    subject = arguments.model or describe(arguments)
    print(f"{subject}: Restorer, {width}x{height}, {arguments.precision}")
    for found in results:
        print(
            f"  peak {found['peak_bytes'] / 1e9:.2f} GB, of it {found['before_bytes'] / 1e9:.2f} "
            f"before the image; {found['tiles']} tiles, {found['seconds']:.1f} s"
        )
    median = statistics.median(found["peak_bytes"] for found in results)
    verdict = "met" if median <= BAR_BYTES else "missed"
    print(f"  bar {BAR_BYTES / 1e9:g} GB: {verdict}")
    finish(arguments, results)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
