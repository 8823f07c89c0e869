"""Motion flows as arrays: one sign of two, flips, turns, crops, pictures.

A flow holds, for every pixel, the line along which light is smeared during the exposure:
float `(..., height, width, 2)`, pixels, u to the right and v downwards. The line passes
through the pixel at its middle, so (u, v) and (-u, -v) are the same blur.
"""

from types import ModuleType
from typing import Any

import numpy as np


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
