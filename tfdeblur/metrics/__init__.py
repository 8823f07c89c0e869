"""Image quality, one value per image, named after the protocol (keras only)."""

from tfdeblur.metrics.image import psnr_rgb_u8, ssim_gauss, ssim_matlab3d

__all__ = ["psnr_rgb_u8", "ssim_gauss", "ssim_matlab3d"]
