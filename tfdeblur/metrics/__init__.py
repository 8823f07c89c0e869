"""Image quality and errors of flows, one value per image, named after the protocol (keras only)."""

from tfdeblur.metrics.flow import end_point_error, flow_mse, sign_free_end_point_error
from tfdeblur.metrics.image import psnr_rgb_u8, ssim_gauss, ssim_matlab3d

__all__ = [
    "end_point_error",
    "flow_mse",
    "psnr_rgb_u8",
    "sign_free_end_point_error",
    "ssim_gauss",
    "ssim_matlab3d",
]
