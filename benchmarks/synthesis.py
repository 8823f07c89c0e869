"""Synthetic blur on one core: photographs a second by the exact operator, flow drawing included.

The process is held to one core and TensorFlow to one thread, as each worker of `tfdeblur data
synthesize` is. Rates are by processor time, which other processes on the core do not change; the
wall time stands beside it. Encoding the files is shown apart: its cost depends on the photograph.
"""

import contextlib
import itertools
import os
import statistics
import time
from pathlib import Path

from _common import finish, parser, size

BARS = {23: 15.0, 46: 7.0}  # images of 640x480 a second


def read_arguments():
    """The command line."""
    made = parser(__doc__, repeats=20)
    made.add_argument("--photograph", type=Path, help="its upper left part is blurred")
    made.add_argument("--size", type=size, default=(480, 640), help="default: 640x480")
    made.add_argument("--law", default="gong2018", help="gong2018 or physical (default: gong2018)")
    made.add_argument("--core", type=int, help="number of the core (default: the first allowed)")
    return made.parse_args()


def photograph(arguments):
    """uint8 pixels: those asked for, or waves with fine grain."""
    import numpy as np

    from tfdeblur.image.codec import read_image, to_uint8

    height, width = arguments.size
    if arguments.photograph:
        return to_uint8(read_image(arguments.photograph).rgb)[:height, :width].copy()
    rows, columns = np.mgrid[:height, :width]
    smooth = 128 + 60 * np.sin(rows / 37)[..., None] * np.cos(columns / 53)[..., None]
    grain = np.random.default_rng(0).normal(0, 4, (height, width, 3))
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


def calls_of(sharp, law, extent):
    """What is timed, by name; each call takes a motion of its own."""
    import numpy as np

    from tfdeblur.data import flows
    from tfdeblur.data.synthesis import synthesize_pair
    from tfdeblur.data.synthesize_folder import fast_png
    from tfdeblur.image.flow_files import encode_flow
    from tfdeblur.operators import blur_image

    height, width = sharp.shape[:2]
    drawn = [flows.random_flow(seed, height, width, law, extent) for seed in range(8)]
    endless = itertools.cycle(drawn)
    seeds = itertools.count()
    image = sharp / np.float32(255)
    pair = synthesize_pair(sharp, 0, law, extent)

    def encode():
        for picture in (pair.blurred, pair.sharp):
            fast_png(picture)

    return {
        "pair": lambda: synthesize_pair(sharp, next(seeds), law, extent),
        "of it, flow": lambda: flows.random_flow(next(seeds), height, width, law, extent),
        "of it, blur": lambda: blur_image(image, next(endless)),
        "PNG, two files": encode,
        "flow file": lambda: encode_flow(pair.flow, "npz"),
    }


def seconds_of(call, arguments):
    """Medians of one call: wall time and processor time."""
    times = []
    for _ in range(arguments.warmups + arguments.repeats):
        wall, processor = time.perf_counter(), time.process_time()
        call()
        times.append((time.perf_counter() - wall, time.process_time() - processor))
    wall, processor = zip(*times[arguments.warmups :], strict=True)
    return {"wall": statistics.median(wall), "processor": statistics.median(processor)}


def main():
    """Measures and prints."""
    arguments = read_arguments()
    core = arguments.core if arguments.core is not None else min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    results = []
    sharp = photograph(arguments)
    for extent, bar in BARS.items():
        calls = calls_of(sharp, arguments.law, extent)
        found = {name: seconds_of(call, arguments) for name, call in calls.items()}
        print(f"ceiling {extent}, {sharp.shape[1]}x{sharp.shape[0]}, {arguments.law}, core {core}:")
        for name, seconds in found.items():
            wall, processor = seconds["wall"] * 1e3, seconds["processor"] * 1e3
            print(f"  {name:<15}{processor:8.1f} ms processor {wall:8.1f} ms wall")
        rate = 1 / found["pair"]["processor"]
        verdict = "met" if rate >= bar else "missed"
        print(f"  {rate:.1f} images per second and core; bar {bar:g}: {verdict}", flush=True)
        results.append({"extent": extent, "seconds": found, "images_per_second": rate})
    finish(arguments, results)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
