"""That another shipped preset is much faster: said where there is much to restore."""

from collections.abc import Mapping
from typing import Any

from tfdeblur.errors import TfdeblurError
from tfdeblur.models.preset_card import Card, read_card
from tfdeblur.models.shipped import shipped_folder, shipped_presets

_WORTH = 4.0  # times as fast, for it to be said


def faster_preset(model: str | None) -> str:
    """A line for people: which shipped preset is much faster than this one, and what it gains.

    Args:
        model: what restores: told of a shipped preset only.

    Returns:
        The line; "" where there is none, or the cards do not tell it.
    """
    own = _card(model or "")
    best: tuple[float, str] | None = None
    for name in shipped_presets():
        other = _card(name)
        for where, seconds in _speeds(own).items():
            times = seconds / _speeds(other).get(where, seconds)
            if times >= _WORTH and (best is None or times > best[0]):
                gains = _gains(own, other)
                best = times, f"--model {name} is {times:.0f} times as fast as {model}{gains}."
    return best[1] if best else ""


def _gains(own: Card, other: Card) -> str:
    """What both gain on the first set that both were measured on."""
    ours: Mapping[str, Any] = own.get("gains_db", {})
    theirs: Mapping[str, Any] = other.get("gains_db", {})
    for data in ours:
        if data in theirs:
            return f", and gains {theirs[data]:.1f} dB in place of {ours[data]:.1f} ({data})"
    return ""


def _speeds(card: Card) -> Mapping[str, float]:
    return card.get("seconds_per_megapixel", {})


def _card(name: str) -> Card:
    folder = shipped_folder(name)
    try:
        return {} if folder is None else read_card(folder)
    except TfdeblurError:
        return {}  # a damaged one is told where it is loaded
