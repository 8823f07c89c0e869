"""Measuring a network on whole frames, as all trainers of restoring networks do."""

from keras import ops

from tfdeblur.image.padding import crop_back, pad_to_multiple
from tfdeblur.metrics import psnr_rgb_u8, ssim_gauss


def restoration_metrics(network, batch):
    """Restores whole frames of any size and measures them.

    Args:
        network: image -> image; its `size_multiple` (16 where it has none) is padded to.
        batch: `(blurred, sharp)`, float32 `(batch, height, width, 3)` in [0, 1].

    Returns:
        dict: "psnr" (dB) and "ssim", float32 `(batch,)`.
    """
    blurred, sharp = batch
    padded, size = pad_to_multiple(blurred, getattr(network, "size_multiple", 16))
    restored = crop_back(ops.cast(network(padded, training=False), "float32"), size)
    return {"psnr": psnr_rgb_u8(sharp, restored), "ssim": ssim_gauss(sharp, restored)}
