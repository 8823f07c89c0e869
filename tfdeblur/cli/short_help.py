"""Help that fits a screen: what a command is for, its main options, examples; the rest by name."""

import argparse
import shutil
import textwrap
from collections.abc import Sequence

_LONG = 60  # lines of the whole help, above which it is shortened
_WIDTH = 98
_CODES = "exit codes:"
_SHOWN = ("examples", "typical", "exit codes")  # how paragraphs begin that are kept


class ShowAll(argparse.Action):
    """The option `--help-all`: prints the whole help and ends."""

    def __init__(self, option_strings, dest, help=None):  # noqa: A002 (argparse's name)
        super().__init__(option_strings, argparse.SUPPRESS, 0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser, namespace, values, option_string=None):
        """See argparse."""
        print(parser.format_whole_help(), end="")
        parser.exit()


def is_long(whole: str) -> bool:
    """Whether a help of this text is shortened."""
    return whole.count("\n") > _LONG


def short_help(parser: argparse.ArgumentParser, described: Sequence[str] = ()) -> str:
    """The help of a command without its groups of further options, and with examples alone.

    Args:
        parser: its groups beyond argparse's own are named, with their options, not described.
        described: options of those groups that are described all the same.
    """
    positional, optional, *further = parser._action_groups
    formatter = parser._get_formatter()
    formatter.add_usage("%(prog)s [options] " + _inputs(parser), [], [])
    formatter.add_text(_first_paragraph(parser.description))
    for group in (positional, optional):
        formatter.start_section(group.title)
        help_first = 2 if group is optional else 0  # --help and --help-all, then what is used most
        actions = group._group_actions
        formatter.add_arguments(actions[:help_first])
        if group is optional:
            formatter.add_arguments(_of(further, described))
        formatter.add_arguments(actions[help_first:])
        formatter.end_section()
    parts = [formatter.format_help()]
    if further:
        lines = [f"further options ({parser.prog} --help-all describes them):"]
        lines += [line for group in further if (line := _names(group, described))]
        parts.append("\n".join(lines) + "\n")
    examples = _examples(parser.epilog or "")
    return "\n".join([*parts, examples] if examples else parts)


def _inputs(parser: argparse.ArgumentParser) -> str:
    """What must be given, as the usage says it."""
    needed = [one for one in parser._actions if one.required and one.option_strings]
    named = [_with_value(one) for one in needed]
    for either in parser._mutually_exclusive_groups:
        if either.required:
            named.append(f"({' | '.join(_with_value(one) for one in either._group_actions)})")
    places = [one for one in parser._actions if not one.option_strings]
    for one in places:
        name = str(one.metavar or one.dest)
        named.append(f"{name} ..." if one.nargs == "+" else f"[{name}]" if one.nargs else name)
    return " ".join(named).replace("%", "%%")


def _with_value(action: argparse.Action) -> str:
    return f"{action.option_strings[0]} {action.metavar or action.dest.upper()}"


def _first_paragraph(text: str | None) -> str | None:
    return None if text is None else text.strip().partition("\n\n")[0]


def _of(groups: Sequence[argparse._ArgumentGroup], options: Sequence[str]) -> list[argparse.Action]:
    """The actions of these options, in the order of the options."""
    known = {o: one for group in groups for one in group._group_actions for o in one.option_strings}
    return [known[option] for option in options]


def _names(group: argparse._ArgumentGroup, described: Sequence[str]) -> str:
    """The options of a group that are not described; empty where all are."""
    options = [one.option_strings[-1] for one in group._group_actions if one.option_strings]
    names = ", ".join(one for one in options if one not in described)
    if not names:
        return ""
    return textwrap.fill(
        f"{group.title}: {names}",
        _columns(),
        initial_indent="  ",
        subsequent_indent="      ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def _examples(epilog: str) -> str:
    """Examples and exit codes, of the text at the end; all of it where there are none."""
    paragraphs = epilog.strip("\n").split("\n\n")
    shown = [one for one in paragraphs if one.lstrip().startswith(_SHOWN)]
    shown = [wrapped(one, _columns()) for one in shown or paragraphs]
    return "\n\n".join(shown) + "\n" if epilog.strip() else ""


def _columns() -> int:
    return min(_WIDTH, shutil.get_terminal_size().columns - 2)  # as argparse has it


def wrapped(paragraph: str, width: int) -> str:
    """A paragraph of prose, or of exit codes, no wider than that; what is laid out stays."""
    lines = paragraph.splitlines()
    head = lines[:1] if lines and lines[0] == _CODES else []
    prose = lines[len(head) :]
    indent = "  " if head else ""
    laid_out = any(line.startswith(indent + " ") for line in prose)
    if laid_out or max(map(len, lines), default=0) <= width:
        return paragraph
    text = textwrap.fill(
        " ".join(line.strip() for line in prose),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join([*head, text])
