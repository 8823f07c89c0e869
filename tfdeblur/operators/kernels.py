"""The blur kernel of one pixel (NumPy only): an anti-aliased line.

`motion_blur.MotionBlur` computes the same weights for all pixels at once; here the kernel can be
looked at, drawn and tested.
"""

import math

import numpy as np

from tfdeblur.errors import InvalidInput

RASTERIZERS = ("gong2018", "fspecial")


def check_rasterizer(rasterizer: str) -> None:
    """Raises InvalidInput unless `rasterizer` is one of `RASTERIZERS`."""
    if rasterizer not in RASTERIZERS:
        raise InvalidInput(
            f"`rasterizer` must be one of {', '.join(RASTERIZERS)}. "
            f"Received: rasterizer={rasterizer!r}"
        )


def line_kernel(u: float, v: float, rasterizer: str = "gong2018") -> np.ndarray:
    """The blur kernel of a pixel that moves by (u, v) during the exposure.

    A line of length sqrt(u^2 + v^2) through the centre, one pixel wide, with linear fall-off:
    the weight of an offset is max(0, 1 - distance to the line), where beyond the line's ends the
    distance is to the end.

    Args:
        u: finite float, pixels, columns, right positive.
        v: finite float, pixels, rows, down positive.
        rasterizer: "gong2018" places the ends as the data sets of Gong et al. have them:
            their coordinate along the line is |k + d e_c| / |e_r|, which differs from the
            geometry unless the motion is axis-aligned. "fspecial" uses |k e_r + l e_c|, as
            MATLAB's function of that name. k, l: row and column offset; d: signed distance to
            the line; (e_r, e_c): direction.

    Returns:
        float64 `(rows, columns)`, both odd and as few as hold all weights, centre at the pixel
        itself; entries >= 0 that sum to 1. Point-symmetric, so (u, v) and (-u, -v) give the same
        kernel; [[1.0]] up to length 1.

    Raises:
        InvalidInput: if u or v is not finite, or the rasterizer is unknown.

    Source: Gong et al., From motion blur to motion flow, CVPR 2017, and the semantics of its
        published data, of which this is an own description.
    """
    check_rasterizer(rasterizer)
    for name, value in {"u": u, "v": v}.items():
        if not math.isfinite(value):
            raise InvalidInput(f"`{name}` must be finite. Received: {name}={value}")
    length = math.hypot(u, v)
    e_r, e_c = (v / length, u / length) if length else (1.0, 0.0)
    half = (length - 1) / 2
    rows, columns = (max(0, math.floor(half * abs(e) + 1)) for e in (e_r, e_c))
    k, l = np.mgrid[-rows : rows + 1, -columns : columns + 1].astype(np.float64)  # noqa: E741
    d = k * e_c - l * e_r
    if rasterizer == "fspecial":
        along = np.abs(k * e_r + l * e_c)
    elif e_r:
        along = np.abs(k + d * e_c) / abs(e_r)
    else:  # the limit; rows other than k = 0 are at distance 1 and have no weight
        along = np.abs(l)
    end = (np.abs(d) <= 1) & (np.hypot(k, l) >= half)
    weights = np.maximum(0.0, 1 - np.where(end, np.hypot(d, half - along), np.abs(d)))
    weights = weights[weights.any(axis=1)][:, weights.any(axis=0)]  # symmetric: the centre stays
    return weights / weights.sum()
