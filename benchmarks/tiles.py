"""Whether tiles leave a trace: a picture restored in tiles and as a whole.

Told are PSNR of both to the sharp picture, and the mean step between neighbouring pixels across the
lines where tiles end, over that one pixel beside these lines. Whole, the network may need much
memory: MAXIM 3 GB for 1280x720.
"""

import contextlib
import itertools
from pathlib import Path

from _common import finish, parser

_PLENTY = 64 * 10**9
BARS = {"gain lost, dB": 0.05, "step at borders": 1.05}


def read_arguments():
    """The command line."""
    made = parser(__doc__, repeats=1)
    made.add_argument("blurred", type=Path, help="a picture")
    made.add_argument("sharp", type=Path, help="the same, sharp")
    made.add_argument("--model", default=None, metavar="NAME", help="(default: that of deblur)")
    made.add_argument("--tile", type=int, metavar="N", help="pixels (default: by the budget)")
    return made.parse_args()


def seams(starts, side):
    """Where one tile fades into the next: the ends of each ramp and its middle, pixels."""
    from tfdeblur.image.tiling import RAMP

    middles = [(start + side + then) // 2 for start, then in itertools.pairwise(starts)]
    return [middle + by for middle in middles for by in (-RAMP // 2, 0, RAMP // 2)]


def step_at_borders(image, plan):
    """Mean step across the seams over that a few pixels beside them; how many seams there are."""
    import numpy as np

    at, beside = [], []
    sides = (plan.rows, plan.tile_height), (plan.columns, plan.tile_width)
    for axis, (starts, side) in enumerate(sides):
        step = np.abs(np.diff(image.astype("float64"), axis=axis)).mean(axis=2)
        for line in seams(starts, side):
            at.append(step.take(line - 1, axis).mean())
            beside.extend(step.take(line - 1 + by, axis).mean() for by in (-4, -3, 3, 4))
    return float(np.mean(at) / np.mean(beside)), len(at)


def main():
    """Measures and prints."""
    arguments = read_arguments()
    from tfdeblur import Restorer
    from tfdeblur.image.codec import read_image
    from tfdeblur.metrics.image import psnr_rgb_u8

    blurred, sharp = (read_image(path).rgb for path in (arguments.blurred, arguments.sharp))
    tile = {} if arguments.tile is None else {"tile": arguments.tile}
    tiled = Restorer.from_preset(arguments.model, **tile)
    whole = Restorer.from_preset(arguments.model, memory_budget_bytes=_PLENTY)
    plan = tiled.plan(*blurred.shape[:2])
    images = {"tiled": tiled(blurred).image, "whole": whole(blurred).image}
    scores = {
        name: float(psnr_rgb_u8(sharp[None], image[None])[0]) for name, image in images.items()
    }
    ratio, lines = step_at_borders(images["tiled"], plan)
    ratio_whole, _ = step_at_borders(images["whole"], plan)
    found = {
        "tiles": plan.tiles,
        "lines": lines,
        "gain lost, dB": scores["whole"] - scores["tiled"],
        "step at borders": ratio / ratio_whole,
        "psnr": scores,
    }
    print(
        f"{arguments.blurred.name}: {plan.tiles} tiles, {lines} lines where one fades into another"
    )
    print("  PSNR " + ", ".join(f"{name} {value:.3f} dB" for name, value in scores.items()))
    for name, bar in BARS.items():
        verdict = "met" if found[name] <= bar else "missed"
        print(f"  {name}: {found[name]:.3f}  bar {bar:g}: {verdict}")
    finish(arguments, [found])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
