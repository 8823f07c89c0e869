"""Pictures to look at beside the numbers, and the folders they go to."""

from pathlib import Path

import numpy as np

from tfdeblur.evaluation.report_parts import make_folder
from tfdeblur.image.atomic import write_atomically
from tfdeblur.image.codec import encode_image, to_uint8


def write_panel(
    folder: Path, name: str, blurred: np.ndarray, restored: np.ndarray, sharp: np.ndarray
) -> Path:
    """Writes blurred | restored | sharp, whole pixels, nothing scaled, as `folder/NAME.png`.

    Args:
        folder: where to; made if missing, as are the folders that `name` asks for.
        name: of the pair; parts like ".." are left out, so the file is always below `folder`.
        blurred, restored, sharp: `(height, width, 3)`, uint8 or float in [0, 1], clipped here.

    Returns:
        The path of the file.

    Raises:
        DataError: if it cannot be written.
    """
    path = panel_path(folder, name)
    make_folder(path.parent)
    strip = np.concatenate([to_uint8(image) for image in (blurred, restored, sharp)], axis=1)
    write_atomically(path, encode_image(strip, None, "png"))
    return path


def panel_path(folder: Path, name: str) -> Path:
    """`folder/NAME.png`; parts like ".." of the name are left out, so it is below `folder`."""
    parts = [part for part in Path(name).parts if part not in ("..", "/")] or ["image"]
    return folder.joinpath(*parts[:-1], parts[-1] + ".png")
