"""Text for people, of what is not made for them (standard library only)."""

import os


def printable(path: str | os.PathLike) -> str:
    """`path` as text for one line: control characters, a newline say, are written as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in os.fspath(path))
