"""Deconvolution with a known flow: what it gains on photographs, and how long it takes.

Gains: every photograph is blurred by a motion, with and without 1 % noise, and restored with the
same flow for several beta, tolerance 1e-4. PSNR over all pixels and channels; blur and solver
share flow and border, so photographs blurred in a camera do worse. Time: one image of 1280x720
and a smooth flow; building the operator is shown by itself and is in the total.
"""

import contextlib
import statistics
import time
from functools import partial
from pathlib import Path

from _common import finish, parser, smooth_flow
from _common import size as wanted_size

BETAS = (0.01, 0.02, 0.05, 0.1, 0.5)
SETTINGS = ((0.1, 1e-3), (0.01, 1e-4))  # beta, tolerance of the timings
BARS = {(23, 0.1): 2.0, (46, 0.1): 4.5, (23, 0.01): 5.0, (46, 0.01): 10.0}  # seconds, two cores
BAR = 4.0  # dB, beta 0.01 and no noise
NOISE = 0.01  # standard deviation, of the range of an image
SUFFIXES = (".png", ".jpg", ".jpeg")


def read_arguments():
    """The command line."""
    made = parser(__doc__, repeats=5)
    made.add_argument("photographs", type=Path, metavar="DIR", help="folder of sharp photographs")
    made.add_argument(
        "--count", type=int, default=6, metavar="N", help="photographs to take (default: 6)"
    )
    made.add_argument(
        "--extents",
        type=int,
        nargs="+",
        default=[23, 46],
        metavar="PIXELS",
        help="largest component of the flows (default: 23 46)",
    )
    made.add_argument(
        "--law",
        choices=("gong2018", "physical", "smooth"),
        default="gong2018",
        help="of the flows of the gains: random ones, another for each photograph, or the smooth "
        "one that is timed (default: gong2018)",
    )
    made.add_argument(
        "--size",
        type=wanted_size,
        default=(720, 1280),
        metavar="WIDTHxHEIGHT",
        help="of the timed image, pixels (default: 1280x720)",
    )
    made.add_argument("--only", choices=("gains", "time"), help="leave out the other half")
    return made.parse_args()


def psnr(image, sharp):
    """Over all pixels and channels, dB."""
    import numpy as np

    return float(-10 * np.log10(np.mean((np.asarray(image) - sharp) ** 2, dtype=np.float64)))


def gains_of(sharp, seed, extent, law):
    """Gain in dB over the blurred image: noise -> list, one for each beta."""
    import numpy as np

    from tfdeblur.data.flows import random_flow
    from tfdeblur.operators import MotionBlur
    from tfdeblur.solvers import deconvolve

    height, width = sharp.shape[1:3]
    if law == "smooth":
        flow = smooth_flow(height, width, extent)
    else:
        flow = random_flow(seed, height, width, law=law, max_extent=extent)
    K = MotionBlur(flow)
    blurred = K.apply(sharp).numpy()
    normal = np.random.default_rng(seed).standard_normal(sharp.shape, dtype="float32")
    gains = {}
    for noise in (0.0, NOISE):
        observed = blurred + np.float32(noise) * normal
        restored = (deconvolve(K, observed, observed, beta).value for beta in BETAS)
        before = psnr(observed, sharp)
        gains[noise] = [psnr(image, sharp) - before for image in restored]
    return gains


