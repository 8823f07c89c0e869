"""Parts of pictures that explain results: scaled panels, captions, columns side by side."""

from collections.abc import Sequence

import cv2
import numpy as np

# All lengths in pixels of the picture that is drawn.
GAP = 8
CAPTION_HEIGHT = 36
CAPTION_SIZE = 0.7  # in OpenCV's units: letters of about 15 pixels
NARROWEST = 320  # column of `captioned`
BACKGROUND = 24  # 8-bit level, for all three channels
TEXT = (235, 235, 235)
FEW_PIXELS = 24  # a side below which pixels are shown as squares
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def scale_between(height: int, width: int, sides: tuple[int, int]) -> float:
    """The scale that brings the longer side of an image between `sides` (least, most)."""
    longer = max(height, width)
    least, most = sides
    return min(max(1.0, least / longer), most / longer)


def scaled_size(height: int, width: int, scale: float) -> tuple[int, int]:
    """Columns and rows of a scaled image, as OpenCV takes sizes; each at least 1."""
    return max(1, round(width * scale)), max(1, round(height * scale))


def resized(image: np.ndarray, scale: float) -> np.ndarray:
    """A scaled copy; where there are only a few pixels, they stay visible as squares."""
    height, width = image.shape[:2]
    size = scaled_size(height, width, scale)
    if scale <= 1:
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    few = min(height, width) < FEW_PIXELS
    return cv2.resize(image, size, interpolation=cv2.INTER_NEAREST if few else cv2.INTER_CUBIC)


def blank(rows: int, columns: int) -> np.ndarray:
    """An empty part of a picture, uint8 `(rows, columns, 3)`."""
    return np.full((rows, columns, 3), BACKGROUND, np.uint8)


def centred(image: np.ndarray, columns: int) -> np.ndarray:
    """`image` in the middle of a part that is `columns` wide."""
    left = (columns - image.shape[1]) // 2
    right = columns - image.shape[1] - left
    return np.pad(image, ((0, 0), (left, right), (0, 0)), constant_values=BACKGROUND)


def caption(text: str, columns: int, size: float = CAPTION_SIZE) -> np.ndarray:
    """A line of text, ASCII, in smaller letters where it would not fit."""
    (width, _), _ = cv2.getTextSize(text, _FONT, size, 1)
    size *= min(1.0, (columns - 4) / max(1, width))
    strip = blank(CAPTION_HEIGHT, columns)
    cv2.putText(strip, text, (2, CAPTION_HEIGHT - 11), _FONT, size, TEXT, 1, cv2.LINE_AA)
    return strip


def captioned(text: str, image: np.ndarray) -> np.ndarray:
    """An image below its caption, wide enough for most of them."""
    columns = max(image.shape[1], NARROWEST)
    return np.concatenate([caption(text, columns), centred(image, columns)])


def stacked(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Parts below each other, filled up on the right to the width of the widest."""
    columns = max(part.shape[1] for part in parts)
    return np.concatenate([_filled(part, part.shape[0], columns) for part in parts])


def side_by_side(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Parts beside each other with gaps around them, filled up below to the highest."""
    rows = max(part.shape[0] for part in parts)
    row = [blank(rows, GAP)]
    for part in parts:
        row += [_filled(part, rows, part.shape[1]), row[0]]
    return np.concatenate(row, axis=1)


def _filled(part: np.ndarray, rows: int, columns: int) -> np.ndarray:
    fill = (0, rows - part.shape[0]), (0, columns - part.shape[1]), (0, 0)
    return np.pad(part, fill, constant_values=BACKGROUND)
