"""Where a viewer would look first, by the image signature.

Source: Hou, Harel, Koch, Image signature: highlighting sparse salient regions, IEEE TPAMI 34(1),
2012, doi:10.1109/TPAMI.2011.146: the signs of the DCT of a small picture, turned back, squared and
smoothed.
"""

import cv2
import numpy as np

WIDTH, HEIGHT = 64, 48  # of the small picture, pixels
_SIGMA = 0.045 * WIDTH


def saliency_map(image: np.ndarray) -> np.ndarray:
    """The saliency of an image.

    Args:
        image: uint8 `(height, width, 3)`.

    Returns:
        float64 `(48, 64)`, 0 to 1, whatever the size of the image; all 0 of a black image.
    """
    small = cv2.resize(image.astype(np.float64), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    total = np.zeros((HEIGHT, WIDTH))
    for channel in cv2.split(small):
        total += np.square(cv2.idct(np.sign(cv2.dct(channel))))
    smooth = cv2.GaussianBlur(total, (0, 0), _SIGMA)
    peak = float(smooth.max())
    return smooth / peak if peak > 0 else smooth
