"""Curves over epochs as one picture: a panel for each measure, a dot for each point."""

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from tfdeblur.pictures import panels

Points = Sequence[tuple[float, float]]

# All lengths in pixels.
_HEIGHT, _WIDTH = 260, 460  # of the field within the axes
_LEFT, _BELOW, _EDGE = 90, 30, 14  # room for numbers, and around
_AXIS = (110, 110, 110)
_GRID = (52, 52, 52)
_COLOURS = ((90, 170, 255), (255, 196, 0), (120, 220, 120), (255, 120, 120), (200, 150, 255))
_SMALL = 0.45  # letters, in OpenCV's units
_FEW_POINTS = 60  # more of them run into each other: only the line is drawn
_TICKS = 4


def draw_curves(curves: Mapping[str, Mapping[str, Points]]) -> np.ndarray:
    """Draws panels below each other, two in a row.

    Args:
        curves: title -> name of a curve -> its points `(x, y)`, x growing; those whose y is no
            number are left out. Panels without any point are left out.

    Returns:
        uint8 `(rows, columns, 3)` RGB; a caption alone where there is nothing to draw.
    """
    drawn = []
    for title, named in curves.items():
        finite = {
            name: [(x, y) for x, y in points if np.isfinite(y)] for name, points in named.items()
        }
        kept = {name: points for name, points in finite.items() if points}
        if kept:
            drawn.append(_panel(title, kept))
    if not drawn:
        return panels.caption("nothing to draw yet", panels.NARROWEST)
    rows = [drawn[i : i + 2] for i in range(0, len(drawn), 2)]
    return panels.stacked([panels.side_by_side(row) for row in rows])


def _panel(title: str, curves: Mapping[str, Points]) -> np.ndarray:
    points = np.array([point for one in curves.values() for point in one], float)
    low, high = _range(points[:, 1])
    first, last = points[:, 0].min(), points[:, 0].max()
    field = panels.blank(_HEIGHT + _BELOW + _EDGE, _LEFT + _WIDTH + _EDGE)

    def place(x: float, y: float) -> tuple[int, int]:
        along = 0.5 if last == first else (x - first) / (last - first)
        up = (y - low) / (high - low)
        return _LEFT + round(along * _WIDTH), _EDGE + round((1 - up) * _HEIGHT)

    for value in _ticks(low, high):
        _, row = place(first, value)
        cv2.line(field, (_LEFT, row), (_LEFT + _WIDTH, row), _GRID, 1)
        _write(field, f"{value:.6g}", (4, row + 5))
    cv2.rectangle(field, (_LEFT, _EDGE), (_LEFT + _WIDTH, _EDGE + _HEIGHT), _AXIS, 1)
    for x in sorted({first, last}):
        column, _ = place(float(x), low)
        _write(field, f"{x:g}", (column - 6, _EDGE + _HEIGHT + 20))
    _write(field, "epoch", (_LEFT + _WIDTH // 2 - 60, _EDGE + _HEIGHT + 20))
    for number, one in enumerate(curves.values()):
        _line(field, [place(x, y) for x, y in one], _COLOURS[number % len(_COLOURS)])
    parts = [panels.caption(title, field.shape[1]), field]
    if len(curves) > 1:
        parts.insert(1, _legend(list(curves), field.shape[1]))
    return np.concatenate(parts)


def _line(field: np.ndarray, places: Sequence[tuple[int, int]], colour: tuple[int, ...]) -> None:
    cv2.polylines(field, [np.array(places, np.int32)], False, colour, 2, cv2.LINE_AA)
    if len(places) <= _FEW_POINTS:
        for one in places:
            cv2.circle(field, one, 4, colour, -1, cv2.LINE_AA)


def _range(values: np.ndarray) -> tuple[float, float]:
    """Where the axis begins and ends: some room around, but none below 0 for what never is."""
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return max(low - room, 0.0) if low >= 0 else low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between both: 1, 2 or 5 times a power of ten apart, about `_TICKS` of them."""
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= 0.999 * rough)
    return [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _legend(names: Sequence[str], columns: int) -> np.ndarray:
    strip = panels.blank(24, columns)
    left = _LEFT
    for number, name in enumerate(names):
        cv2.circle(strip, (left, 12), 4, _COLOURS[number % len(_COLOURS)], -1, cv2.LINE_AA)
        _write(strip, name, (left + 10, 17))
        left += 30 + 9 * len(name)
    return strip


def _write(picture: np.ndarray, text: str, at: tuple[int, int]) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, _SMALL, panels.TEXT, 1, cv2.LINE_AA)
