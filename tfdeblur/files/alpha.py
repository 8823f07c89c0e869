"""Restores photographs with transparency: what is seen, and how far it is seen, blur alike."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tfdeblur.image.codec import DecodedImage, to_float, to_integers
from tfdeblur.restorers.protocol import Restored

_HARDLY_SEEN = 0.5 / 255  # alpha below which a colour cannot be told


def restore_seen(
    restorer: Callable[..., Any],
    decoded: DecodedImage,
    progress: Callable[[int, int], None],
    options: Mapping[str, Any],
) -> tuple[Restored, np.ndarray, DecodedImage]:
    """Restores a photograph, and its alpha with it where some of it is transparent.

    Motion mixes light, and a transparent pixel sends none: colours are multiplied by alpha,
    restored, and divided by the alpha that was restored as they were (Porter and Duff, 1984).

    Args:
        restorer, options: as for `files.restore_files`; `options` go with both calls.
        decoded: the photograph.
        progress: called as `progress(done, total)`.

    Returns:
        What the restorer made of the colours that are seen; RGB `(height, width, 3)` for the
        file; and what it is encoded like, with the restored alpha.
    """
    if not decoded.is_transparent or decoded.alpha is None:
        # Of gray images three channels are averaged at the end: they are rounded once, after that.
        image = decoded.float_rgb() if decoded.gray else decoded.seen_rgb()
        restored = restorer(image, progress=progress, **options)
        return restored, restored.image, decoded
    steps = _Halves(progress)
    restored = restorer(decoded.seen_rgb(), progress=steps.first, **options)
    if restored.degenerate:
        return restored, decoded.float_rgb(), decoded
    three = np.repeat(to_float(decoded.alpha)[..., None], 3, axis=-1)
    plain = {name: value for name, value in options.items() if name != "keep_stages"}
    shade = restorer(three, progress=steps.second, **plain)
    alpha = np.clip(to_float(shade.image), 0, 1).mean(axis=-1)
    seen = to_float(restored.image)
    rgb = np.where(
        alpha[..., None] > _HARDLY_SEEN,
        seen / np.maximum(alpha[..., None], _HARDLY_SEEN),
        decoded.float_rgb(),
    )
    kept = to_integers(alpha, decoded.alpha.dtype.type)
    return restored, np.clip(rgb, 0, 1).astype(np.float32), replace(decoded, alpha=kept)


class _Halves:
    """Tells the progress of two equal tasks as that of one."""

    def __init__(self, progress: Callable[[int, int], None]) -> None:
        self._progress = progress

    def first(self, done: int, total: int) -> None:
        self._progress(done, 2 * total)

    def second(self, done: int, total: int) -> None:
        self._progress(total + done, 2 * total)
