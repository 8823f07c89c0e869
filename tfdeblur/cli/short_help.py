"""Help that fits a screen: what a command is for, its main options, examples; the rest by name."""

import argparse
import textwrap

_LONG = 60  # lines of the whole help, above which it is shortened
_WIDTH = 98
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


def short_help(parser: argparse.ArgumentParser) -> str:
    """The help of a command without its groups of further options, and with examples alone.

    Args:
        parser: its groups beyond argparse's own are named, with their options, not described.
    """
    positional, optional, *further = parser._action_groups
    formatter = parser._get_formatter()
    formatter.add_usage("%(prog)s [options] " + _inputs(parser), [], [])
    formatter.add_text(_first_paragraph(parser.description))
    for group in (positional, optional):
        formatter.start_section(group.title)
        formatter.add_arguments(group._group_actions)
        formatter.end_section()
    parts = [formatter.format_help()]
    if further:
        lines = [f"further options ({parser.prog} --help-all describes them):"]
        lines += [_names(group) for group in further if group._group_actions]
        parts.append("\n".join(lines) + "\n")
    examples = _examples(parser.epilog or "")
    return "\n".join([*parts, examples] if examples else parts)


def _inputs(parser: argparse.ArgumentParser) -> str:
    """What must be given, as the usage says it."""
    needed = [one for one in parser._actions if one.required and one.option_strings]
    named = [f"{one.option_strings[0]} {one.metavar or one.dest.upper()}" for one in needed]
    places = [one for one in parser._actions if not one.option_strings]
    for one in places:
        name = str(one.metavar or one.dest)
        named.append(f"{name} ..." if one.nargs == "+" else f"[{name}]" if one.nargs else name)
    return " ".join(named).replace("%", "%%")


def _first_paragraph(text: str | None) -> str | None:
    return None if text is None else text.strip().partition("\n\n")[0]


def _names(group: argparse._ArgumentGroup) -> str:
    names = ", ".join(one.option_strings[-1] for one in group._group_actions if one.option_strings)
    return textwrap.fill(
        f"{group.title}: {names}",
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="      ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def _examples(epilog: str) -> str:
    """Examples and exit codes, of the text at the end; all of it where there are none."""
    paragraphs = epilog.strip("\n").split("\n\n")
    shown = [one for one in paragraphs if one.lstrip().startswith(_SHOWN)]
    return "\n\n".join(shown or paragraphs) + "\n" if epilog.strip() else ""
