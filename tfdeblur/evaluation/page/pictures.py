"""Pictures of a page: images as JPEG, maps of what was found, the places that differ most."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from tfdeblur.evaluation.outputs.systems import Output
from tfdeblur.evaluation.page.places import (
    LONGEST,
    QUALITY,
    folder_of,
    picture_name,
    small,
    worst_places,
    write_jpeg,
)
from tfdeblur.evaluation.report_parts import make_folder
from tfdeblur.evaluation.scores.saliency import heat_map
from tfdeblur.operators import flow_to_color

_LONGEST_MAP = 640  # side of maps, pixels
_QUALITY_MAP = 80
_BRIGHTER = 4  # times, of errors in a map


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
        pictures = {"blurred": small(blurred, LONGEST), "sharp": small(sharp, LONGEST)}
        pictures |= {"hblurred": heat_map(blurred), "hsharp": heat_map(sharp)}
        places = {}
        for name, output in results.items():
            image, kind = output.image, self._systems.index(name)
            error = np.abs(image.astype(np.float32) - sharp).mean(axis=-1)
            places[name] = worst_places(error)
            pictures[f"s{kind}"] = small(image, LONGEST)
            pictures[f"e{kind}"] = _error_map(error)
            pictures[f"h{kind}"] = heat_map(image)
            if output.flow is not None:
                pictures[f"f{kind}"] = small(flow_to_color(output.flow), _LONGEST_MAP)
            if output.sure is not None:
                pictures[f"c{kind}"] = _confidence_map(output.sure)
        files = {}
        for kind, picture in pictures.items():
            files[kind] = picture_name(number, kind)
            quality = _QUALITY_MAP if kind[0] in "ehfc" else QUALITY
            write_jpeg(self._folder / files[kind], picture, quality)
        return places, files


def _error_map(error: np.ndarray) -> np.ndarray:
    levels = np.minimum(error * _BRIGHTER, 255).astype(np.uint8)
    return cv2.applyColorMap(small(levels, _LONGEST_MAP), cv2.COLORMAP_INFERNO)[..., ::-1]


def _confidence_map(sure: np.ndarray) -> np.ndarray:
    """As `deblur --confidence` draws it: viridis, dark is 0 and bright is 1."""
    levels = np.round(255 * np.clip(sure, 0, 1)).astype(np.uint8)
    return cv2.applyColorMap(small(levels, _LONGEST_MAP), cv2.COLORMAP_VIRIDIS)[..., ::-1]
