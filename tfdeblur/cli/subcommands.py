"""Commands that consist of commands, such as `tfdeblur data` and `tfdeblur experiment`."""

import argparse
from typing import Any

from tfdeblur.errors import EXIT_USAGE


def add_subcommands(
    commands: Any, name: str, *, short: str, description: str, epilog: str, metavar: str, what: str
) -> Any:
    """Adds a command that, without one of its own commands, shows its help.

    Args:
        commands: where to add it.
        name: of the command.
        short, description, epilog: of its help.
        metavar, what: what its commands are called in the help, and the line above them.

    Returns:
        Where its commands are added.
    """
    parser = commands.add_parser(
        name,
        help=short,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def show_help(arguments: argparse.Namespace) -> int:
        parser.print_help()
        return EXIT_USAGE

    parser.set_defaults(run_command=show_help)
    return parser.add_subparsers(metavar=metavar, help=what)
