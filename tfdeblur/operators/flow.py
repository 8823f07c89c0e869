"""Motion flows as arrays: one sign of two, flips, turns, crops, pictures.

A flow holds, for every pixel, the line along which light is smeared during the exposure:
float `(..., height, width, 2)`, pixels, u to the right and v downwards. The line passes
through the pixel at its middle, so (u, v) and (-u, -v) are the same blur.
"""

from types import ModuleType
from typing import Any

import cv2
import numpy as np

from tfdeblur.errors import InvalidInput

FLIPS = ("horizontal", "vertical")
_HEAD = 0.25  # of an arrow, as a part of its length
_FRACTION_BITS = 4  # OpenCV draws at 1/16 pixel
_LIGHT, _DARK = (255, 230, 0), (0, 0, 0)


def array_module(array: Any) -> ModuleType:
    """NumPy for NumPy arrays, else tensorflow: for formulas that serve both."""
    if isinstance(array, np.ndarray | np.generic):
        return np
    import tensorflow as tf  # here: whoever only handles NumPy flows need not wait for it

    return tf


def canonical_flow(flow: Any) -> Any:
    """Picks of (u, v) and (-u, -v) the one with u >= 0, and v >= 0 where u = 0.

    Args:
        flow: float `(..., height, width, 2)`, pixels; a NumPy array or a tensor.

    Returns:
        The same kind, shape and dtype, and the same blur. No entry is -0.0.

    Source: Gong et al., CVPR 2017, sec. 4.1 (u >= 0). There v keeps either sign where u = 0;
        here one of the two is chosen, so that equal blurs are equal arrays.
    """
    where = array_module(flow).where
    u, v = flow[..., :1], flow[..., 1:]
    flow = where((u < 0) | ((u == 0) & (v < 0)), -flow, flow)
    # Not `flow + 0`, which graph optimizers leave out.
    return where(flow == 0, flow * flow, flow)


def flip_flow(flow: Any, axis: str) -> Any:
    """The flow of a mirrored image: pixels change places and motions are mirrored.

    Args:
        flow: float `(..., height, width, 2)`, pixels; a NumPy array or a tensor.
        axis: "horizontal" (left and right change places) or "vertical" (top and bottom).

    Returns:
        The same kind, shape and dtype, canonical.

    Raises:
        InvalidInput: if `axis` is neither.
    """
    if axis not in FLIPS:
        raise InvalidInput(f"`axis` must be one of {', '.join(FLIPS)}. Received: axis={axis!r}")
    flow = flow[..., ::-1, :] if axis == "horizontal" else flow[..., ::-1, :, :]
    # (-u, v) and (u, -v) are the same blur, so both mirrors do this.
    return canonical_flow(array_module(flow).stack((flow[..., 0], -flow[..., 1]), -1))


def turn_flow(flow: Any, turns: int) -> Any:
    """The flow of an image that is turned counter-clockwise by quarter turns.

    Args:
        flow: float `(..., height, width, 2)`, pixels; a NumPy array or a tensor.
        turns: int, number of quarter turns, as `tf.image.rot90` takes it.

    Returns:
        The same kind and dtype, canonical; height and width change places for odd `turns`.
    """
    module = array_module(flow)
    transpose = module.matrix_transpose if module is np else module.linalg.matrix_transpose

    def turn(component: Any) -> Any:
        return transpose(component)[..., ::-1, :]

    u, v = flow[..., 0], flow[..., 1]
    for _ in range(turns % 4):
        u, v = turn(v), -turn(u)
    return canonical_flow(module.stack((u, v), -1))


def crop_flow(flow: Any, top: int, left: int, height: int, width: int) -> Any:
    """The flow of a part of an image; motions stay what they are.

    Args:
        flow: float `(..., height, width, 2)`, pixels; a NumPy array or a tensor.
        top, left: int >= 0, first row and column, pixels.
        height, width: int >= 1, size of the part, pixels.

    Returns:
        `(..., height, width, 2)`, the same kind and dtype.

    Raises:
        InvalidInput: if the part is not inside, where the sizes are known.
    """
    for name, first, size, whole in (
        ("height", top, height, flow.shape[-3]),
        ("width", left, width, flow.shape[-2]),
    ):
        if first < 0 or size < 1 or (whole is not None and first + size > whole):
            raise InvalidInput(
                f"The crop must lie inside the flow, whose {name} is {whole}. "
                f"Received: {name}={size} from {first} on"
            )
    return flow[..., top : top + height, left : left + width, :]


