"""One global iteration of blind deblurring: seconds by part, and the peak memory of the process.

SEN, build of the operator, conjugate gradients, generator, and the rest (confidence, copies).
Each time in a fresh process, through `BlindRestorer`, after two small images that do not count. The
weights are random, so what the networks return is set aside: the solver gets a smooth flow of
--extent pixels and a picture that this flow blurred, and each level begins at the deconvolution of
the one before. Peak memory is that of the whole process, as the kernel counts it. Seconds of all
cores together say what wall seconds do not where other work takes the cores away.

The motion-flow paper reports 17 s for one global iteration of three levels at 1280x720, on a GPU.
"""

import argparse
import contextlib
import itertools
import json
import resource
import statistics
import subprocess
import sys
import time

from _common import finish, parser, smooth_flow
from _common import size as wanted_size

PARTS = ("SEN", "build", "conjugate gradients", "generator", "rest")
PAPER_SECONDS = 17.0
_CHILD = "--in-this-process"


def read_arguments(argv):
    """The command line."""
    made = parser(__doc__, repeats=1)
    made.add_argument(
        "--size",
        type=wanted_size,
        default=(720, 1280),
        metavar="WIDTHxHEIGHT",
        help="pixels (default: 1280x720)",
    )
    made.add_argument(
        "--width", type=float, default=1.0, help="factor on all channels (default: 1.0)"
    )
    made.add_argument("--stacks", type=int, default=2, help="of SEN (default: 2)")
    made.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        action="append",
        help="of the networks; may be repeated (default: both)",
    )
    made.add_argument(
        "--unshuffle",
        type=int,
        choices=(1, 2, 4),
        action="append",
        help="of both networks; may be repeated, all in turn (default: 1, the paper's networks)",
    )
    made.add_argument(
        "--betas",
        type=_betas,
        default=(0.02, 0.04, 0.08),
        metavar="B,B,...",
        help="one per level (default: 0.02,0.04,0.08)",
    )
    made.add_argument(
        "--extent",
        type=float,
        default=23.0,
        metavar="PIXELS",
        help="largest component of the flow (default: 23)",
    )
    made.add_argument(
        "--memory-budget",
        type=int,
        metavar="MB",
        help="of the BlindRestorer, 10^6 bytes (default: its own)",
    )
    made.add_argument("--tile", type=int, metavar="N", help="pixels (default: by the budget)")
    return made.parse_args(argv)


def _betas(text):
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers and commas, not {text!r}") from None


