"""A motion flow as a picture for people: lines on the photograph, colours, and their legend."""

import cv2
import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.operators import canonical_flow, flow_arrows, flow_to_color
from tfdeblur.pictures import panels

# All lengths in pixels of the picture that is drawn.
_PANEL_SIDES = (320, 1000)  # the longer side of a panel is brought into this range
_WHEEL_RADIUS = 110
_STEP = 32  # distance of lines that do not touch each other
_READABLE = 14  # a line shorter than this tells no direction
_MAGNIFICATIONS = (1, 2, 5, 10, 20)
_FULL_PERCENTILE = 99  # a few outliers must not make everything else pale
_STILL = 0.05  # pixels; less is no blur that can be seen


def flow_picture(photograph: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Draws photograph with lines | colours of the flow | the colour wheel that explains them.

    Args:
        photograph: uint8 `(height, width, 3)` RGB, at least 1x1.
        flow: float `(height, width, 2)`, pixels of the photograph, finite.

    Returns:
        uint8 `(rows, columns, 3)` RGB.

    Raises:
        InvalidInput: if the sizes differ or `flow` is not finite.
    """
    height, width = photograph.shape[:2]
    if flow.shape != (height, width, 2):
        raise InvalidInput(
            f"`flow` must have the size of `photograph`, {(height, width)}. "
            f"Received: flow.shape={flow.shape}"
        )
    if not np.isfinite(flow).all():
        raise InvalidInput("`flow` must be finite. Received: NaN or infinite values")
    flow = canonical_flow(flow)
    length = np.hypot(flow[..., 0], flow[..., 1])
    full = float(np.percentile(length, _FULL_PERCENTILE))
    full = full if full > _STILL else max(float(length.max()), _STILL)
    panel = panels.resized(photograph, panels.scale_between(height, width, _PANEL_SIDES))
    # Picked, not averaged: between (0, v) and (0, -v), the same blur, lies no motion at all.
    small = cv2.resize(
        np.ascontiguousarray(flow, np.float32), panel.shape[1::-1], interpolation=cv2.INTER_NEAREST
    )
    parts = [
        _with_lines(panel, small, full, (panel.shape[1] / width, panel.shape[0] / height)),
        panels.captioned("colours of the motion", flow_to_color(small, full)),
        _legend(full, float(np.median(length)), float(length.max())),
    ]
    return panels.side_by_side(parts)


def _with_lines(
    panel: np.ndarray, flow: np.ndarray, full: float, scale: tuple[float, float]
) -> np.ndarray:
    """The panel with the lines that light was smeared along; long enough to be read."""
    longest = full * max(scale)
    fitting = (m for m in _MAGNIFICATIONS if longest * m >= _READABLE)
    magnified = 1 if full <= _STILL else next(fitting, _MAGNIFICATIONS[-1])
    step = max(_STEP, round(1.25 * longest * magnified))
    lines = flow * np.multiply(scale, magnified, dtype=np.float32)
    text = "motion" if magnified == 1 else f"motion, drawn {magnified} times as long"
    return panels.captioned(text, flow_arrows(panel, lines, step))


def _legend(full: float, median: float, longest: float) -> np.ndarray:
    """The colour wheel: where a colour stands is where its motion goes."""
    radius = _WHEEL_RADIUS
    places = (np.mgrid[-radius : radius + 1, -radius : radius + 1] / radius)[::-1]
    inside = np.hypot(*places)[..., None] <= 1
    colors = flow_to_color(full * np.moveaxis(places, 0, -1), full)
    wheel = np.where(inside, colors, np.uint8(panels.BACKGROUND))
    lines = (
        f"rim of the wheel: {full:.3g} pixels",
        f"median {median:.3g}, longest {longest:.3g} pixels",
        "white: no motion; there and back",
        "are the same blur, so one colour",
    )
    columns = panels.NARROWEST
    captions = [panels.caption(line, columns, 0.55) for line in lines]
    return np.concatenate(
        [panels.caption("direction and length", columns), panels.centred(wheel, columns), *captions]
    )
