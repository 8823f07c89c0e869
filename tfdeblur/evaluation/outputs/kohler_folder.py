"""Finds the images of Köhler's benchmark in a folder, as published or by their names alone."""

import re
from pathlib import Path

from tfdeblur.data.folders import raise_problems
from tfdeblur.data.names import natural_key
from tfdeblur.data.pair_search import IMAGE_SUFFIXES
from tfdeblur.errors import DataError
from tfdeblur.near import did_you_mean_path

_BLURRED = re.compile(r"Blurry(\d+)_(\d+)", re.IGNORECASE)
_FRAME = re.compile(r"GroundTruth(\d+)_(\d+)_(\d+)", re.IGNORECASE)
# Of the stack of image 1 and kernel 3, the authors' code takes frames 1 to 29 and 31 to 198.
_LEFT_OUT = {(1, 3): {30, 199}}
_LAYOUT = """\
Expected: BlurryI_K.png and the frames GroundTruthI_K_F.png of image I and kernel K, in any
folders below (as published: BlurryImages/ and ImageI/KernelK/)."""


def find_kohler(data: str | Path, proxy: bool) -> list[tuple[str, str, Path, list[Path]]]:
    """Lists blurred images with their stacks of sharp frames.

    Args:
        data: folder with all of it.
        proxy: whether the first frame of kernel 1 stands for all kernels of an image.

    Returns:
        `(name, stem, blurred, frames)`, in order of image and kernel; frames in natural order.

    Raises:
        DataError: if there is no such folder, no blurred image, or one that has no frames.
    """
    folder = Path(data).expanduser()
    if not folder.is_dir():
        hint = did_you_mean_path(folder, folders=True)
        raise DataError(
            f"`data` must be Köhler's folder, but there is none: {folder}.{hint}\n{_LAYOUT}"
        )
    blurred: dict[tuple[int, int], Path] = {}
    frames: dict[tuple[int, int], list[Path]] = {}
    problems = []
    for path in sorted(folder.rglob("*"), key=lambda path: natural_key(str(path))):
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith("."):
            continue
        if found := _BLURRED.fullmatch(path.stem):
            place = int(found[1]), int(found[2])
            if place in blurred:
                problems.append(f"{path} and {blurred[place]} are both {path.stem}")
            blurred[place] = path
        elif (found := _FRAME.fullmatch(path.stem)) and (place := (int(found[1]), int(found[2]))):
            if int(found[3]) not in _LEFT_OUT.get(place, ()):
                frames.setdefault(place, []).append(path)
    if proxy:
        frames = {place: frames.get((place[0], 1), [])[:1] for place in blurred}
    problems += [
        f"{blurred[place].stem} has no frames GroundTruth{place[0]}_{place[1]}_*"
        + ("" if proxy else "; with one frame per image alone, take --protocol kohler_proxy")
        for place in sorted(blurred)
        if not frames.get(place)
    ]
    raise_problems(f"{folder} is not ready for use", problems)
    if not blurred:
        raise DataError(f"{folder} holds no blurred images of Köhler's benchmark.\n{_LAYOUT}")
    return [
        (blurred[place].stem, blurred[place].stem, blurred[place], frames[place])
        for place in sorted(blurred)
    ]
