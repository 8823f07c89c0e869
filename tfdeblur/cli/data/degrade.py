"""`tfdeblur data degrade`: a copy of pairs whose blurred halves are damaged."""

import argparse
from dataclasses import dataclass
from typing import Any

from tfdeblur.cli.common import (
    add_common_arguments,
    add_patterns,
    load_tensorflow,
    read_settings,
    results_folder,
)
from tfdeblur.cli.data.making import make_all

DESCRIPTION = """\
Writes a copy of a folder of pairs whose blurred halves are damaged as photographs often are: by
noise, by JPEG, or at half the size (both halves). `tfdeblur evaluate` on it tells how robust a
network is.

Writes DIR/{blur,sharp}/NAME.png, 8 bits. The noise depends on --seed and on the name of the pair
alone. Running the same command again goes on where the last run stopped.
"""

EPILOG = """\
exit codes:
  0 all made, or made before; 3 a pair is damaged, or a bad argument; 4 the folder is missing or
  holds no pairs; 1 anything unexpected, a full disk for one; 130 interrupted

examples:
  tfdeblur data degrade pairs/ --out noisy/ --noise 0.02
  tfdeblur data degrade pairs/ --out posted/ --half --noise 0.01 --jpeg 75
  tfdeblur data degrade GOPRO_Large --split test --out jpeg/ --jpeg 75
  tfdeblur evaluate --data noisy/ --json noisy.json
"""


def add_parser(commands: Any) -> None:
    """Adds the arguments of `tfdeblur data degrade`."""
    parser = commands.add_parser(
        "degrade",
        help="copy pairs with noise or JPEG on the blurred halves, or at half the size",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("pairs", metavar="PAIRS", help="folder of pairs, or a CSV file of them")
    what = "folder for the copies"
    add("--out", required=True, type=results_folder, metavar="DIR", help=what)
    add("--half", action="store_true", help="bring both images to half their size, first")
    add(
        "--noise",
        type=float,
        default=0.0,
        metavar="S",
        help="add Gaussian noise of this standard deviation, of the range 1: 0.02 is 5 levels of "
        "255",
    )
    add("--jpeg", type=int, metavar="Q", help="pass through JPEG of quality 1 to 100, last")
    add("--seed", type=int, default=0, metavar="N", help="of the noise (default: 0)")
    add("--split", metavar="NAME", help="train, test, ... (default: all that there are)")
    for option, verb in (("only", "copy only"), ("exclude", "leave out")):
        add(
            f"--{option}",
            action="append",
            default=[],
            metavar="PATTERN",
            help=f"{verb} pairs whose name matches, '*' stands for anything; may be repeated",
        )
    add_patterns(parser, dest="patterns")
    add_common_arguments(parser)
    parser.set_defaults(run_command=run, goes_on=True)


@dataclass(frozen=True)
class DegradeSettings:
    """What `tfdeblur data degrade` is to do: `pairs` to `out`, as `Degrading` takes the rest."""

    pairs: str
    out: str
    half: bool
    noise: float
    jpeg: int | None
    seed: int
    split: str | None
    only: tuple[str, ...]
    exclude: tuple[str, ...]
    patterns: tuple[str, ...]
    verbose: bool


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur data degrade`."""
    return _degrade(read_settings(DegradeSettings, arguments))


def _degrade(settings: DegradeSettings) -> int:
    load_tensorflow(settings.verbose)
    from tfdeblur.data.degrade_folder import Degrading, degrade_folder
    from tfdeblur.data.folders import find_pairs

    degrading = Degrading(settings.half, settings.noise, settings.jpeg, settings.seed)
    pairs = find_pairs(
        *(settings.pairs, settings.split),
        only=settings.only,
        exclude=settings.exclude,
        patterns=settings.patterns,
    )
    return make_all(degrade_folder(pairs, settings.out, degrading), len(pairs))
