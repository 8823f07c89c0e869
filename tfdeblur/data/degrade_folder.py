"""A copy of a folder of pairs whose blurred halves are damaged as photographs often are.

    OUT/{blur,sharp}/NAME.png

What a network makes of it tells how robust it is: pairs are as clean as the camera that took them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from tfdeblur.data.degrade import Degradation, degrade
from tfdeblur.data.pair_files import MadePair, make_folders, write_pair
from tfdeblur.data.pair_search import Pair
from tfdeblur.data.sources import FolderSource
from tfdeblur.data.synthesis_record import (
    make_record,
    pair_seed,
    read_record,
    refuse_other,
    write_record,
)
from tfdeblur.errors import InvalidInput
from tfdeblur.image.codec import to_float, to_uint8

RECORD = "degrading.json"


@dataclass(frozen=True)
class Degrading:
    """What is done to the pairs, in this order.

    Args:
        half: whether both images are brought to half their size: every 2 x 2 pixels become their
            mean, an odd last row or column is left out.
        noise: standard deviation of Gaussian noise on the blurred image, in units of [0, 1], at
            most `MOST_NOISE`.
        jpeg: quality, 1 to 100, of the JPEG that the blurred image is passed through; None: none.
        seed: int >= 0, of the noise, which also depends on the name of the pair.

    Raises:
        InvalidInput: if one is out of range, or nothing is to be done.
    """

    half: bool = False
    noise: float = 0.0
    jpeg: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        Degradation(self.noise, jpeg_quality=self.jpeg)
        if self.seed < 0:
            raise InvalidInput(f"`seed` must be at least 0. Received: seed={self.seed}")
        if not (self.half or self.noise or self.jpeg is not None):
            raise InvalidInput(
                "There is nothing to do to the pairs: give --noise, --jpeg or --half."
            )


def degrade_folder(
    pairs: Sequence[Pair], out: str | Path, degrading: Degrading, white_level: str | int = "auto"
) -> Iterator[MadePair]:
    """Makes the pairs that are not there yet; yields what becomes of each, in order.

    Args:
        pairs: from `find_pairs`.
        out: folder for the copies; new, or begun with the same pairs in the same way.
        degrading: what to do.
        white_level: which level of 16-bit files is white; what is written has 8 bits.

    Raises:
        InvalidInput: if `out` holds something else, or was begun in another way.
        DataError: if headers of files cannot be read.
        TfdeblurError: if the disk is full. Pairs finished before are kept.
    """
    out = Path(out)
    record = make_record({**asdict(degrading), "white_level": white_level}, [])
    record["photographs"] = {
        pair.name: sum(path.stat().st_size for path in (pair.blurred, pair.sharp)) for pair in pairs
    }
    earlier = read_record(out / RECORD)
    if earlier is not None:
        refuse_other(earlier, record, out)
    elif out.is_file() or any((out / name).exists() for name in ("blur", "sharp")):
        raise InvalidInput(
            "`out` must be a new folder, or one that holds pairs made here: what is there would "
            f"be taken for done. Received: {out}, without {RECORD}."
        )
    source = FolderSource(pairs, cache_bytes=0, white_level=white_level)
    make_folders(out)
    write_record(out / RECORD, record)
    for index, pair in enumerate(pairs):

        def make(index: int = index, name: str = pair.name) -> tuple[np.ndarray, np.ndarray]:
            return degraded_pair(source.load(index), name, degrading)

        yield write_pair(out, pair.name, make)


def degraded_pair(
    pair: np.ndarray, name: str, degrading: Degrading
) -> tuple[np.ndarray, np.ndarray]:
    """The damaged blurred image and its sharp partner; a pure function of its arguments.

    Args:
        pair: uint8 `(2, height, width, 3)`, blurred first.
        name: of the pair.
        degrading: what to do.

    Returns:
        Two of uint8 `(height, width, 3)`, or half the sides.

    Raises:
        InvalidInput: if an image is too small to be halved, or too large for JPEG.
    """
    blurred, sharp = pair
    if degrading.half:
        blurred, sharp = _half(blurred, name), _half(sharp, name)
    if degrading.noise or degrading.jpeg is not None:
        degradation = Degradation(degrading.noise, jpeg_quality=degrading.jpeg)
        seed = pair_seed(degrading.seed, name, 0)
        blurred = to_uint8(degrade(to_float(blurred), degradation, seed))
    return blurred, sharp


def _half(image: np.ndarray, name: str) -> np.ndarray:
    height, width = image.shape[0] // 2, image.shape[1] // 2
    if not (height and width):
        raise InvalidInput(
            f"{name} must have at least 2 x 2 pixels to be halved. Received: "
            f"{image.shape[1]} x {image.shape[0]}"
        )
    even = np.ascontiguousarray(image[: 2 * height, : 2 * width])
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA))
