"""Side-by-side pictures: blurred | restored | sharp, with one place enlarged."""

import cv2
import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.pictures import panels
from tfdeblur.pictures.saliency import saliency_map

# All lengths in pixels of the picture that is drawn.
_PANEL_SIDES = (320, 800)  # the longer side of a panel is brought into this range
_NARROWEST_COLUMN = 280  # room for the longest label
_FRAME = (255, 196, 0)
_LEAST_SALIENCY = 0.05  # of places where nobody looks: something may have changed only there
_DETAIL_PART = 0.22  # side of the enlarged place, as part of the image's
_SMALLEST_DETAIL = panels.FEW_PIXELS  # pixels of the image


def place_to_look_at(
    blurred: np.ndarray, restored: np.ndarray, at: tuple[int, int] | None = None
) -> tuple[int, int, int, int]:
    """The window to enlarge: where a viewer looks first, of all that was changed.

    Saliency decides (`saliency_map`: faces, text, edges); how much a pixel changed counts only
    below the mean change, so that neither a flat sky nor the strongest edge wins by itself.

    Args:
        blurred, restored: uint8 `(height, width, 3)`, the same shape.
        at: column and row of the middle, pixels, in the place of that; taken to the border where
            it lies outside.

    Returns:
        top, left, height, width in pixels, inside the image.
    """
    height, width = blurred.shape[:2]
    window_height, window_width = (
        min(side, max(_SMALLEST_DETAIL, round(side * _DETAIL_PART))) for side in (height, width)
    )
    # Not higher than wide: enlarged, it would make the picture too tall for a screen.
    window_height = min(window_height, max(window_width, _SMALLEST_DETAIL))
    if at is None:
        interest = _interest(blurred, restored)
        # Twice a box of half the size: the window's middle counts most: what counts is there.
        box = max(1, window_width // 2), max(1, window_height // 2)
        for _ in range(2):
            interest = cv2.blur(interest, box, borderType=cv2.BORDER_CONSTANT)
        middle_row, middle_column = np.unravel_index(int(np.argmax(interest)), interest.shape)
    else:
        middle_column, middle_row = at
    top = min(max(0, int(middle_row) - window_height // 2), height - window_height)
    left = min(max(0, int(middle_column) - window_width // 2), width - window_width)
    return top, left, window_height, window_width


def _interest(blurred: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """float32 `(height, width)`: saliency of the result, where it differs from what it was."""
    height, width = blurred.shape[:2]
    change = cv2.absdiff(blurred, restored).mean(axis=-1, dtype=np.float32)
    change /= change + max(float(change.mean()), 1e-6)
    looked_at = saliency_map(restored).astype(np.float32) + np.float32(_LEAST_SALIENCY)
    return change * cv2.resize(looked_at, (width, height), interpolation=cv2.INTER_LINEAR)


def comparison(
    blurred: np.ndarray,
    restored: np.ndarray,
    sharp: np.ndarray | None = None,
    at: tuple[int, int] | None = None,
) -> np.ndarray:
    """Draws the images side by side, and below them one place, enlarged.

    Args:
        blurred, restored: uint8 `(height, width, 3)` RGB, the same shape, at least 1x1.
        sharp: the same, or None. With it, the labels give PSNR in dB against it, over all
            pixels and channels of the 8-bit images.
        at: which place, see `place_to_look_at`.

    Returns:
        uint8 `(rows, columns, 3)` RGB.

    Raises:
        InvalidInput: if the shapes differ.
    """
    images = {"blurred": blurred, "restored": restored}
    if sharp is not None:
        images["sharp"] = sharp
    check_alike(images)
    place = place_to_look_at(blurred, restored, at)
    return panels.side_by_side(
        [column(label(name, image, sharp), image, place) for name, image in images.items()]
    )


def check_alike(images: dict[str, np.ndarray]) -> None:
    """Refuses images that are not all uint8 and of the shape of the first, by their names."""
    first, *_ = images
    shape = images[first].shape
    for name, image in images.items():
        if image.shape != shape or image.dtype != np.uint8:
            raise InvalidInput(
                f"`{name}` must be uint8 with the shape of `{first}`, {shape}. "
                f"Received: {name}.shape={image.shape}, dtype={image.dtype}"
            )


def label(name: str, image: np.ndarray, sharp: np.ndarray | None) -> str:
    """`name`, with PSNR in dB against `sharp` where that is another image."""
    if sharp is None or name == "sharp":
        return name
    if np.array_equal(image, sharp):
        return f"{name}  equal to sharp"
    return f"{name}  {cv2.PSNR(image, sharp):.2f} dB"


def column(
    text: str,
    image: np.ndarray,
    place: tuple[int, int, int, int],
    sides: tuple[int, int] = _PANEL_SIDES,
) -> np.ndarray:
    """A captioned panel with a frame around `place`, and below it that place, enlarged.

    Args:
        text: the caption, ASCII.
        image: uint8 `(height, width, 3)`.
        place: from `place_to_look_at`.
        sides: least and most that the longer side of the panel has, pixels.
    """
    top, left, height, width = place
    panel = panels.resized(image, panels.scale_between(image.shape[0], image.shape[1], sides))
    columns = max(panel.shape[1], _NARROWEST_COLUMN)
    enlargement = columns / max(height, width)
    detail = panels.resized(image[top : top + height, left : left + width], enlargement)
    if (height, width) != image.shape[:2]:
        # Scales of the panel as it came out: a side of 1 pixel is not scaled like the other.
        down, right = (panel.shape[axis] / image.shape[axis] for axis in (0, 1))
        corner = round(left * right), round(top * down)
        opposite = round((left + width) * right) - 1, round((top + height) * down) - 1
        cv2.rectangle(panel, corner, opposite, _FRAME, 2)
    cv2.rectangle(detail, (0, 0), (detail.shape[1] - 1, detail.shape[0] - 1), _FRAME, 2)
    gap = panels.blank(panels.GAP, columns)
    return np.concatenate(
        [
            panels.caption(text, columns),
            panels.centred(panel, columns),
            gap,
            panels.centred(detail, columns),
            gap,
        ]
    )
