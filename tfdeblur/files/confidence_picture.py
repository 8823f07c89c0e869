"""How sure a result is, as a picture for people: a heat map beside the restored image."""

import cv2
import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.pictures import panels

# All lengths in pixels of the picture that is drawn.
_PANEL_SIDES = (320, 1000)  # the longer side of a panel is brought into this range
_BAR_WIDTH = 28
_BAR_HEIGHTS = (160, 400)
_TICKS = (1.0, 0.75, 0.5, 0.25, 0.0)
_LEGEND_COLUMNS = 110
# Its lightness grows evenly, so that equal steps of confidence look equal, also in gray and to
# people who see few colours.
_COLORS = cv2.COLORMAP_VIRIDIS


def confidence_picture(restored: np.ndarray, confidence: np.ndarray, score: float) -> np.ndarray:
    """Draws restored | confidence as colours | their legend, dark is 0 and bright is 1.

    Args:
        restored: uint8 `(height, width, 3)` RGB, at least 1x1.
        confidence: float `(height, width)` in [0, 1].
        score: confidence of the whole image, for the caption.

    Returns:
        uint8 `(rows, columns, 3)` RGB.

    Raises:
        InvalidInput: if the sizes differ or `confidence` is not in [0, 1].
    """
    if confidence.shape != restored.shape[:2]:
        raise InvalidInput(
            f"`confidence` must have the size of `restored`, {restored.shape[:2]}. "
            f"Received: confidence.shape={confidence.shape}"
        )
    if not (confidence.min() >= 0 and confidence.max() <= 1):  # NaN compares false
        raise InvalidInput(
            "`confidence` must be in [0, 1]. Received: values from "
            f"{confidence.min():.6g} to {confidence.max():.6g}"
        )
    height, width = confidence.shape
    scale = panels.scale_between(height, width, _PANEL_SIDES)
    size = panels.scaled_size(height, width, scale)
    way = cv2.INTER_AREA if scale <= 1 else cv2.INTER_NEAREST
    small = cv2.resize(np.ascontiguousarray(confidence, np.float32), size, interpolation=way)
    return panels.side_by_side(
        [
            panels.captioned("restored", panels.resized(restored, scale)),
            panels.captioned(f"confidence; of the whole image {score:.2f}", _colored(small)),
            _legend(small.shape[0]),
        ]
    )


def _colored(values: np.ndarray) -> np.ndarray:
    levels = np.round(255 * values).astype(np.uint8)
    return cv2.applyColorMap(levels, _COLORS)[..., ::-1]


def _legend(panel_rows: int) -> np.ndarray:
    """A bar from 1 (top) to 0 with its values."""
    rows = min(max(panel_rows, _BAR_HEIGHTS[0]), _BAR_HEIGHTS[1])
    bar = np.repeat(_colored(np.linspace(1, 0, rows)[:, None]), _BAR_WIDTH, axis=1)
    margin = panels.CAPTION_HEIGHT // 2
    values = panels.blank(rows + 2 * margin, _LEGEND_COLUMNS - _BAR_WIDTH)
    for tick in _TICKS:
        text = panels.caption(f"- {tick:.2f}", values.shape[1], 0.55)
        middle = round((1 - tick) * (rows - 1))  # the caption is two margins high
        values[middle : middle + text.shape[0]] = np.maximum(
            values[middle : middle + text.shape[0]], text
        )
    framed = np.pad(bar, ((margin, margin), (0, 0), (0, 0)), constant_values=panels.BACKGROUND)
    top = panels.blank(panels.CAPTION_HEIGHT - margin, _LEGEND_COLUMNS)
    return np.concatenate([top, np.concatenate([framed, values], axis=1)])
