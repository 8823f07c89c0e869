"""Linear operators of motion blur, each with its exact adjoint, and what belongs to flows.

Names load on first use: `kernels` needs NumPy alone and must not bring tensorflow with it.
"""

from importlib import import_module

_LAZY = {
    "LinearOperator": "base",
    "MotionBlur": "motion_blur",
    "PathBlur": "path_blur",
    "SampledBlur": "sampled_blur",
    "blur_image": "one_shot",
    "canonical_flow": "flow",
    "crop_flow": "flow",
    "flip_flow": "flow",
    "flow_arrows": "flow",
    "flow_to_color": "flow",
    "line_kernel": "kernels",
}

__all__ = list(_LAZY)


def __getattr__(name):
    if name in _LAZY:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
