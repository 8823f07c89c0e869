"""The GOPRO protocol: whole images, one value per image, mean over images.

The same three numbers for the blurred input and for the restored image, both as saved 8-bit PNG
files would hold them, against the sharp image (`metrics.image`). Source: Nah et al., CVPR 2017,
arXiv:1612.02177, sec. 4: the 1,111 test pairs of GOPRO_Large, 1280x720.
"""

import logging
import time
import warnings
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tfdeblur.data.folders import find_pairs
from tfdeblur.data.opening import open_source
from tfdeblur.data.pair_lists import is_list
from tfdeblur.data.pair_search import Pair
from tfdeblur.data.sources import PairSource, white_of_pairs
from tfdeblur.errors import InvalidInput, TfdeblurError
from tfdeblur.evaluation.panels import write_panel
from tfdeblur.evaluation.report import EvaluationReport, ImageScore
from tfdeblur.evaluation.report_base import Failure
from tfdeblur.evaluation.report_parts import make_folder
from tfdeblur.evaluation.timing import machine_facts
from tfdeblur.image.codec import (
    decode_image,
    read_image,
    to_float,
    to_uint8,
)
from tfdeblur.image.white_level import WhiteLevel
from tfdeblur.metrics import psnr_rgb_u8, ssim_gauss, ssim_matlab3d
from tfdeblur.restorers.protocol import DegenerateOutputWarning, NotConvergedWarning

logger = logging.getLogger(__name__)

METRICS = {"psnr_rgb_u8": psnr_rgb_u8, "ssim_gauss": ssim_gauss, "ssim_matlab3d": ssim_matlab3d}


class EvaluationPair(Protocol):
    """What is evaluated: `data.folders.Pair`, or anything with these attributes.

    Attributes:
        name: str, names the pair in the report.
        blurred, sharp: path of an image file, the bytes of one, or an array
            `(height, width, 3)`, uint8, uint16 or float in [0, 1].
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def blurred(self) -> Any: ...  # noqa: D102
    @property
    def sharp(self) -> Any: ...  # noqa: D102


@dataclass(frozen=True)
class SourcePair:
    """Pair `index` of a `data.sources.PairSource`, decoded when it is first looked at."""

    source: PairSource
    index: int

    @property
    def name(self) -> str:
        """Name of the pair."""
        return self.source.names[self.index]

    @property
    def blurred(self) -> np.ndarray:
        """uint8 `(height, width, 3)`."""
        return self._images[0]

    @property
    def sharp(self) -> np.ndarray:
        """uint8 `(height, width, 3)`."""
        return self._images[1]

    @cached_property
    def _images(self) -> np.ndarray:
        return self.source.load(self.index)


class PairList(Sequence[EvaluationPair]):
    """The pairs of a source, each made anew when asked for, so that none stays in memory."""

    def __init__(self, source: PairSource, count: int) -> None:
        self._source, self._count = source, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index):
        if not 0 <= index < self._count:
            raise IndexError(index)
        return SourcePair(self._source, index)


def find_evaluation_pairs(
    data: str | Path,
    split: str | None = None,
    limit: int | None = None,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    patterns: Sequence[str] = (),
) -> Sequence[EvaluationPair]:
    """Lists the pairs of a folder or a TFDS data set.

    Unlike before training, the files of a folder are not looked into: a broken one costs its own
    score, not the evaluation. A missing partner does: the folder is not what it seems to be.

    Args:
        data: folder of pairs (`data.pair_search.LAYOUTS`), CSV file of pairs, or the name of a
            TFDS data set.
        split: "test", "train", ...; None takes all. A folder without splits is taken whole.
        limit: int >= 1, the first so many pairs; None takes all.
        only, exclude: glob patterns on names of pairs.
        patterns: of the paths of blurred and sharp images, see `find_pairs`.

    Raises:
        InvalidInput: if `limit` is below 1, or there are patterns, but no folder.
        DataError: if there is no such data, or it holds no pairs.
    """
    check_limit(limit)
    if Path(data).expanduser().is_dir() or is_list(data):
        return find_pairs(data, split, check=False, only=only, exclude=exclude, patterns=patterns)[
            :limit
        ]
    source = open_source(data, split, only, exclude, cache_bytes=0, patterns=patterns)
    return PairList(source, min(source.count, limit or source.count))


def check_limit(limit: int | None) -> None:
    """Raises InvalidInput unless a number of images is None (all) or at least 1."""
    if limit is not None and limit < 1:
        raise InvalidInput(f"`limit` must be at least 1. Received: limit={limit}")


def evaluate_pairs(
    restorer: Callable[[np.ndarray], Any],
    pairs: Iterable[EvaluationPair],
    on_progress: Callable[[EvaluationReport], None] | None = None,
    *,
    data: str = "",
    model: str = "",
    split: str | None = None,
    settings: dict[str, Any] | None = None,
    panels: str | Path | None = None,
    white_level: str | int = "auto",
) -> EvaluationReport:
    """Restores every blurred image and measures it before and after.

    The first call with each size is made once more before it is timed: it traces and compiles,
    and would be counted as seconds per image otherwise.

    Args:
        restorer: a `Restorer`, or a function from float32 `(height, width, 3)` in [0, 1] to an
            object with `image` (same shape, float or uint8) and, if it has them,
            `degenerate` (True where the input was kept), `score` (confidence of the image, 0..1),
            `passes` (int, in the result) and `remark` (text).
        pairs: what to measure, in this order.
        on_progress: called with the growing report after each pair; keeping it is a way to keep
            the finished part of an evaluation that is interrupted.
        data, model, split, settings: what the report says was measured.
        panels: folder for one blurred | restored | sharp PNG per pair, made if missing; files of
            the same name are replaced. None writes none.
        white_level: which level of 16-bit files is white, as for `WhiteLevel`; found out, it is
            that of all files together.

    Returns:
        `EvaluationReport`. A pair that cannot be read, whose sizes differ or that is smaller than
        the 11x11 window is in `failures`; the others are done.

    Raises:
        DataError: if the folder for panels cannot be made.
    """
    report = EvaluationReport(
        data=data,
        model=model,
        split=split,
        count=len(pairs) if isinstance(pairs, Sized) else None,
        settings=settings or {},
        machine=machine_facts(),
    )
    if panels is not None:
        make_folder(Path(panels))
    pairs = pairs if isinstance(pairs, Sequence) else list(pairs)
    white = white_of_files(pairs, white_level)
    for pair in pairs:
        try:
            blurred, sharp = load_pair(pair, white)
            found, seconds = _restore(restorer, blurred, report)
            restored = to_uint8(np.asarray(found.image))
            report.images.append(_score(pair.name, blurred, restored, sharp, seconds, found))
            if panels is not None:
                write_panel(Path(panels), pair.name, blurred, restored, sharp)
        except TfdeblurError as error:
            report.failures.append(Failure(pair.name, str(error)))
            logger.debug("%s failed", pair.name, exc_info=True)
        if on_progress is not None:
            on_progress(report)
    return report


def white_of_files(pairs: Iterable[EvaluationPair], wanted: str | int = "auto") -> WhiteLevel:
    """One level of white for those of the pairs that are files."""
    return white_of_pairs([pair for pair in pairs if isinstance(pair, Pair)], wanted)


def load_pair(
    pair: EvaluationPair, white: WhiteLevel | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Blurred as float32 in [0, 1] (all 16 bits, if it has them), sharp as uint8.

    Of images with alpha it is what is seen on black.
    """
    blurred, sharp = (_decode(one, pair.name, white) for one in (pair.blurred, pair.sharp))
    if blurred.shape != sharp.shape:
        raise InvalidInput(
            f"{pair.name}: `blurred` and `sharp` must have the same size. Received: "
            f"blurred {_size(blurred)}, sharp {_size(sharp)} (height x width)"
        )
    return to_float(blurred), to_uint8(sharp)


