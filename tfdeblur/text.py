"""Text for people, of what is not made for them (standard library only)."""

import os

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
