"""Tables that fit the terminal: what is too much is left out, which the files still have."""

from collections.abc import Sequence

from tfdeblur.text import shortened

_LEAST = 16  # characters of a name that tell images apart
_GAP = "  "


def fitted(
    heads: Sequence[str], rows: Sequence[Sequence[str]], columns: int, drop: Sequence[str] = ()
) -> list[str]:
    """Lines of a table of that width, a line for the heads and one for each row.

    Args:
        heads, rows: the first cell is a name, which is shortened in its middle; others are to the
            right.
        columns: of the terminal.
        drop: heads of columns that are left out for the room of the names, the first one first.
    """
    kept = list(range(1, len(heads)))
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    wanted = min(widths[0], _LEAST)
    waiting = [heads.index(head) for head in drop]
    while waiting and _room(widths, kept, columns) < wanted:
        kept.remove(waiting.pop(0))
    name = min(widths[0], max(_room(widths, kept, columns), wanted))
    return [_line(row, name, kept, widths) for row in (heads, *rows)]


def in_blocks(heads: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> list[str]:
    """Lines of a table, as `fitted`; columns that do not fit come below, under the same names."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    name = min(widths[0], 2 * _LEAST)
    blocks: list[list[int]] = [[]]
    for number in range(1, len(heads)):
        taken = name + sum(widths[k] + len(_GAP) for k in (*blocks[-1], number))
        if blocks[-1] and taken >= columns:
            blocks.append([])
        blocks[-1].append(number)
    lines = []
    for block in blocks:
        head, *rest = (_line(row, name, block, widths) for row in (heads, *rows))
        lines += ["", head, "-" * len(head), *rest]
    return lines[1:]


def _room(widths: Sequence[int], kept: Sequence[int], columns: int) -> int:
    """Columns for the names."""
    return columns - 1 - sum(widths[k] + len(_GAP) for k in kept)


def _line(row: Sequence[str], name: int, kept: Sequence[int], widths: Sequence[int]) -> str:
    cells = [f"{row[k]:>{widths[k]}}" for k in kept]
    return _GAP.join([f"{shortened(row[0], name):<{name}}", *cells]).rstrip()
