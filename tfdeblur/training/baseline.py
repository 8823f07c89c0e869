"""What the blurred validation images measure as they are: what is above it is gained."""

import logging
import math

import numpy as np

from tfdeblur.metrics import psnr_rgb_u8, ssim_gauss

logger = logging.getLogger(__name__)


def blurred_baseline(images):
    """Measures blurred images against their sharp ones, and tells it.

    Args:
        images: batches `(blurred, sharp)`, float32 `(1, height, width, 3)` in [0, 1].

    Returns:
        dict: "blurred_psnr" (dB) and "blurred_ssim", means; images that are not blurred at all,
        whose PSNR is infinite, are left out of the first, as validation does. NaN becomes None.
    """
    found = [(psnr_rgb_u8(sharp, blurred), ssim_gauss(sharp, blurred)) for blurred, sharp in images]
    psnr, ssim = (np.concatenate(column) for column in zip(*found, strict=True))
    psnr = psnr[np.isfinite(psnr)]
    means = {"blurred_psnr": float(psnr.mean()) if psnr.size else math.nan}
    means["blurred_ssim"] = float(ssim.mean())
    logger.info(
        "The blurred validation images have a PSNR of %.2f dB and an SSIM of %.4f: what is above "
        "is gained.",
        *means.values(),
    )
    return {name: value if math.isfinite(value) else None for name, value in means.items()}