def _decode(image: Any, name: str, white: WhiteLevel | None) -> np.ndarray:
    if not isinstance(image, str | Path | bytes):
        return np.asarray(image)
    name = name if isinstance(image, bytes) else str(image)
    decoded = decode_image(image, name) if isinstance(image, bytes) else read_image(image)
    return (decoded if white is None else white.of(decoded, name)).seen_rgb()


def _restore(
    restorer: Callable[[np.ndarray], Any], blurred: np.ndarray, report: EvaluationReport
) -> tuple[Any, float]:
    """What the restorer returned, and seconds of the call."""
    size = _size(blurred)
    if size not in report.first_call_seconds:
        _, report.first_call_seconds[size] = _timed(restorer, blurred)
    return _timed(restorer, blurred)


def _timed(restorer: Callable[[np.ndarray], Any], blurred: np.ndarray) -> tuple[Any, float]:
    with warnings.catch_warnings():
        # The report has them as remarks of the image; warnings on top would say it twice.
        for category in (DegenerateOutputWarning, NotConvergedWarning):
            warnings.simplefilter("ignore", category)
        start = time.perf_counter()
        restored = restorer(blurred)
        np.asarray(restored.image)  # waits for accelerators, whose calls return at launch
        return restored, time.perf_counter() - start


def _score(
    name: str,
    blurred: np.ndarray,
    restored: np.ndarray,
    sharp: np.ndarray,
    seconds: float,
    found: Any,
) -> ImageScore:
    """Scores of an image as a saved PNG holds it; `found` is what the restorer returned."""
    before, after = (
        {protocol: float(metric(sharp, image)[0]) for protocol, metric in METRICS.items()}
        for image in (blurred, restored)
    )
    height, width = sharp.shape[:2]
    confidence = getattr(found, "score", None)
    return ImageScore(
        *(name, height, width, before, after, seconds),
        degenerate=bool(getattr(found, "degenerate", False)),
        confidence=None if confidence is None else float(np.mean(confidence)),
        remark=getattr(found, "remark", ""),
        passes=getattr(found, "passes", None),
    )


def _size(image: np.ndarray) -> str:
    return "x".join(str(side) for side in image.shape[:2])
