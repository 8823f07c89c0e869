"""Whether viewers would look at the same places of a result, by the image signature.

Source: see `pictures.saliency`. Zhang et al., the paper of Bi-Skip, 2019, section 6.2, looks at
such maps of restored images; the number is ours: the correlation with the map of the sharp image.
"""

import cv2
import numpy as np

from tfdeblur.pictures.saliency import HEIGHT, WIDTH, saliency_map


def saliency(sharp_map: np.ndarray, restored: np.ndarray) -> float:
    """Correlation of a result's map with that of the sharp image.

    Args:
        sharp_map: as `saliency_map` returns it.
        restored: uint8 `(height, width, 3)`.

    Returns:
        -1 to 1; NaN if one of the maps is the same everywhere.
    """
    maps = [one - one.mean() for one in (sharp_map, saliency_map(restored))]
    power = float(np.prod([np.sum(one * one) for one in maps]))
    return float(np.sum(maps[0] * maps[1]) / np.sqrt(power)) if power > 0 else float("nan")


def heat_map(image: np.ndarray) -> np.ndarray:
    """The saliency of an image as colours, uint8 `(192, 256, 3)` RGB."""
    levels = np.round(255 * saliency_map(image)).astype(np.uint8)
    large = cv2.resize(levels, (4 * WIDTH, 4 * HEIGHT), interpolation=cv2.INTER_CUBIC)
    return cv2.applyColorMap(large, cv2.COLORMAP_INFERNO)[..., ::-1]
