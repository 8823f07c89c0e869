"""The way of an image through RP-GAN as one picture: every level of every pass, side by side."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tfdeblur.image.levels import to_uint8
from tfdeblur.pictures import panels
from tfdeblur.pictures.compare import check_alike, column, label, place_to_look_at
from tfdeblur.restorers.protocol import Stage

_PANEL_SIDES = (280, 480)  # smaller than in `comparison`: three levels make eight columns


def stage_comparison(
    blurred: np.ndarray,
    stages: Sequence[Stage],
    restored: np.ndarray,
    sharp: np.ndarray | None = None,
    at: tuple[int, int] | None = None,
) -> np.ndarray:
    """Draws blurred | deconvolved 1 | restored 1 | deconvolved 2 | ... | sharp, a row a pass.

    Below each panel is one place, enlarged.

    Args:
        blurred, restored: uint8 `(height, width, 3)` RGB, the same shape, at least 1x1.
        stages: at least one, in order of passes and levels; of the same size.
        sharp: as `blurred`, or None. With it, the labels give PSNR in dB against it, over all
            pixels and channels of the 8-bit images.
        at: which place, see `place_to_look_at`.

    Returns:
        uint8 `(rows, columns, 3)` RGB.

    Raises:
        InvalidInput: if the shapes differ.
    """
    ends = {"blurred": blurred, "restored": restored}
    check_alike(ends if sharp is None else {**ends, "sharp": sharp})
    place = place_to_look_at(blurred, restored, at)

    def drawn(name: str, image: np.ndarray) -> np.ndarray:
        return column(label(name, image, sharp), image, place, _PANEL_SIDES)

    first = drawn("blurred", blurred)
    rows: list[np.ndarray] = []
    for number in sorted({stage.number for stage in stages}):
        begin = first if not rows else panels.caption(f"pass {number}", first.shape[1])
        made = (stage for stage in stages if stage.number == number)
        # Scaled down one by one: all of them as 8-bit copies may not fit beside the stages.
        row = [begin, *(drawn(name, to_uint8(image)) for name, image in _images(made))]
        if sharp is not None and not rows:
            row.append(drawn("sharp", sharp))
        rows.append(panels.side_by_side(row))
    return panels.stacked(rows)


def _images(stages: Iterable[Stage]) -> Iterator[tuple[str, np.ndarray]]:
    for stage in stages:
        yield f"deconvolved {stage.level}", stage.deconvolved
        yield f"restored {stage.level}", stage.restored
