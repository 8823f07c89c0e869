"""The shipped presets as a table for a terminal of 80 columns (standard library only)."""

import textwrap
from typing import Any

from tfdeblur.models.preset_card import Card

_WIDTH = 79
_HEADS = ("NAME", "S/MP", "MB", "GAIN")
_INDENT = "    "


def table(cards: list[Card]) -> str:
    """A few lines per preset; below them, which processor the seconds are of.

    Args:
        cards: of presets; what one does not tell is shown as "-", or left out.
    """
    rows = [_row(card) for card in cards]
    widths = [max(map(len, column)) for column in zip(_HEADS[:3], *rows, strict=True)]
    lines = [_line(_HEADS[:3], widths, _HEADS[3])]
    for card, row in zip(cards, rows, strict=True):
        gains = [f"{gain:+.1f} dB  {data}" for data, gain in card.get("gains_db", {}).items()]
        lines.append(_line(row, widths, gains[0] if gains else "-"))
        lines += [_line(("", "", ""), widths, gain) for gain in gains[1:]]
        lines += _wrapped(card.get("description", ""))
        lines += _wrapped("licence: " + "; ".join(card["licences"])) if "licences" in card else []
    notes = _notes_of_speed(cards)
    if any(card["default"] for card in cards):
        notes.append("* is taken where no model is named.")
    return "\n".join(lines + ([""] + notes if notes else []))


def _row(card: Card) -> tuple[str, str, str]:
    speed = _speed(card)
    return (
        card["name"] + ("*" if card["default"] else ""),
        "-" if speed is None else f"{speed[0]:.3g}",
        f"{card['megabytes']:.1f}" if "megabytes" in card else "-",
    )


def _line(row: tuple[str, ...], widths: list[int], gain: str) -> str:
    name, *numbers = row
    cells = [name.ljust(widths[0])]
    cells += [text.rjust(width) for text, width in zip(numbers, widths[1:], strict=True)]
    return "  ".join([*cells, gain])


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)


def _notes_of_speed(cards: list[Card]) -> list[str]:
    """What the seconds mean, a line for each processor."""
    names: dict[str, list[str]] = {}
    for card in cards:
        if _speed(card) is not None:
            names.setdefault(_speed(card)[1], []).append(card["name"])
    several = len(names) > 1
    return [
        f"S/MP: seconds for a million pixels on {where}" + (f": {', '.join(of)}" if several else "")
        for where, of in names.items()
    ]


def _speed(card: Card) -> Any:
    """`(seconds, processor)` that stands first in the card; None where there is none."""
    return next(((s, name) for name, s in card.get("seconds_per_megapixel", {}).items()), None)