def peak_bytes():
    """Largest resident memory of this process until now, bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


class Clock:
    """Adds up the seconds between marks, of the wall and of all cores, by the part that ended."""

    def __init__(self):
        self.reset()

    def reset(self):
        """Begins anew."""
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self.cpu_seconds = dict.fromkeys(PARTS, 0.0)
        self.last = time.perf_counter(), time.process_time()

    def mark(self, part):
        """What happened since the last mark was `part`."""
        now = time.perf_counter(), time.process_time()
        self.seconds[part] += now[0] - self.last[0]
        self.cpu_seconds[part] += now[1] - self.last[1]
        self.last = now


def watch(restorer, clock, flow):
    """Times the parts of `restorer`, and puts something sensible for what networks return."""
    from tfdeblur.operators import MotionBlur
    from tfdeblur.restorers.blind import one_pass, parts

    estimate, clean = restorer.sen.in_tiles, restorer.generator.in_tiles

    def estimated(image, plan, **options):
        clock.mark("rest")
        estimate(image, plan, **options)
        clock.mark("SEN")
        return flow[: image.shape[0], : image.shape[1]]

    def cleaned(images, plan, **options):
        clock.mark("conjugate gradients")
        clean(images, plan, **options)
        clock.mark("generator")
        return images[..., :3].clip(0, 1)

    class TimedBlur(MotionBlur):
        def __init__(self, *arguments, **options):
            # Between the matrices of parts of the picture lies the solver.
            clock.mark("conjugate gradients" if options.get("method") == "matrix" else "rest")
            super().__init__(*arguments, **options)
            clock.mark("build")

    restorer.sen.in_tiles, restorer.generator.in_tiles = estimated, cleaned
    one_pass.MotionBlur = parts.MotionBlur = TimedBlur


def mosaic(height, width):
    """Overlaid random patches of several sizes: edges at all scales, as photographs have them."""
    import numpy as np

    rng, picture = np.random.default_rng(0), 0.0
    for side in (4, 16, 64, 256):
        shape = (-(-height // side), -(-width // side), 3)
        patches = np.kron(rng.random(shape, "float32"), np.ones((side, side, 1), "float32"))
        picture = picture + patches[:height, :width] / 4
    return picture


def restore(arguments, precision, unshuffle):
    """Restores one image; returns what it took."""
    import keras
    import numpy as np

    from tfdeblur.networks import SEN, RPGANGenerator
    from tfdeblur.operators.one_shot import blur_image
    from tfdeblur.restorers.blind.one_pass import BlindSettings
    from tfdeblur.restorers.blind.restorer import BlindRestorer

    keras.utils.set_random_seed(0)
    options = {"tile": arguments.tile, "precision": precision}
    if arguments.memory_budget is not None:
        options["memory_budget_bytes"] = arguments.memory_budget * 10**6
    sizes = {"width": arguments.width, "unshuffle": unshuffle}
    networks = SEN(stacks=arguments.stacks, **sizes), RPGANGenerator(**sizes)
    restorer = BlindRestorer(*networks, BlindSettings(arguments.betas), **options)
    flow = smooth_flow(*arguments.size, arguments.extent)
    blurred = blur_image(mosaic(*arguments.size), flow)
    image = np.round(255 * blurred.clip(0, 1)).astype("uint8")
    del blurred
    clock = Clock()
    watch(restorer, clock, flow)
    for side in (64, 80):  # two sizes: the operator's graphs are then traced for any
        restorer(image[:side, : side + 16])
    before, plan = peak_bytes(), restorer.plan(*arguments.size)
    clock.reset()
    restored = restorer(image)
    clock.mark("rest")
    return {
        "peak_bytes": peak_bytes(),
        "before_bytes": before,
        "seconds": clock.seconds,
        "cpu_seconds": clock.cpu_seconds,
        "total_seconds": restored.seconds,
        "steps": restored.steps,
        "residual": restored.residual,
        "converged": restored.converged,
        "score": restored.score,
        "sen_tiles": plan.sen.tiles,
        "generator_tiles": plan.generator.tiles,
    }


def show(variant, runs, base):
    """Prints the medians of one variant, and ratios to the runs of `base`, round by round."""
    first, (precision, unshuffle) = runs[0], variant
    print(
        f"{precision}, unshuffle {unshuffle}: {first['sen_tiles']} tiles of SEN, "
        f"{first['generator_tiles']} of the generator; {first['steps']} steps, "
        f"residual {first['residual']:.2g}"
    )
    print(f"  {'':<22}{'wall':>10}{'CPU, all cores':>18}")
    for part in PARTS:
        wall, cpu = (
            statistics.median(run[of][part] for run in runs) for of in ("seconds", "cpu_seconds")
        )
        print(f"  {part:<22}{wall:8.2f} s{cpu:16.2f} s")
    wall = statistics.median(run["total_seconds"] for run in runs)
    cpu = statistics.median(cpu_seconds(run) for run in runs)
    print(
        f"  {'all':<22}{wall:8.2f} s{cpu:16.2f} s  (paper's GPU at 1280x720: {PAPER_SECONDS:g} s)"
    )
    peak = max(run["peak_bytes"] for run in runs)
    before = max(run["before_bytes"] for run in runs)
    print(f"  peak memory {peak / 1e9:.2f} GB, of it {before / 1e9:.2f} before the image")
    if runs is not base:
        rounds = list(zip(runs, base, strict=True))
        walls = [run["total_seconds"] / other["total_seconds"] for run, other in rounds]
        cpus = [cpu_seconds(run) / cpu_seconds(other) for run, other in rounds]
        peaks = [run["peak_bytes"] / other["peak_bytes"] for run, other in rounds]
        print(
            f"  of the first variant: {of_rounds(walls)} of the seconds, {of_rounds(cpus)} of the "
            f"processor time, {of_rounds(peaks)} of the memory"
        )
    sys.stdout.flush()


def cpu_seconds(run):
    """Seconds of all cores of one run."""
    return sum(run["cpu_seconds"].values())


def of_rounds(ratios):
    """A median and its range."""
    return f"{statistics.median(ratios):.3f}x ({min(ratios):.3f} to {max(ratios):.3f})"


def main():
    """Measures and prints."""
    argv = sys.argv[1:]
    if _CHILD in argv:
        place = argv.index(_CHILD)
        precision, unshuffle = argv[place + 1].split(",")
        arguments = read_arguments(argv[:place] + argv[place + 2 :])
        print(json.dumps(restore(arguments, precision, int(unshuffle))))
        return
    arguments = read_arguments(argv)
    height, width = arguments.size
    print(
        f"One global iteration, {len(arguments.betas)} levels, {width}x{height}, motions up to "
        f"{arguments.extent:g} px, width factor {arguments.width:g}"
    )
    precisions = arguments.precision or ("float32", "bfloat16")
    variants = list(itertools.product(precisions, arguments.unshuffle or (1,)))
    runs = {variant: [] for variant in variants}
    for variant in variants * arguments.repeats:  # in turn
        words = ",".join(map(str, variant))
        command = [sys.executable, __file__, _CHILD, words, *argv]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        runs[variant].append(json.loads(done.stdout.splitlines()[-1]))
    for variant in variants:
        show(variant, runs[variant], runs[variants[0]])
    finish(
        arguments,
        [
            {"precision": precision, "unshuffle": unshuffle, "runs": runs[precision, unshuffle]}
            for precision, unshuffle in variants
        ],
    )


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
