"""Objects that move by themselves in front of a blurred background: their masks, and compositing.

Source of the idea: Carbajal, Vitoria, Lezama, Muse, "Assessing the Role of Datasets in the
    Generalization of Motion Deblurring Methods to Real Images", 2022, arXiv:2209.12675, whose
    training data give each segmented object of a photograph a motion of its own. We differ: no
    labels, but random shapes and segments by colour; and the background under an object is filled
    from around it, so that an object which moves as the background does is no object at all.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from tfdeblur.data.dynamic_paths import blur, reach_of

SHAPES = ("polygon", "ellipse", "segment")
_RADII = (0.12, 0.38)  # of a shape, as a part of the shorter side
_FEATHERS = (0.5, 1.5)  # standard deviation of a mask's edge, pixels
_SMALL = 64  # side of the copy in which segments are looked for, pixels
_SEGMENTS, _ROUNDS = 6, 5
_PLACE = 0.35  # weight of the place against the colour, both in units of the whole range
_AREAS = (0.03, 0.6)  # of a segment; others become a shape
_FILL = 0.02  # weight of the filled background where hardly any true one is left
_NOTHING = 1e-3


def draw_mask(generator: np.random.Generator, kind: str, image: np.ndarray) -> np.ndarray:
    """Draws where an object is in the middle of the exposure.

    Args:
        generator: is drawn from.
        kind: one of `SHAPES`; a segment that is too small or too large becomes an ellipse.
        image: `(height, width, 3)`, uint8; segments are parts of it that are alike.

    Returns:
        float32 `(height, width)` in [0, 1], with a soft edge.
    """
    mask = _segment(generator, image) if kind == "segment" else None
    if mask is None:
        mask = _shape(generator, image.shape[0], image.shape[1], round_one=kind != "polygon")
    return cv2.GaussianBlur(mask, (0, 0), generator.uniform(*_FEATHERS))


def composite(
    image: np.ndarray,
    masks: Sequence[np.ndarray],
    kernels: Sequence[np.ndarray],
    blur_background: Callable[[np.ndarray], np.ndarray],
    reach: int,
) -> np.ndarray:
    """Blurs the background and, in front of it, objects along their own paths.

    With each object, from the one farthest behind: blur(image mask) + (1 - blur(mask)) what is
    behind. The background is what is seen of it, blurred and divided by the blurred mask of it.

    Args:
        image: float32 `(height + 2 reach, width + 2 reach, 3)`, light in any unit.
        masks: float32 `(height + 2 reach, width + 2 reach)` in [0, 1], the nearest object last.
        kernels: one for each mask.
        blur_background: maps float32 `(height + 2 reach, width + 2 reach, channels)` to
            `(height, width, channels)`.
        reach: int, pixels cut off on each side; no kernel reaches further.

    Returns:
        float32 `(height, width, 3)`, in the range of `image`.
    """
    if not masks:
        return blur_background(image)
    uncovered = np.ones(image.shape[:2], np.float32)
    seen: list[np.ndarray] = []  # of each object, the nearest one first
    for mask in reversed(masks):
        seen.append(mask * uncovered)
        uncovered = uncovered * (1 - mask)
    result = _background(image, uncovered, blur_background, reach)
    for mask, kernel in zip(reversed(seen), kernels, strict=True):
        _put_in_front(result, _with_mask(image, mask), kernel, reach)
    return result


def _background(
    image: np.ndarray,
    uncovered: np.ndarray,
    blur_background: Callable[[np.ndarray], np.ndarray],
    reach: int,
) -> np.ndarray:
    """The blurred background, also where an object hides it."""
    layer = _with_mask(image, uncovered)
    around = cv2.blur(layer, (2 * reach + 1, 2 * reach + 1))
    filled = (around[..., :3] + _NOTHING * image) / (around[..., 3:] + _NOTHING)
    inside = slice(reach, image.shape[0] - reach), slice(reach, image.shape[1] - reach)
    blurred = blur_background(layer)
    return (blurred[..., :3] + _FILL * filled[inside]) / (blurred[..., 3:] + _FILL)


def _put_in_front(result: np.ndarray, layer: np.ndarray, kernel: np.ndarray, reach: int) -> None:
    """Adds a blurred object to `result`, only where it comes to be."""
    rows, columns = (np.flatnonzero(layer[..., 3].any(axis=axis)) for axis in (1, 0))
    if len(rows) == 0:
        return
    height, width = result.shape[:2]
    own = reach_of(kernel)
    # In pixels of `result`, which begins at pixel `reach` of the layer.
    top, left = (max(0, int(where[0]) - own - reach) for where in (rows, columns))
    bottom = min(height, int(rows[-1]) + 1 + own - reach)
    right = min(width, int(columns[-1]) + 1 + own - reach)
    if bottom <= top or right <= left:
        return
    part = layer[top : bottom + 2 * reach, left : right + 2 * reach]
    blurred = blur(part, kernel, reach)
    place = result[top:bottom, left:right]
    place *= 1 - blurred[..., 3:]
    place += blurred[..., :3]


def _with_mask(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`(height, width, 4)`: what of the image is seen, and the mask itself."""
    return np.dstack([image * mask[..., None], mask])


def _shape(generator: np.random.Generator, height: int, width: int, round_one: bool) -> np.ndarray:
    mask = np.zeros((height, width), np.float32)
    centre = generator.random(2) * (width, height)
    radii = generator.uniform(*_RADII, 2) * min(height, width)
    if round_one:
        angle = generator.uniform(0, 180)
        cv2.ellipse(mask, (centre.tolist(), (2 * radii).tolist(), angle), 1.0, -1)
        return mask
    corners = int(generator.integers(4, 10))
    angles = 2 * np.pi * (np.arange(corners) + 0.6 * generator.random(corners)) / corners
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    points = centre + directions * radii * generator.uniform(0.5, 1, (corners, 1))
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1.0)
    return mask


def _segment(generator: np.random.Generator, image: np.ndarray) -> np.ndarray | None:
    """The largest piece of a cluster of pixels alike in colour and place, without holes."""
    small = cv2.resize(image, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)
    place = np.stack(np.meshgrid(*2 * [np.linspace(0, 1, _SMALL)]), axis=-1)
    features = np.dstack([small / 255.0, _PLACE * place]).reshape(-1, 5)
    # Our own few lines: OpenCV's k-means draws from a state that threads share.
    centres = features[generator.choice(len(features), _SEGMENTS, replace=False)]
    for _ in range(_ROUNDS):
        nearest = np.argmin((centres**2).sum(axis=1) - 2 * features @ centres.T, axis=1)
        for k in range(_SEGMENTS):
            members = features[nearest == k]
            if len(members):
                centres[k] = members.mean(axis=0)
    chosen = (nearest == generator.integers(_SEGMENTS)).reshape(_SMALL, _SMALL)
    # Whole pieces: through holes and between crumbs the background would show, and letters on a
    # wall would move otherwise than the wall.
    closed = cv2.morphologyEx(chosen.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    piece = np.zeros((_SMALL, _SMALL), np.float32)
    if contours:
        cv2.drawContours(piece, [max(contours, key=cv2.contourArea)], -1, 1.0, cv2.FILLED)
    if not _AREAS[0] <= piece.mean() <= _AREAS[1]:
        return None
    soft = cv2.GaussianBlur(piece, (0, 0), 1.0)  # or steps of the small copy would show
    height, width = image.shape[:2]
    return (cv2.resize(soft, (width, height)) > 0.5).astype(np.float32)
