"""The parser of all commands: its help fits a screen, its errors are two lines."""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from tfdeblur.cli.common import terminal_columns
from tfdeblur.cli.short_help import ShowAll, is_long, short_help, wrapped
from tfdeblur.errors import EXIT_USAGE
from tfdeblur.models.shipped import shipped_presets
from tfdeblur.near import did_you_mean, near_names
from tfdeblur.text import wrapped as wrapped_text

# How argparse begins to tell that something is missing.
_MISSING = ("the following arguments are required", "one of the arguments")


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Wraps prose where the terminal is narrower than it; keeps lists and examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        whole = super()._fill_text(text, width, indent)
        return "\n\n".join(wrapped(one, width) for one in whole.split("\n\n"))


class Parser(argparse.ArgumentParser):
    """A parser that tells of an unknown option by itself, with the known one that is nearest.

    argparse leaves that to the outermost parser, which knows neither the command nor its options,
    and tells of what is missing first: the option that was misspelt is the more useful news.
    Its help is short where the whole one is long (`short_help`); `--help-all` shows that. Its
    errors come without the usage, which is longer than a screen and hides them.

    Attributes:
        described: options of further groups that the short help describes as well.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        if options.get("formatter_class") is argparse.RawDescriptionHelpFormatter:
            options["formatter_class"] = Formatter
        super().__init__(*args, **options)
        self.described: Sequence[str] = ()
        self._given: Any = None
        self.add_argument(
            "--help-all", action=ShowAll, help="show all options and explanations, and exit"
        )

    def format_help(self) -> str:
        """See argparse; shortened where it is long."""
        whole = self.format_whole_help()
        return short_help(self, self.described) if is_long(whole) else whole

    def format_whole_help(self) -> str:
        """All options and all explanations."""
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """See argparse; the usage is a command away."""
        if message.startswith(_MISSING) and (unknown := self._unknown()):
            message = _unrecognized(unknown, self._actions)
        text = wrapped_text(f"{self.prog}: error: {message}", terminal_columns(sys.stderr))
        self.exit(EXIT_USAGE, f"{text}\nsee {self.prog} --help\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """See argparse; nothing is left over."""
        self._given = args
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(_unrecognized(unknown, self._actions))
        return found, unknown

    def _unknown(self) -> list[str]:
        """What of the command line means nothing, were all there that must be."""
        parts: list[Any] = [*self._actions, *self._mutually_exclusive_groups]
        needed = [one for one in parts if one.required]
        for one in needed:
            one.required = False
        try:
            return super().parse_known_args(self._given)[1]
        finally:
            for one in needed:
                one.required = True

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:
            raise argparse.ArgumentError(None, _no_command(self.prog, value, list(action.choices)))
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            if hint := did_you_mean(str(value), map(str, action.choices or ())):
                error.message = f"{error.message}.{hint}"
            raise


def _unrecognized(unknown: Sequence[str], known: Sequence[argparse.Action]) -> str:
    text = f"unrecognized arguments: {' '.join(unknown)}"
    name = unknown[0].partition("=")[0]
    options = [option for one in known for option in one.option_strings]
    if not name.startswith("-"):
        needed = [one.option_strings[-1] for one in known if one.required and one.option_strings]
        meant = "--model" if "--model" in options and name in shipped_presets() else ""
        meant = meant or ("--data" if "--data" in options else next(iter(needed), ""))
        return text + (f". Did you mean {meant} {name}?" if meant else "")
    near = near_names(name, options)
    if not near and len(name) == 2 and name[0] == "-":  # one letter, as other programs have it
        needed = [option for one in known if one.required for option in one.option_strings]
        near = [one for one in (*needed, *options) if one.startswith(f"-{name}")][:1]
    return text + "".join(f". Did you mean {one}?" for one in near)


def _no_command(program: str, name: str, commands: Sequence[str]) -> str:
    """That there is no such command, and what may have been meant."""
    from tfdeblur.files.inputs import is_taken

    text = f"no command {name!r}"
    if "deblur" in commands and (os.path.exists(name) or is_taken(name)):
        folder = "restored/" if os.path.isdir(name) else "."
        return f"{text}. To restore it: {program} deblur {shlex.quote(name)} --out {folder}"
    for near in near_names(name, commands):
        return f"{text}. Did you mean {near}?"
    return f"{text}: there are {', '.join(commands)}"
