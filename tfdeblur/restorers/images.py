"""Images on their way into a restorer and out of it: what is accepted, what is no restoration."""

import numpy as np

from tfdeblur.errors import InvalidInput
from tfdeblur.image.levels import to_float, to_integers

# Deblurring moves brightness by a few pixels; GOPRO's blurred and sharp frames differ by 0.02 to
# 0.05 on average. A quarter of the whole range is no restoration any more.
MAX_MEAN_CHANGE = 0.25
FLOAT_TOLERANCE = 0.5  # ringing of resampled images passes, 0..255 floats do not


def check_image(image) -> np.ndarray:
    """Returns `image` as an array that a `Restorer` accepts.

    Raises:
        InvalidInput: if its rank, channels, type, size or values are not acceptable.
    """
    try:
        image = np.asarray(image)
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"`image` must be an array. Received: {type(image).__name__}") from error
    if image.ndim not in (3, 4) or image.shape[-1] != 3:
        raise InvalidInput(
            "`image` must have shape (height, width, 3) or (batch, height, width, 3). "
            f"Received: shape={image.shape}. Repeat gray images three times; set alpha aside."
        )
    if image.size == 0:
        raise InvalidInput(f"`image` must not be empty. Received: shape={image.shape}")
    floating = np.issubdtype(image.dtype, np.floating)
    if not floating and image.dtype not in (np.uint8, np.uint16):
        raise InvalidInput(
            "`image` must be float in [0, 1], uint8 or uint16. "
            f"Received: dtype={image.dtype}. Convert it with `.astype`."
        )
    if floating:
        low, high = float(image.min()), float(image.max())
        if not np.isfinite(low + high):
            raise InvalidInput(
                "`image` must be finite. Received: "
                f"{np.count_nonzero(~np.isfinite(image))} NaN or infinite values"
            )
        if low < -FLOAT_TOLERANCE or high > 1 + FLOAT_TOLERANCE:
            raise InvalidInput(
                f"`image` must be in [0, 1] where it is float. Received: values from {low:.6g} to "
                f"{high:.6g}. Divide by 255, or pass uint8."
            )
    return image


def is_degenerate(image: np.ndarray, restored: np.ndarray) -> bool:
    """Whether an unclipped result is no restoration of `image` (the rule: see `Restorer`)."""
    change = 0.0
    for row in range(0, len(image), 256):  # in bands: whole copies of large images add up
        with np.errstate(over="ignore", invalid="ignore"):
            difference = restored[row : row + 256] - to_float(image[row : row + 256])
            change += float(np.abs(difference).sum(dtype=np.float64))
    return not change <= MAX_MEAN_CHANGE * image.size  # NaN compares false


def as_kind(restored: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Float, unclipped, to the kind of the input: clipped once, here. Integers are rounded."""
    if dtype in (np.uint8, np.uint16):
        return to_integers(restored, dtype.type)
    return np.clip(restored, 0.0, 1.0).astype(dtype, copy=False)
