"""PSNR and SSIM of restored photographs, one value per image (keras only).

Every number in the literature belongs to a protocol, and protocols differ by more than methods
do, so each function here is named after its protocol and takes no settings. All of them
- see the images as a saved PNG would hold them: clipped to [0, 1], times 255, **rounded** to
  whole 8-bit levels (truncation would cost up to 0.1 dB);
- return one value per image, never a value pooled over the batch: a batch of 20 dB and 40 dB has
  the mean 30 dB, while `keras.ops.psnr` pools the errors first and says 22.97 dB;
- run eagerly and inside a `tf.function`, also where height and width are not known when traced;
- pass NaN on: the value of an image that holds a NaN is NaN, the other images keep theirs.

Arguments of all three functions:
    sharp: the reference. `(batch, height, width, 3)`, or `(height, width, 3)`, which is taken
        as a batch of one. Either uint8 (8-bit levels), or floating point in [0, 1].
    restored: same shape as `sharp`; may be of the other kind (uint8 against float).

All three raise `InvalidInput` (a `ValueError`) for another dtype, rank or channel count, or if
the shapes differ. Memory beside the arguments: about 0.4 GB for each 1280x720 image of a batch.
"""

import keras
import numpy as np
from keras import ops

from tfdeblur.errors import InvalidInput

_PEAK = 255.0  # 8-bit levels
_C1 = (0.01 * _PEAK) ** 2
_C2 = (0.03 * _PEAK) ** 2
_RADIUS = 5  # pixels: the window is 11 wide
_SIGMA = 1.5  # pixels
_FLOATS = ("float16", "bfloat16", "float32", "float64")


def psnr_rgb_u8(sharp, restored):
    """Peak signal-to-noise ratio on 8-bit RGB: 10 log10(255² / MSE over height, width, channels).

    Args:
        sharp: reference, see the top of this file.
        restored: the image that is judged.

    Returns:
        float32 `(batch,)`, dB. Two images that agree in every 8-bit level give `+inf`, which is
        the value of the formula; reports leave it out of their means, and count it.

    Raises:
        InvalidInput: see the top of this file.

    Source: the protocol behind every GOPRO row (Nah et al., CVPR 2017, arXiv:1612.02177, sec. 4).
    """
    sharp, restored = _levels(sharp, restored)
    error = ops.mean(ops.square(sharp - restored), axis=(1, 2, 3))
    return 20.0 * float(np.log10(_PEAK)) - 10.0 * ops.log10(error)


def ssim_gauss(sharp, restored):
    """Structural similarity per channel: Gaussian 11x11 window, sigma 1.5, valid region, mean.

    Equals `skimage.metrics.structural_similarity(..., gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False, data_range=255, channel_axis=-1)` on the 8-bit images.

    Args:
        sharp: reference, see the top of this file; at least 11 pixels high and wide.
        restored: the image that is judged.

    Returns:
        float32 `(batch,)`, dimensionless, at most 1; identical images give 1.

    Raises:
        InvalidInput: see the top of this file; also if an image is smaller than the window.
            Where the size is not known when a `tf.function` is traced, TensorFlow's own error
            or NaN comes instead.

    Source: Wang et al., IEEE TIP 13(4), 2004, doi:10.1109/TIP.2003.819861, eq. 13; the settings
        are those of DeepDeblur-PyTorch and RealBlur.
    """
    sharp, restored = _levels(sharp, restored)
    window = 2 * _RADIUS + 1
    if any(side is not None and side < window for side in sharp.shape[1:3]):
        raise InvalidInput(
            f"`sharp` and `restored` must be at least {window}x{window} pixels for `ssim_gauss`: "
            f"its window must fit. Received: shape={tuple(sharp.shape)}. "
            "`ssim_matlab3d` and `psnr_rgb_u8` take any size."
        )
    moments, centre = _moments(sharp, restored)
    return _similarity(ops.split(_blur(moments), 5, axis=-1), centre)


def ssim_matlab3d(sharp, restored):
    """Structural similarity on height x width x channels: Gaussian 11x11x11, edges repeated.

    The channel axis is filtered like a third direction of space, as a MATLAB `ssim` call on an
    RGB volume does: with three channels and a window of 11 the values of the channels are mixed
    almost evenly, and the numbers come out higher than those of `ssim_gauss`. The published GOPRO
    tables use this one. All three axes are padded by repeating the border value, so every size
    from 1x1 up has a value, and the mean is over every pixel and channel.

    Args:
        sharp: reference, see the top of this file.
        restored: the image that is judged.

    Returns:
        float32 `(batch,)`, dimensionless, at most 1; identical images give 1.

    Raises:
        InvalidInput: see the top of this file.

    Source: the protocol of the GOPRO rows of Nah, SRN, DMPHN, MPRNet, Restormer and NAFNet
        (`ssim3d=True`); formula as in `ssim_gauss`.
    """
    sharp, restored = _levels(sharp, restored)
    both = ops.concatenate([sharp, restored], axis=-1)
    for axis in (1, 2):
        length = ops.shape(both)[axis]
        index = ops.clip(ops.arange(-_RADIUS, length + _RADIUS), 0, length - 1)
        both = ops.take(both, index, axis=axis)
    # Padding first and taking products then is the same as the other way round, and cheaper.
    sharp, restored = ops.split(both, 2, axis=-1)
    moments, centre = _moments(sharp, restored)
    planes = ops.split(_blur(moments), 15, axis=-1)
    # Sums, not a matrix product: GPUs round the factors of float32 products to TF32, and
    # E[x²] - E[x]² needs all digits.
    per_channel = []
    for red, green, blue in _channel_window():
        mixed = [
            red * planes[i] + green * planes[i + 1] + blue * planes[i + 2] for i in range(0, 15, 3)
        ]
        per_channel.append(_similarity(mixed, centre))
    return sum(per_channel) / 3.0


