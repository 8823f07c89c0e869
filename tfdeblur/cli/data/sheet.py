"""`tfdeblur data sheet`: a picture of what training draws from a folder of photographs."""

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.cli.common import add_common_arguments, at_least_one, load_tensorflow, read_settings
from tfdeblur.errors import DataError, InvalidInput

if TYPE_CHECKING:
    import numpy as np

DESCRIPTION = """\
Draws a contact sheet of what `tfdeblur train --blur dynamic` trains on: patches of the photographs,
blurred and sharp side by side. Above each pair stand its PSNR and what was done to it: the length
of the camera shake in pixels (from one side of the patch to the other where it changes), objects
that move by themselves and the length of their motion, whether light was blurred instead of
levels, over-exposure, noise, JPEG, half the resolution.
"""

EPILOG = """\
examples:
  tfdeblur data sheet photos/ --out sheet.png
  tfdeblur data sheet photos/ --out objects.png --count 12 --set dynamic.objects=1
"""

# Patches stand in as many columns as fit into this width, pixels.
_WIDTH = 1920
_LETTERS = 0.5  # in OpenCV's units


def add_parser(commands: Any) -> None:
    """Adds the arguments of `tfdeblur data sheet`."""
    parser = commands.add_parser(
        "sheet",
        help="a picture of what training with --blur dynamic draws",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("photographs", metavar="PHOTOS", help="folder of sharp photographs, with its subfolders")
    add("--out", required=True, metavar="FILE", help="picture to write, .png or .jpg")
    add("--blur", choices=("dynamic",), default="dynamic", help="(default: dynamic)")
    add("--count", type=at_least_one, default=24, metavar="N", help="patches (default: 24)")
    add("--seed", type=int, default=0, metavar="N", help="of what is drawn (default: 0)")
    add(
        "--side",
        type=at_least_one,
        default=256,
        metavar="PIXELS",
        help="of the patches, as --crop of a training (default: 256)",
    )
    add(
        "--set",
        action="append",
        default=[],
        metavar="dynamic.NAME=VALUE",
        help="settings as in a training, e.g. --set dynamic.extent=14 (repeatable)",
    )
    add_common_arguments(parser)
    parser.set_defaults(run_command=run)


@dataclass(frozen=True)
class SheetSettings:
    """What is to be drawn: `count` patches of `side` pixels; `config` by dotted name."""

    photographs: str
    out: str
    count: int
    seed: int
    side: int
    config: Mapping[str, Any]
    verbose: bool


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur data sheet`."""
    from tfdeblur.cli.train.options import settings_of

    own = ("seed", "blur")  # they have the names of training's, and the sheet has no run
    config = settings_of(arguments, without=own)
    return _sheet(read_settings(SheetSettings, arguments, config=config))


def _sheet(settings: SheetSettings) -> int:
    from tfdeblur.config import TrainConfig, override

    if not 0 <= settings.seed < 2**31:
        raise InvalidInput(
            f"`--seed` must be from 0 to 2**31 - 1. Received: --seed {settings.seed}"
        )
    config = override(TrainConfig(), dict(settings.config))
    load_tensorflow(settings.verbose)  # the modules below import it, with lines of its own
    from tfdeblur.data.dynamic_source import open_dynamic
    from tfdeblur.image.atomic import write_atomically
    from tfdeblur.image.codec import encode_image, format_of

    format = format_of(settings.out)  # before the work
    source = open_dynamic(settings.photographs, config.dynamic)
    picture = draw_sheet(source, settings.count, settings.seed, settings.side)
    write_atomically(Path(settings.out), encode_image(picture, None, format))
    print(f"{settings.count} patches: {settings.out}")
    return 0


def draw_sheet(source: Any, count: int, seed: int, side: int) -> "np.ndarray":
    """Draws patches as a training with the same seed and crop would blur them.

    Args:
        source: a `DynamicSource`; its photographs are taken in turn.
        count: int >= 1, patches.
        seed: int >= 0.
        side: int >= 1, of the patches, pixels.

    Returns:
        uint8 `(rows, columns, 3)` RGB.

    Raises:
        DataError: if a photograph is smaller than a patch.
    """
    from tfdeblur.pictures import panels

    least = int(source.sizes.min())
    if side > least:
        name = source.names[int(source.sizes.min(axis=1).argmin())]
        raise DataError(
            f"`--side` must fit into every photograph. Received: --side {side}. The smallest is "
            f"{name}, {least} pixels on the shorter side."
        )
    cells = [_cell(source, k % source.count, (seed, k), side) for k in range(count)]
    columns = max(1, _WIDTH // (cells[0].shape[1] + panels.GAP))
    rows = [cells[i : i + columns] for i in range(0, count, columns)]
    return panels.stacked([panels.side_by_side(row) for row in rows])


def _cell(source: Any, index: int, seed: tuple[int, int], side: int) -> "np.ndarray":
    """Blurred and sharp, below two lines of text."""
    import numpy as np

    from tfdeblur.pictures import panels

    blurred, sharp, drawn = source.draw(index, side, seed)
    error = np.mean((blurred.astype(np.float64) - sharp) ** 2)
    psnr = f"{10 * math.log10(255**2 / error):.1f} dB" if error else "the same"
    pair = np.concatenate([blurred, sharp], axis=1)
    columns = max(pair.shape[1], panels.NARROWEST)
    lines = [
        panels.caption(text, columns, _LETTERS)
        for text in (f"{source.names[index][:40]}: {psnr}", drawn.describe())
    ]
    return np.concatenate([*lines, panels.centred(pair, columns)])
