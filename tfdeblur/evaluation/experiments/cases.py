"""Images that experiments are made on: pairs, or pairs with the flows that blurred them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tfdeblur.data.flow_folder import FlowFolder, has_flows
from tfdeblur.data.flow_sources import open_flow_source
from tfdeblur.data.sources import PairSource
from tfdeblur.data.tfds_flow_source import TfdsFlowSource
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.evaluation.gopro import (
    EvaluationPair,
    PairList,
    check_limit,
    find_evaluation_pairs,
    load_pair,
    white_of_files,
)
from tfdeblur.image.codec import to_float
from tfdeblur.image.white_level import WhiteLevel
from tfdeblur.operators.flow import crop_flow

SMALLEST = 11  # pixels: the window of SSIM must fit


@dataclass(frozen=True)
class Case:
    """One image to restore.

    Attributes:
        name: of the image.
        blurred: float32 `(height, width, 3)` in [0, 1].
        sharp: uint8 of the same shape.
        flow: float32 `(height, width, 2)`, pixels, canonical; None where it is not known.
    """

    name: str
    blurred: np.ndarray
    sharp: np.ndarray
    flow: np.ndarray | None = None


@dataclass(frozen=True)
class Cases:
    """Images, each read when it is asked for.

    Attributes:
        names: one an image.
        load: image `index`, whole.
        size: int, largest side of the centre part that is taken, pixels; 0: all of it.
    """

    names: Sequence[str]
    load: Callable[[int], Case]
    size: int = 0

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[tuple[str, Callable[[], Case]]]:
        """Names, and what reads the image of that name."""
        return ((name, partial(self._read, i)) for i, name in enumerate(self.names))

    def _read(self, index: int) -> Case:
        case = centre_crop(self.load(index), self.size)
        height, width = case.sharp.shape[:2]
        if min(height, width) < SMALLEST:
            raise InvalidInput(
                f"{case.name}: images must be at least {SMALLEST}x{SMALLEST} pixels, the window of "
                f"SSIM. Received: {height}x{width} (height x width)"
            )
        return case


def find_cases(
    data: str,
    split: str | None = None,
    limit: int | None = None,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    size: int = 0,
    flows: bool = False,
    patterns: Sequence[str] = (),
    white_level: str | int = "auto",
) -> Cases:
    """Lists the images of a folder of pairs or a TFDS data set.

    Args:
        data, split, limit, only, exclude, patterns: as for `find_evaluation_pairs`.
        size: see `Cases`.
        flows: whether the flows that blurred the images are needed.
        white_level: as for `evaluate_pairs`.

    Raises:
        InvalidInput: if `limit` or `size` is not what it must be.
        DataError: if there is no such data, it holds no pairs, or no flows where they are needed.
    """
    check_limit(limit)
    _check_size(size)
    if not flows:
        pairs = find_evaluation_pairs(
            data, split, limit, only=only, exclude=exclude, patterns=patterns
        )
        return _of_pairs(pairs, size, white_of_files(pairs, white_level))
    if patterns:
        raise InvalidInput("`--pairs` names no flows, which are needed here. Leave it out.")
    if white_level != "auto":
        raise InvalidInput(
            "`--white-level` is for folders of pairs without flows, which are needed here. Leave "
            f"it out. Received: --white-level {white_level}"
        )
    source = _open_with_flows(data, split, only, exclude)

    def load_with_flow(index: int) -> Case:
        blurred, sharp = source.load(index)
        return Case(source.names[index], to_float(blurred), sharp, source.load_labelled(index)[1])

    return Cases(source.names[:limit], load_with_flow, size)


def source_cases(source: PairSource, limit: int | None = None, size: int = 0) -> Cases:
    """The images of pairs that are open already, such as a run's validation pairs.

    Args:
        source: of `data.open_source`.
        limit: int >= 1, the first so many pairs; None takes all.
        size: see `Cases`.

    Raises:
        InvalidInput: if `limit` or `size` is not what it must be.
    """
    check_limit(limit)
    _check_size(size)
    return _of_pairs(PairList(source, min(source.count, limit or source.count)), size)


def _of_pairs(pairs: Sequence[EvaluationPair], size: int, white: WhiteLevel | None = None) -> Cases:
    names = [pair.name for pair in pairs]

    def load(index: int) -> Case:
        return Case(names[index], *load_pair(pairs[index], white))

    return Cases(names, load, size)


def _check_size(size: int) -> None:
    if size and size < SMALLEST:
        raise InvalidInput(
            f"`size` must be 0 (whole images) or at least {SMALLEST} pixels. Received: size={size}"
        )


def _open_with_flows(
    data: str, split: str | None, only: Sequence[str], exclude: Sequence[str]
) -> FlowFolder | TfdsFlowSource:
    if Path(data).expanduser().is_dir() and not has_flows(data):
        raise DataError(
            "`data` must be pairs with their flows: a folder with blur/, sharp/ and flow/, as "
            "`tfdeblur data synthesize` writes it, or a TFDS data set with flows (motion_flow). "
            f"Received: data={data!r}, which holds no flow/"
        )
    source = open_flow_source(data, split, None, only, exclude, cache_bytes=0)
    if not isinstance(source, FlowFolder | TfdsFlowSource):
        raise DataError(f"{data} holds no pairs with flows.")
    return source


def centre_crop(case: Case, size: int) -> Case:
    """The middle of an image, at most `size` pixels high and wide; all of it where `size` is 0."""
    height, width = case.sharp.shape[:2]
    rows, columns = min(height, size or height), min(width, size or width)
    top, left = (height - rows) // 2, (width - columns) // 2
    place = (slice(top, top + rows), slice(left, left + columns))
    flow = None if case.flow is None else crop_flow(case.flow, top, left, rows, columns)
    return Case(case.name, case.blurred[place], case.sharp[place], flow)