def flow_to_color(
    flow: np.ndarray, max_extent: float | None = None, directed: bool = False
) -> np.ndarray:
    """A picture of a flow: the hue is the direction, the saturation the length.

    Args:
        flow: float `(height, width, 2)`, pixels.
        max_extent: > 0, length that has full colour (longer ones as well), pixels; None: the
            longest of this flow.
        directed: whether (u, v) and (-u, -v) differ. Not so for blur: a full circle of hues
            then covers half a turn, so that opposite motions have one colour and nearly
            vertical ones, between which canonical flows jump, nearly the same.

    Returns:
        uint8 `(height, width, 3)`, RGB; white where nothing moves.

    Raises:
        InvalidInput: if `flow` or `max_extent` is not what it must be.

    Source: Baker et al., A database and evaluation methodology for optical flow, IJCV 2011
        (colour wheel). We differ: hue and saturation of HSV, and the half turn above.
    """
    flow = _check_flow(flow)
    length, angle = np.hypot(flow[..., 0], flow[..., 1]), np.arctan2(flow[..., 1], flow[..., 0])
    if max_extent is None:
        max_extent = float(length.max()) or 1.0
    if not max_extent > 0:
        raise InvalidInput(f"`max_extent` must be above 0. Received: max_extent={max_extent!r}")
    hue = np.degrees(angle if directed else 2 * angle) % 360
    saturation = np.minimum(length / max_extent, 1)
    hsv = np.stack([hue, saturation, np.ones_like(hue)], axis=-1).astype(np.float32)
    return np.round(255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)).astype(np.uint8)


def flow_arrows(
    image: np.ndarray, flow: np.ndarray, step: int = 32, directed: bool = False
) -> np.ndarray:
    """An image with lines that show along which path light was smeared, in true length.

    Args:
        image: uint8 `(height, width, 3)`, RGB.
        flow: float `(height, width, 2)`, pixels.
        step: int >= 1, distance of the lines from each other, pixels.
        directed: whether to draw arrows with one head instead of two.

    Returns:
        uint8 `(height, width, 3)`, a new array.

    Raises:
        InvalidInput: if an argument is not what it must be.
    """
    flow = _check_flow(flow)
    if image.dtype != np.uint8 or image.shape != (*flow.shape[:2], 3):
        raise InvalidInput(
            "`image` must be uint8 of shape (height, width, 3), of the size of `flow`. "
            f"Received: shape={image.shape}, dtype={image.dtype}, flow {flow.shape}"
        )
    if step < 1:
        raise InvalidInput(f"`step` must be at least 1 pixel. Received: step={step!r}")
    drawn = np.array(image, order="C")
    height, width = flow.shape[:2]
    # In the middle of each cell; at least one line where the image is smaller than a cell.
    rows = range(min(step, height) // 2, height, step)
    columns = range(min(step, width) // 2, width, step)
    places = [(np.array([column, row]), flow[row, column]) for row in rows for column in columns]
    for thickness, color in ((3, _DARK), (1, _LIGHT)):  # seen on dark and on light
        for place, motion in places:
            _draw_arrow(drawn, place, motion, directed, thickness, color)
    return drawn


def _draw_arrow(
    drawn: np.ndarray,
    place: np.ndarray,
    motion: np.ndarray,
    directed: bool,
    thickness: int,
    color: tuple[int, int, int],
) -> None:
    begin, end = (
        np.round((place + side * motion / 2) * 2**_FRACTION_BITS).astype(int).tolist()
        for side in (-1, 1)
    )
    # A dot marks the pixel: without it, still ones would have nothing.
    cv2.circle(drawn, place.tolist(), thickness // 2, color, cv2.FILLED)
    both = [(begin, end)] if directed else [(begin, end), (end, begin)]
    for first, last in both:
        cv2.arrowedLine(
            drawn, first, last, color, thickness, cv2.LINE_AA, _FRACTION_BITS, tipLength=_HEAD
        )


def _check_flow(flow: np.ndarray) -> np.ndarray:
    flow = np.asarray(flow)
    if flow.ndim != 3 or flow.shape[-1] != 2 or flow.size == 0 or flow.dtype.kind not in "fiu":
        raise InvalidInput(
            "`flow` must be numbers of shape (height, width, 2). "
            f"Received: shape={flow.shape}, dtype={flow.dtype}"
        )
    if not np.isfinite(flow).all():
        raise InvalidInput("`flow` must be finite. Received: NaN or infinite values")
    return flow.astype(np.float64)
