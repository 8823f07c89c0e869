"""Consecutive sharp frames, from files or a video, to pairs of their mean and the middle one.

    OUT/{blur,sharp}/avgN-STEM.png    N frames; STEM is the name of the first of them

How they are written: `pair_files`.
"""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from tfdeblur.data.frames import average_frames, middle_index
from tfdeblur.data.pair_files import MadePair, make_folders, write_pair
from tfdeblur.data.photographs import Photograph, find_photographs
from tfdeblur.data.synthesis_record import make_record, read_record, refuse_other, write_record
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.codec import read_image, to_uint8

logger = logging.getLogger(__name__)

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv")
RECORD = "averaging.json"


@dataclass(frozen=True)
class FrameSequence:
    """Frames that follow one another without a gap.

    Attributes:
        stems: one name a frame.
        read: maps the position of a frame to uint8 `(height, width, 3)`; to be called with
            positions that do not fall by more than the frames of one pair.
    """

    stems: Sequence[str]
    read: Callable[[int], np.ndarray]


@dataclass(frozen=True)
class Averaging:
    """How frames become pairs.

    Args:
        count: int >= 2, frames a pair.
        step: int >= 1, frames from the beginning of a pair to that of the next.
        gamma, rounding: see `frames.average_frames`.
    """

    count: int
    step: int
    gamma: float | None = None
    rounding: str = "nearest"


def find_sequences(
    source: str | Path, count: int, *, recursive: bool = False, leave_out: str | Path | None = None
) -> list[FrameSequence]:
    """Finds the frames of a folder, or opens a video.

    Frames of a folder belong together if their names differ in the number at their end alone;
    where a number is missing a new sequence begins.

    Args:
        source: folder of image files, or a video.
        count: frames that are averaged; so many of a video are kept in memory.
        recursive, leave_out: see `photographs.find_photographs`.

    Raises:
        DataError: if there are no frames, or not `count` that follow one another.
    """
    path = Path(source).expanduser()
    if is_video(path):
        sequences = [_open_video(path, count)]
    else:
        found = find_photographs(path, recursive=recursive, leave_out=leave_out)
        sequences = [_of_files(run, count) for run in _runs(found)]
    if all(len(sequence.stems) < count for sequence in sequences):
        longest = max(len(sequence.stems) for sequence in sequences)
        raise DataError(
            f"{source} must hold at least {count} frames that follow one another (files "
            f"numbered without gaps: NAME-000001.png, ...). The longest sequence has {longest}."
        )
    return sequences


def is_video(source: str | Path) -> bool:
    """Whether frames are those of a video, by its name; there must be such a file."""
    path = Path(source).expanduser()
    return path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES


def starts(sequence: FrameSequence, averaging: Averaging) -> range:
    """Positions of the first frames of all pairs of a sequence."""
    return range(0, len(sequence.stems) - averaging.count + 1, averaging.step)


def average_folder(
    sequences: Sequence[FrameSequence], out: str | Path, averaging: Averaging
) -> Iterator[MadePair]:
    """Makes the pairs that are not there yet; yields what becomes of each, in order.

    Args:
        sequences: from `find_sequences`.
        out: folder for the pairs; if pairs were averaged into it before, then in the same way.
        averaging: what to do.

    Raises:
        InvalidInput: if `out` was begun in another way.
        TfdeblurError: if the disk is full. Pairs finished before are kept.
    """
    out = Path(out)
    record = make_record(asdict(averaging), [])
    earlier = read_record(out / RECORD)
    if earlier is not None:
        refuse_other(earlier, record, out)
    make_folders(out)
    write_record(out / RECORD, record)
    for sequence in sequences:
        for start in starts(sequence, averaging):
            yield _average(sequence, start, out, averaging)


def _average(sequence: FrameSequence, start: int, out: Path, averaging: Averaging) -> MadePair:
    def make() -> tuple[np.ndarray, np.ndarray]:
        frames = [sequence.read(start + i) for i in range(averaging.count)]
        mean = average_frames(frames, averaging.gamma, averaging.rounding)
        return mean, frames[middle_index(averaging.count)]

    return write_pair(out, f"avg{averaging.count}-{sequence.stems[start]}", make)


def _runs(photographs: Sequence[Photograph]) -> list[list[Photograph]]:
    """Groups frames by what stands before their number, and parts them where one is missing."""
    runs: list[list[Photograph]] = []
    last: tuple[str, int] | None = None
    for photograph in photographs:
        match = re.fullmatch(r"(.*?)(\d+)", photograph.stem)
        place = (match[1], int(match[2])) if match else (photograph.stem, 0)
        if last is None or place != (last[0], last[1] + 1):
            runs.append([])
        runs[-1].append(photograph)
        last = place
    return runs


def _of_files(run: Sequence[Photograph], count: int) -> FrameSequence:
    @lru_cache(maxsize=count)
    def read(position: int) -> np.ndarray:
        return to_uint8(read_image(run[position].path).seen_rgb())

    return FrameSequence([photograph.stem for photograph in run], read)


def _open_video(path: Path, count: int) -> FrameSequence:
    """The frames of a video, named by their number from 1."""
    frames = 0
    capture = _capture(path)
    while capture.grab():  # what its header says of their number is often wrong
        frames += 1
    capture = _capture(path)
    position = 0

    @lru_cache(maxsize=count)
    def read(wanted: int) -> np.ndarray:
        nonlocal position
        while position < wanted and capture.grab():
            position += 1
        done, frame = capture.read()
        position += 1
        if not done:
            raise InvalidInput(f"{path}: frame {wanted + 1} cannot be decoded.")
        return frame[..., ::-1].copy()

    return FrameSequence([f"{path.stem}-{i + 1:06d}" for i in range(frames)], read)


def _capture(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise InvalidInput(f"{path} is damaged, or a kind of video that cannot be read.")
    return capture
