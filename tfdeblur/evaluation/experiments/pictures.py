"""Pictures that go with the numbers: rows of images with captions, scatter plots, curves.

Drawn with OpenCV: a plotting library would be one more thing to install for two kinds of plots.
"""

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

from tfdeblur.image.codec import to_uint8
from tfdeblur.pictures import panels
from tfdeblur.pictures.compare import column, place_to_look_at

# All lengths in pixels of the picture that is drawn.
_SIDES = (280, 400)  # the longer side of an image is brought into this range
_PLOT, _MARGIN = (480, 640), 56  # height and width of a plot; room for its numbers
_LETTERS = 0.45  # in OpenCV's units: letters of about 10 pixels
_GRAY = (120, 120, 120)
_COLORS = ((86, 180, 233), (230, 159, 0), (0, 200, 140), (240, 228, 66), (204, 121, 167))

Row = Mapping[str, np.ndarray]
Place = Callable[[np.ndarray], tuple[int, int]]


def panel(rows: Sequence[Row]) -> np.ndarray:
    """Rows of images, each with a caption, and below each image the same place, enlarged.

    The place is where the first and the last but one image of the first row differ most: as
    these are the blurred and the restored image, where most was done.

    Args:
        rows: caption -> image `(height, width, 3)`, uint8 or float in [0, 1], one size in all
            rows; each row has at least one.

    Returns:
        uint8 `(rows, columns, 3)` RGB.
    """
    first = [to_uint8(image) for image in rows[0].values()]
    place = place_to_look_at(first[0], first[max(0, len(first) - 2)])
    return panels.stacked(
        [
            panels.side_by_side(
                [column(text, to_uint8(image), place, _SIDES) for text, image in row.items()]
            )
            for row in rows
        ]
    )


def scatter(x: Sequence[float], y: Sequence[float], labels: tuple[str, str]) -> np.ndarray:
    """A dot for every pair of numbers, with axes in their units.

    Args:
        x, y: equally many; pairs that are not finite are left out.
        labels: of the two axes.

    Returns:
        uint8 `(height, width, 3)` RGB.
    """
    points = _finite(list(zip(x, y, strict=True)))
    plot, place = _axes(points, labels)
    for point in points:
        cv2.circle(plot, place(point), 4, _COLORS[0], cv2.FILLED, cv2.LINE_AA)
    return plot


def curves(
    lines: Mapping[str, Sequence[tuple[float, float]]], labels: tuple[str, str]
) -> np.ndarray:
    """A line for every name through its points.

    Args:
        lines: name -> points (x, y); points that are not finite are left out.
        labels: of the two axes.

    Returns:
        uint8 `(height, width, 3)` RGB.
    """
    finite = {name: _finite(points) for name, points in lines.items()}
    plot, place = _axes(np.concatenate([np.empty((0, 2)), *finite.values()]), labels)
    for i, (name, points) in enumerate(finite.items()):
        color = _COLORS[i % len(_COLORS)]
        if len(points):
            path = np.array([place(point) for point in points], np.int32)
            cv2.polylines(plot, [path], False, color, 2, cv2.LINE_AA)
        _write(plot, name, (_MARGIN + 12, _MARGIN + 18 * i), color)
    return plot


def _finite(points: Sequence[tuple[float, float]]) -> np.ndarray:
    array = np.array(points, float).reshape(-1, 2)
    return array[np.isfinite(array).all(axis=1)]


def _axes(points: np.ndarray, labels: tuple[str, str]) -> tuple[np.ndarray, Place]:
    """An empty plot, and a function from (x, y) to the pixel (column, row) that shows it."""
    plot = panels.blank(*_PLOT)
    low = points.min(axis=0) if len(points) else np.zeros(2)
    high = points.max(axis=0) if len(points) else np.ones(2)
    room = np.where(high > low, 0.05 * (high - low), 0.5)  # one point alone stands in the middle
    low, high = low - room, high + room
    begin = np.array([_MARGIN, _PLOT[0] - _MARGIN])
    end = np.array([_PLOT[1] - _MARGIN // 2, _MARGIN // 2])

    def place(point: np.ndarray) -> tuple[int, int]:
        right, down = begin + (point - low) / (high - low) * (end - begin)
        return round(float(right)), round(float(down))

    cv2.rectangle(plot, begin.tolist(), end.tolist(), _GRAY, 1)
    for part in (0.0, 0.5, 1.0):
        point = low + part * (high - low)
        right, down = place(point)
        _write(plot, f"{point[0]:.4g}", (right - 14, _PLOT[0] - _MARGIN + 18))
        _write(plot, f"{point[1]:.4g}", (4, down + 4))
    _write(plot, labels[0], (_PLOT[1] // 2 - 60, _PLOT[0] - 12))
    _write(plot, labels[1], (_MARGIN, _MARGIN // 2 - 8))
    return plot, place


def _write(image: np.ndarray, text: str, place: tuple[int, int], color=panels.TEXT) -> None:
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, _LETTERS, color, 1, cv2.LINE_AA)
