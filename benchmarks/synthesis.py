"""Synthetic blur on one core: photographs a second by the exact operator, flow drawing included.

The process is held to one core and TensorFlow to one thread, as each worker of `tfdeblur data
synthesize` is. PNG encoding of a pair is shown apart: its cost depends on the photograph.
"""

import contextlib
import itertools
import os

from _common import finish, parser, size

BARS = {23: 15.0, 46: 7.0}  # images of 640x480 a second


def read_arguments():
    """The command line."""
    made = parser(__doc__, repeats=10)
    made.add_argument("--size", type=size, default=(480, 640), help="default: 640x480")
    made.add_argument("--law", default="gong2018", help="gong2018 or physical")
    made.add_argument("--core", type=int, help="number of the core (default: the first allowed)")
    return made.parse_args()


def main():
    """Measures and prints."""
    arguments = read_arguments()
    core = arguments.core if arguments.core is not None else min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from tfdeblur.data import flows
    from tfdeblur.data.synthesis import synthesize_pair
    from tfdeblur.evaluation.timing import compare
    from tfdeblur.image.codec import encode_image
    from tfdeblur.operators import blur_image

    height, width = arguments.size
    # Smooth with fine grain: noise alone would be the dearest picture that PNG can be given.
    rows, columns = np.mgrid[:height, :width]
    smooth = 128 + 60 * np.sin(rows / 37)[..., None] * np.cos(columns / 53)[..., None]
    grain = np.random.default_rng(0).normal(0, 4, (height, width, 3))
    photograph = np.clip(smooth + grain, 0, 255).astype(np.uint8)
    results = []
    for extent, bar in BARS.items():
        seeds = itertools.count()
        pair = synthesize_pair(photograph, 0, arguments.law, extent)
        flow = flows.random_flow(0, height, width, arguments.law, extent)

        def whole(extent=extent, seeds=seeds):
            synthesize_pair(photograph, next(seeds), arguments.law, extent)

        def draw(extent=extent, seeds=seeds):
            flows.random_flow(next(seeds), height, width, arguments.law, extent)

        def blur(flow=flow):
            blur_image(photograph / np.float32(255), flow)

        def encode(pair=pair):
            for image in (pair.blurred, pair.sharp):
                encode_image(image, like=None, format="png")

        calls = {"pair": whole, "flow alone": draw, "blur alone": blur, "PNG, two files": encode}
        found = compare(calls, repeats=arguments.repeats, warmups=arguments.warmups)
        seconds = {name: found.median(name) for name in calls}
        rate = 1 / seconds["pair"]
        verdict = "met" if rate >= bar else "missed"
        print(f"ceiling {extent}, {width}x{height}, core {core}, {arguments.law}:")
        for name, value in seconds.items():
            print(f"  {name:<15}{value * 1e3:8.1f} ms")
        print(f"  {rate:.1f} images/s by the exact operator; bar {bar:g}: {verdict}", flush=True)
        results.append({"extent": extent, "seconds": seconds, "images_per_second": rate})
    finish(arguments, results)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