def _levels(sharp, restored):
    """Both images as whole 8-bit levels, float32 `(batch, height, width, 3)` in 0..255."""
    sharp, restored = _as_levels(sharp, "sharp"), _as_levels(restored, "restored")
    same = len(sharp.shape) == len(restored.shape) and all(
        a == b or a is None or b is None for a, b in zip(sharp.shape, restored.shape, strict=True)
    )
    if not same:
        raise InvalidInput(
            "`sharp` and `restored` must have the same shape. Received: "
            f"sharp.shape={tuple(sharp.shape)}, restored.shape={tuple(restored.shape)}"
        )
    return sharp, restored


def _as_levels(image, name):
    image = ops.convert_to_tensor(image)
    shape = tuple(image.shape)
    if len(shape) not in (3, 4) or shape[-1] != 3:
        raise InvalidInput(
            f"`{name}` must have shape (batch, height, width, 3) or (height, width, 3). "
            f"Received: {name}.shape={shape}"
        )
    if 0 in shape:
        raise InvalidInput(f"`{name}` must hold at least one pixel. Received: {name}.shape={shape}")
    dtype = keras.backend.standardize_dtype(image.dtype)
    if dtype in _FLOATS:
        image = ops.round(ops.clip(ops.cast(image, "float32"), 0.0, 1.0) * _PEAK)
    elif dtype == "uint8":
        image = ops.cast(image, "float32")
    else:
        raise InvalidInput(
            f"`{name}` must be uint8 or floating point in [0, 1]. Received: {name}.dtype={dtype}. "
            "Divide by the largest level of its type first (65535 for uint16)."
        )
    return image if len(shape) == 4 else ops.expand_dims(image, 0)


def _moments(sharp, restored):
    """Moments and the level they are centred on.

    Returns:
        `(batch, height, width, 15)`: x, y, x², y², xy, three channels each, and
        `(batch, 1, 1, 1)`, the centre in 8-bit levels.

    Fifteen channels side by side let one depthwise convolution filter all five moments, which is
    four times as fast as shifting and adding. Variances are E[x²] - E[x]²: without centring,
    float32 loses their last digits in bright, flat regions. The centre is a whole level, so
    centred values and their products are still exact.
    """
    centre = ops.round(ops.mean(sharp, axis=(1, 2, 3), keepdims=True))
    x, y = sharp - centre, restored - centre
    return ops.concatenate([x, y, x * x, y * y, x * y], axis=-1), centre


def _similarity(blurred, centre):
    """Mean SSIM per image from five blurred, centred moments `(batch, height, width, channels)`."""
    x, y, xx, yy, xy = blurred
    contrast = 2.0 * (xy - x * y) + _C2
    spread = (xx - x * x) + (yy - y * y) + _C2
    x, y = x + centre, y + centre
    similarity = (2.0 * x * y + _C1) * contrast / ((x * x + y * y + _C1) * spread)
    return ops.mean(similarity, axis=(1, 2, 3))


def _window():
    """The 11 Gaussian weights of one axis, NumPy float64, sum 1."""
    offsets = np.arange(-_RADIUS, _RADIUS + 1)
    weights = np.exp(-0.5 * (offsets / _SIGMA) ** 2)
    return weights / weights.sum()


def _blur(moments):
    """Gaussian window over height, then width; the valid region only (10 pixels less each)."""
    column = np.tile(_window().astype("float32")[:, None, None, None], (1, 1, moments.shape[-1], 1))
    moments = ops.depthwise_conv(moments, column, padding="valid")
    return ops.depthwise_conv(moments, column.transpose(1, 0, 2, 3), padding="valid")


def _channel_window():
    """The window over three channels with repeated border channels.

    Row i holds what red, green and blue weigh in filtered channel i; float, each row sums to 1.
    """
    weights = np.zeros((3, 3))
    for row in range(3):
        for offset, weight in zip(range(-_RADIUS, _RADIUS + 1), _window(), strict=True):
            weights[row, min(max(row + offset, 0), 2)] += weight
    return weights.tolist()
