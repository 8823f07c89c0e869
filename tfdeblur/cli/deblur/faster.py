"""That another shipped preset is much faster: said where there is much to restore."""

from collections.abc import Mapping
from typing import Any

from tfdeblur.errors import TfdeblurError
from tfdeblur.models.preset_card import Card, read_card
from tfdeblur.models.shipped import shipped_folder, shipped_presets

_WORTH = 4.0  # times as fast, for it to be said


def faster_preset(model: str | None) -> str:
    """A line for people: which shipped preset is much faster than this one, and what it gains.

    Of several, the one that gains most.

    Args:
        model: what restores: told of a shipped preset only.

    Returns:
        The line; "" where there is none, or the cards do not tell it.
    """
    own = _card(model or "")
    best: tuple[float, str] | None = None
    for name in shipped_presets():
        other = _card(name)
        found = _both_gain(own, other)
        for where, seconds in _speeds(own).items():
            times = seconds / _speeds(other).get(where, seconds)
            gain = found[1] if found else float("-inf")
            if times >= _WORTH and (best is None or gain > best[0]):
                line = f"--model {name} is {times:.0f} times as fast as {model}"
                best = gain, f"{line}{_gains(found)}."
    return best[1] if best else ""


def _gains(found: tuple[float, float, str] | None) -> str:
    if found is None:
        return ""
    ours, theirs, data = found
    return f", and gains {theirs:.1f} dB in place of {ours:.1f} ({data})"


def _both_gain(own: Card, other: Card) -> tuple[float, float, str] | None:
    """What both gain on the first set that both were measured on, and its name."""
    ours: Mapping[str, Any] = own.get("gains_db", {})
    theirs: Mapping[str, Any] = other.get("gains_db", {})
    for data in ours:
        if data in theirs:
            return ours[data], theirs[data], data
    return None


def _speeds(card: Card) -> Mapping[str, float]:
    return card.get("seconds_per_megapixel", {})


def _card(name: str) -> Card:
    folder = shipped_folder(name)
    try:
        return {} if folder is None else read_card(folder)
    except TfdeblurError:
        return {}  # a damaged one is told where it is loaded
