"""What the pages share: places that differ most, pictures as JPEG, and how both are named."""

from pathlib import Path

import cv2
import numpy as np

from tfdeblur.image.atomic import write_atomically

SIDE = 64  # pixels of a place; smaller in images that are smaller than four of them
PLACES = 3  # that are shown of each result
LONGEST = 1280  # side of pictures, pixels
QUALITY = 90


def folder_of(page: Path) -> str:
    """Name of the folder with a page's pictures, beside it."""
    return f"{page.stem}_pictures"


def picture_name(number: int, kind: str) -> str:
    """File name of a picture: number of the image, then "blurred", "s0", "e0", "h0", ..."""
    return f"{number:05d}-{kind}.jpg"


def place_side(height: int, width: int) -> int:
    """Pixels a side of the places of an image."""
    return max(1, min(SIDE, height // 4, width // 4))


def worst_places(error: np.ndarray) -> list[tuple[int, int]]:
    """`(top, left)` of squares that do not overlap, in order of their mean squared error.

    Args:
        error: `(height, width)`.
    """
    side = place_side(*error.shape)
    sums = np.pad(np.square(error, dtype=np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    means = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    places = []
    for _ in range(PLACES):
        top, left = np.unravel_index(int(np.argmax(means)), means.shape)
        if means[top, left] < 0:
            break
        places.append((int(top), int(left)))
        means[max(top - side + 1, 0) : top + side, max(left - side + 1, 0) : left + side] = -1
    return places


def small(image: np.ndarray, longest: int) -> np.ndarray:
    """The image, or a smaller one whose sides are `longest` pixels at most."""
    height, width = image.shape[:2]
    scale = min(1.0, longest / max(height, width))
    if scale == 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def write_jpeg(path: Path, picture: np.ndarray, quality: int = QUALITY) -> None:
    """Writes uint8 `(height, width, 3)` RGB.

    Raises:
        DataError: if it cannot be written.
    """
    data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    write_atomically(path, data.tobytes())
