"""Pairs that are written one by one, each whole or not at all, and not again where they are."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfdeblur.data.synthesize_folder import disk_is_full, fast_png
from tfdeblur.errors import TfdeblurError
from tfdeblur.image.atomic import write_atomically


@dataclass(frozen=True)
class MadePair:
    """What became of a pair: "done", "skipped" (done before) or "failed", and then why."""

    name: str
    status: str
    reason: str = ""
    exit_code: int = 0


def make_folders(out: Path) -> None:
    """Makes `out`/blur and `out`/sharp."""
    for name in ("blur", "sharp"):
        (out / name).mkdir(parents=True, exist_ok=True)


def write_pair(out: Path, name: str, make: Callable[[], tuple[np.ndarray, np.ndarray]]) -> MadePair:
    """Writes `out`/{blur,sharp}/NAME.png; the blurred one last: where it is, the pair is done.

    Args:
        out: see `make_folders`.
        name: of the pair.
        make: gives the blurred and the sharp image, uint8 `(height, width, 3)`.

    Raises:
        TfdeblurError: if the disk is full. Other errors of this project are part of the result.
    """
    blurred_path = out / "blur" / f"{name}.png"
    if blurred_path.is_file():
        return MadePair(name, "skipped")
    try:
        blurred, sharp = make()
        for path, pixels in ((out / "sharp" / blurred_path.name, sharp), (blurred_path, blurred)):
            write_atomically(path, fast_png(pixels))
    except TfdeblurError as error:
        if disk_is_full(error):
            raise TfdeblurError(
                f"{error} Pairs finished before are kept; make room and run the same command "
                "again to go on."
            ) from error
        return MadePair(name, "failed", f"{name}: {error}", error.exit_code)
    return MadePair(name, "done")
