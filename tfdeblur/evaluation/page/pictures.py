"""Pictures of a page: images as JPEG, maps of what was found, the places that differ most."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from tfdeblur.evaluation.outputs.systems import Output
from tfdeblur.evaluation.report_parts import make_folder
from tfdeblur.evaluation.scores.saliency import heat_map
from tfdeblur.image.atomic import write_atomically
from tfdeblur.operators import flow_to_color

SIDE = 64  # pixels of a place; smaller in images that are smaller than four of them
PLACES = 3  # that are shown of each result
_LONGEST, _LONGEST_MAP = 1280, 640  # sides of pictures and of error maps, pixels
_QUALITY, _QUALITY_MAP = 90, 80
_BRIGHTER = 4  # times, of errors in a map


def folder_of(page: Path) -> str:
    """Name of the folder with a page's pictures, beside it."""
    return f"{page.stem}_pictures"


def picture_name(number: int, kind: str) -> str:
    """File name of a picture: number of the image, then "blurred", "s0", "e0", "h0", ..."""
    return f"{number:05d}-{kind}.jpg"


class PagePictures:
    """Writes the pictures of one image at a time.

    Args:
        page: path of the page. The folder beside it is made; files of the same name are replaced.
        systems: names, in the order of the page.

    Raises:
        DataError: if the folder cannot be made.
    """

    def __init__(self, page: str | Path, systems: Sequence[str]) -> None:
        self._folder = Path(page).parent / folder_of(Path(page))
        self._systems = list(systems)
        make_folder(self._folder)

    def __call__(
        self,
        number: int,
        sharp: np.ndarray,
        blurred: np.ndarray,
        results: Mapping[str, Output],
    ) -> tuple[dict[str, list[tuple[int, int]]], dict[str, str]]:
        """Writes the pictures of an image, uint8 `(height, width, 3)`, and of its results.

        Of system k there are the result (sk), its error (ek) and saliency (hk), and where it tells
        them, the motion that it estimated (fk) and its confidence (ck).

        Returns:
            System -> `(top, left)` of the places where its error is largest, the worst first, and
            kind of picture -> file name.

        Raises:
            DataError: if a picture cannot be written.
        """
        pictures = {"blurred": _small(blurred, _LONGEST), "sharp": _small(sharp, _LONGEST)}
        pictures |= {"hblurred": heat_map(blurred), "hsharp": heat_map(sharp)}
        places = {}
        for name, output in results.items():
            image, kind = output.image, self._systems.index(name)
            error = np.abs(image.astype(np.float32) - sharp).mean(axis=-1)
            places[name] = worst_places(error)
            pictures[f"s{kind}"] = _small(image, _LONGEST)
            pictures[f"e{kind}"] = _error_map(error)
            pictures[f"h{kind}"] = heat_map(image)
            if output.flow is not None:
                pictures[f"f{kind}"] = _small(flow_to_color(output.flow), _LONGEST_MAP)
            if output.sure is not None:
                pictures[f"c{kind}"] = _confidence_map(output.sure)
        files = {}
        for kind, picture in pictures.items():
            files[kind] = picture_name(number, kind)
            quality = _QUALITY_MAP if kind[0] in "ehfc" else _QUALITY
            data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            write_atomically(self._folder / files[kind], data.tobytes())
        return places, files


def place_side(height: int, width: int) -> int:
    """Pixels a side of the places of an image."""
    return max(1, min(SIDE, height // 4, width // 4))


def worst_places(error: np.ndarray) -> list[tuple[int, int]]:
    """`(top, left)` of squares that do not overlap, in order of their mean squared error.

    Args:
        error: `(height, width)`.
    """
    side = place_side(*error.shape)
    sums = np.pad(np.square(error, dtype=np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    means = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    places = []
    for _ in range(PLACES):
        top, left = np.unravel_index(int(np.argmax(means)), means.shape)
        if means[top, left] < 0:
            break
        places.append((int(top), int(left)))
        means[max(top - side + 1, 0) : top + side, max(left - side + 1, 0) : left + side] = -1
    return places


def _error_map(error: np.ndarray) -> np.ndarray:
    levels = np.minimum(error * _BRIGHTER, 255).astype(np.uint8)
    return cv2.applyColorMap(_small(levels, _LONGEST_MAP), cv2.COLORMAP_INFERNO)[..., ::-1]


def _confidence_map(sure: np.ndarray) -> np.ndarray:
    """As `deblur --confidence` draws it: viridis, dark is 0 and bright is 1."""
    levels = np.round(255 * np.clip(sure, 0, 1)).astype(np.uint8)
    return cv2.applyColorMap(_small(levels, _LONGEST_MAP), cv2.COLORMAP_VIRIDIS)[..., ::-1]


def _small(image: np.ndarray, longest: int) -> np.ndarray:
    height, width = image.shape[:2]
    scale = min(1.0, longest / max(height, width))
    if scale == 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
