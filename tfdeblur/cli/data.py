"""`tfdeblur data`: makes pairs from photographs and from frames, and builds TFDS data sets."""

import argparse
from typing import Any

from tfdeblur.cli import data_average, data_build, data_synthesize
from tfdeblur.errors import EXIT_USAGE

EPILOG = """\
examples:
  tfdeblur data synthesize photos/ --out pairs/ --max-extent 23 --per-image 10 --test-images 20
  tfdeblur data average frames/ --out pairs/ --count 8
  tfdeblur data build gopro_large --manual-dir downloads/
  tfdeblur data synthesize --help
"""


def add_parser(commands: Any) -> None:
    """Adds the arguments of `tfdeblur data`."""
    parser = commands.add_parser(
        "data",
        help="make training data: blur photographs, average frames, build TFDS data sets",
        description="Make training data.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def show_help(arguments: argparse.Namespace) -> int:
        parser.print_help()
        return EXIT_USAGE

    parser.set_defaults(run_command=show_help)
    kinds = parser.add_subparsers(metavar="COMMAND", help="what to make:")
    for module in (data_synthesize, data_average, data_build):
        module.add_parser(kinds)
