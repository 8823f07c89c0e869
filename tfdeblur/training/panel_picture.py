"""Pictures of a training, drawn as `tfdeblur deblur --compare` draws: captions, dB, one place."""

from collections.abc import Sequence

import numpy as np

from tfdeblur.image.codec import to_uint8
from tfdeblur.pictures import panels
from tfdeblur.pictures.compare import column, label, place_to_look_at

_SIDES = (280, 480)  # pixels, least and most of a panel's longer side
_LEVELS = "levels"  # stands for the deconvolved and the restored image of each level


def panel_picture(strips: np.ndarray, name: str) -> np.ndarray:
    """Draws strips of square crops below each other.

    Args:
        strips: float32 `(n, side, k * side, 3)` in [0, 1]: n crops, each as k images in a row.
        name: what they are, joined by "_": "blurred_restored_sharp". Where the last one is "sharp",
            captions give PSNR in dB against it, 8 bits, of the crop.

    Returns:
        uint8 `(rows, columns, 3)` RGB.
    """
    side = strips.shape[1]
    names = captions(name, strips.shape[2] // side)
    rows = []
    for strip in to_uint8(strips):
        images = [strip[:, i * side : (i + 1) * side] for i in range(len(names))]
        sharp = images[-1] if names[-1] == "sharp" else None
        place = place_to_look_at(images[0], images[-2] if sharp is not None else images[0])
        drawn = zip(names, images, strict=True)
        rows.append(
            panels.side_by_side([column(_label(n, i, sharp), i, place, _SIDES) for n, i in drawn])
        )
    return panels.stacked(rows)


def captions(name: str, count: int) -> Sequence[str]:
    """The names of `count` images, of which "levels" are two each."""
    names = name.split("_")
    if _LEVELS in names:
        at = names.index(_LEVELS)
        levels = (count - len(names) + 1) // 2
        both = [f"{what} {n + 1}" for n in range(levels) for what in ("deconvolved", "restored")]
        names[at : at + 1] = both
    return names


def _label(name: str, image: np.ndarray, sharp: np.ndarray | None) -> str:
    return label(name, np.ascontiguousarray(image), None if sharp is None else sharp.copy())
