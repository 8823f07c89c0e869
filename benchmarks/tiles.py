"""Whether tiles leave a trace: a picture restored in tiles and as a whole.

Told are PSNR of both to the sharp picture, and the mean step between neighbouring pixels across the
lines where tiles end, over that one pixel beside these lines; and the same across the lines where
windows of the network end, over that in the picture restored without windows. Whole, the network
may need much memory: MAXIM 3 GB for 1280x720.
"""

import contextlib
import itertools
from pathlib import Path

from _common import finish, parser

_CELLS = 16  # of the grid along each axis
_PLENTY = 64 * 10**9
BARS = {"gain lost, dB": 0.05, "step at borders": 1.05, "step at windows": 1.05}


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


def seams_of_tiles(plan):
    """The lines of each axis."""
    return seams(plan.rows, plan.tile_height), seams(plan.columns, plan.tile_width)


def ends_of_windows(network, height, width):
    """Lines of each axis where MAXIM's windows end in the whole picture; none of other networks."""
    import numpy as np

    from tfdeblur.networks.maxim_windows import BLOCK, lay_windows

    def ends(side):
        windows = lay_windows(-(-side // BLOCK), network.window // BLOCK, _CELLS)
        if windows.kept is None:
            return []
        blocks = windows.cells.shape[1] * (network.window // BLOCK) // _CELLS
        changes = np.flatnonzero(np.diff(windows.kept // blocks))
        return [BLOCK * int(at + 1) for at in changes]

    return (ends(height), ends(width)) if getattr(network, "window", None) else ([], [])


def without_windows(network):
    """Restores the whole picture with these weights and no windows."""
    from tfdeblur import Restorer

    plain = type(network).from_config({**network.get_config(), "window": None})
    plain.set_weights(network.get_weights())
    return Restorer(plain, memory_budget_bytes=_PLENTY)


def step_at(image, lines):
    """Mean step across lines of each axis over that a few pixels beside them."""
    import numpy as np

    at, beside = [], []
    for axis, of_axis in enumerate(lines):
        step = np.abs(np.diff(image.astype("float64"), axis=axis)).mean(axis=2)
        for line in of_axis:
            at.append(step.take(line - 1, axis).mean())
            beside.extend(step.take(line - 1 + by, axis).mean() for by in (-4, -3, 3, 4))
    return float(np.mean(at) / np.mean(beside))


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
    found = {"tiles": plan.tiles, "psnr": scores}
    if plan.tiles > 1:
        lines = seams_of_tiles(plan)
        found["gain lost, dB"] = scores["whole"] - scores["tiled"]
        found["step at borders"] = step_at(images["tiled"], lines) / step_at(images["whole"], lines)
    ends = ends_of_windows(tiled.network, *blurred.shape[:2])
    if any(ends):
        image = without_windows(tiled.network)(blurred).image
        scores["without windows"] = float(psnr_rgb_u8(sharp[None], image[None])[0])
        found["step at windows"] = step_at(images["whole"], ends) / step_at(image, ends)
    print(f"{arguments.blurred.name}: {plan.tiles} tiles, windows end at rows and columns {ends}")
    print("  PSNR " + ", ".join(f"{name} {value:.3f} dB" for name, value in scores.items()))
    for name, bar in BARS.items():
        if name not in found:
            continue
        verdict = "met" if found[name] <= bar else "missed"
        print(f"  {name}: {found[name]:.3f}  bar {bar:g}: {verdict}")
    finish(arguments, [found])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
