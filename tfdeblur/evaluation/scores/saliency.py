"""Where a viewer would look first, by the image signature, and whether a result keeps it.

Source: Hou, Harel, Koch, Image signature: highlighting sparse salient regions, IEEE TPAMI 34(1),
2012, doi:10.1109/TPAMI.2011.146: the signs of the DCT of a small picture, turned back, squared and
smoothed. Zhang et al., the paper of Bi-Skip, 2019, section 6.2, looks at such maps of restored
images; the number is ours: the correlation with the map of the sharp image.
"""

import cv2
import numpy as np

_WIDTH, _HEIGHT = 64, 48  # of the small picture, pixels
_SIGMA = 0.045 * _WIDTH


def saliency_map(image: np.ndarray) -> np.ndarray:
    """The saliency of an image.

    Args:
        image: uint8 `(height, width, 3)`.

    Returns:
        float64 `(48, 64)`, 0 to 1, whatever the size of the image; all 0 of a black image.
    """
    small = cv2.resize(image.astype(np.float64), (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
    total = np.zeros((_HEIGHT, _WIDTH))
    for channel in cv2.split(small):
        total += np.square(cv2.idct(np.sign(cv2.dct(channel))))
    smooth = cv2.GaussianBlur(total, (0, 0), _SIGMA)
    peak = float(smooth.max())
    return smooth / peak if peak > 0 else smooth


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
    large = cv2.resize(levels, (4 * _WIDTH, 4 * _HEIGHT), interpolation=cv2.INTER_CUBIC)
    return cv2.applyColorMap(large, cv2.COLORMAP_INFERNO)[..., ::-1]