def table_of_gains(paths, extent, law):
    """Prints the gains of all photographs; returns JSON values."""
    from tfdeblur.image.codec import read_image

    found = [
        gains_of(read_image(path).float_rgb()[None], seed, extent, law)
        for seed, path in enumerate(paths)
    ]
    print(f"gain in dB, mean (lowest) of {len(paths)} photographs, {law}, up to {extent} pixels")
    print("  noise     " + "".join(f"{f'beta {beta:g}':>16}" for beta in BETAS))
    rows = []
    for noise in (0.0, NOISE):
        columns = list(zip(*(gains[noise] for gains in found), strict=True))
        means = [statistics.mean(column) for column in columns]
        lowest = [min(column) for column in columns]
        cells = (f"{f'{m:+.2f} ({low:+.2f})':>16}" for m, low in zip(means, lowest, strict=True))
        print(f"  {noise:<10.0%}" + "".join(cells) + f"   best: {BETAS[means.index(max(means))]:g}")
        worse = [sum(gain < 0 for gain in column) for column in columns]
        rows.append({"noise": noise, "mean": means, "lowest": lowest, "worse_than_blurred": worse})
        if any(worse):
            print(" " * 12 + "".join(f"{f'{n} worse' if n else '':>16}" for n in worse))
    reached = sum(gains[0.0][0] >= BAR for gains in found)
    print(
        f"  {reached} of {len(paths)} photographs gain {BAR} dB or more without noise", flush=True
    )
    names = [path.name for path in paths]
    return {"extent": extent, "law": law, "betas": BETAS, "rows": rows, "photographs": names}


def timed(call):
    """The result of a call, and its seconds."""
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def time_deconvolution(sharp, extent, arguments):
    """Prints seconds of building and solving; returns JSON values."""
    from tfdeblur.operators import MotionBlur
    from tfdeblur.solvers import deconvolve

    flow = smooth_flow(*sharp.shape[1:3], extent)
    seconds = {"build": [], **{setting: [] for setting in SETTINGS}}
    steps = {}
    for round_ in range(-arguments.warmups, arguments.repeats):
        K, build = timed(partial(MotionBlur, flow))
        blurred = K.apply(sharp)
        taken = {"build": build}
        for beta, tolerance in SETTINGS:
            solve = partial(deconvolve, K, blurred, blurred, beta, tolerance=tolerance)
            found, taken[beta, tolerance] = timed(solve)
            steps[beta, tolerance] = int(found.steps[0])
        if round_ >= 0:
            for name, value in taken.items():
                seconds[name].append(value)
        del K
    build = statistics.median(seconds["build"])
    print(f"{sharp.shape[2]}x{sharp.shape[1]}, smooth flow up to {extent} pixels, medians")
    print(f"  build                           {build:6.2f} s")
    rows = []
    for beta, tolerance in SETTINGS:
        alone = statistics.median(seconds[beta, tolerance])
        whole = [a + b for a, b in zip(seconds["build"], seconds[beta, tolerance], strict=True)]
        total, bar = statistics.median(whole), BARS.get((extent, beta))
        verdict = "" if bar is None else f"  bar {bar:g} s: {'met' if total <= bar else 'missed'}"
        print(
            f"  beta {beta:<4g} tolerance {tolerance:<6g}     {alone:6.2f} s, with build "
            f"{total:6.2f} s ({min(whole):.2f} to {max(whole):.2f}), "
            f"{steps[beta, tolerance]} steps{verdict}",
            flush=True,
        )
        row = {"beta": beta, "tolerance": tolerance, "steps": steps[beta, tolerance]}
        rows.append({**row, "solve": alone, "total": total, "totals": whole})
    return {"extent": extent, "build": build, "builds": seconds["build"], "rows": rows}


def main():
    """Measures and prints."""
    arguments = read_arguments()
    import cv2

    from tfdeblur.image.codec import read_image

    paths = sorted(p for p in arguments.photographs.iterdir() if p.suffix.lower() in SUFFIXES)
    paths = paths[:: max(1, len(paths) // arguments.count)][: arguments.count]
    if not paths:
        raise SystemExit(f"{arguments.photographs} holds no photographs ({' '.join(SUFFIXES)}).")
    results = []
    if arguments.only != "time":
        results += [table_of_gains(paths, extent, arguments.law) for extent in arguments.extents]
    if arguments.only != "gains":
        height, width = arguments.size
        sharp = cv2.resize(read_image(paths[0]).float_rgb(), (width, height))[None]
        for extent in arguments.extents:
            results.append(time_deconvolution(sharp, extent, arguments))
    finish(arguments, results)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
