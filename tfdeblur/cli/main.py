"""Entry point of the `tfdeblur` command.

Imports neither keras nor tensorflow: `tfdeblur --help` answers at once. Each command
module has `add_parser(commands)` (arguments only) and `run(arguments) -> exit code`,
which does the heavy imports.
"""

import argparse
import sys

from tfdeblur import __version__
from tfdeblur.cli import adopt, convert, export, presets, results, serve
from tfdeblur.cli.common import run_command
from tfdeblur.cli.data import command as data
from tfdeblur.cli.deblur import command as deblur
from tfdeblur.cli.evaluate import command as evaluate
from tfdeblur.cli.experiment import command as experiment
from tfdeblur.cli.parser import Parser
from tfdeblur.cli.request import command as request
from tfdeblur.cli.train import command as train

COMMANDS = (
    *(deblur, presets, adopt, convert, train, evaluate, results, experiment, data, export),
    *(serve, request),
)

EPILOG = """\
exit codes: 0 done, 1 unexpected, 2 usage, 3 bad input, 4 data missing or corrupt,
            5 not converged or degenerate, 6 service unreachable, 130 interrupted

typical session:
  tfdeblur deblur photo.jpg --out restored/
  tfdeblur train --model biskip --preset small --data pairs/ --run runs/first
  tfdeblur deblur photo.jpg --out restored/ --model runs/first --compare
  tfdeblur evaluate --model runs/first --data pairs/ --json scores.json
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the whole argument tree, without importing any framework."""
    parser = Parser(
        prog="tfdeblur",
        description="Motion deblurring: train a network, restore photographs, measure results.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tfdeblur {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.add_parser(commands)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(arguments.run_command, arguments)


if __name__ == "__main__":
    sys.exit(main())
