"""Text for people, of what is not made for them (standard library only)."""

import os
import textwrap

ERASE_LINE = "\r\x1b[K"  # for lines that are rewritten, on terminals only


def printable(path: str | os.PathLike) -> str:
    """`path` as text for one line: control characters, a newline say, are written as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in os.fspath(path))


def duration(seconds: float) -> str:
    """A time span for people: `40 s`, `12 min`, `3 h 05 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def shortened(name: str, width: int) -> str:
    """A name of at most so many characters: what is too long loses its middle."""
    if len(name) <= width:
        return name
    end = max(0, width - 1) // 2
    return (name[: max(0, width - 1 - end)] + "…" + name[len(name) - end :])[:width]


def hanging(head: str, text: str, columns: int | None) -> str:
    """`head` and `text`, which goes on below itself where it is wider than so many columns.

    Args:
        head: with the blanks behind it.
        columns: of the terminal; None: nothing is wrapped.
    """
    if columns is None or len(head) + len(text) < columns:
        return head + text
    room = max(20, columns - 1 - len(head))  # of a terminal that is narrower still, it wraps
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return f"\n{' ' * len(head)}".join([head + lines[0], *lines[1:]]) if lines else head


def wrapped(text: str, columns: int | None, indent: str = "") -> str:
    """Text whose lines are no wider than the terminal; words, and so paths, stay whole.

    Args:
        text: lines; one that is too wide goes on below itself, as far to the right as it begins.
        columns: of the terminal; None: nothing is wrapped.
        indent: what comes before the lines that go on.
    """
    if columns is None:
        return text
    lines = []
    for line in text.split("\n"):
        begins = line[: len(line) - len(line.lstrip())]
        whole = len(line) < columns
        lines += (
            [line]
            if whole
            else textwrap.wrap(
                line,
                max(20, columns - 1),
                subsequent_indent=begins + indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    return "\n".join(lines)
