"""Opens pairs by name: a folder, or a TFDS data set."""

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

from tfdeblur.data.folders import find_pairs
from tfdeblur.data.pair_lists import is_list
from tfdeblur.data.sources import CACHE_BYTES, FolderSource, PairSource
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.near import did_you_mean_path

# Of TFDS: NAME, NAME/CONFIG, NAME:VERSION, NAME/CONFIG:VERSION, each with NAMESPACE: before it.
_NAME = re.compile(r"(?:[a-z]+:)?([A-Za-z]\w*)(/\w+)?(:[\d.*]+)?")
_OUR_SETS = ("gopro_large", "kohler", "motion_flow", "image_pairs")


def looks_like_a_path(data: str) -> bool:
    """Whether a folder is meant that is not there, rather than a TFDS data set.

    Of pairs/train nobody knows: it is a folder where TFDS is not installed, which then would be
    told to be what is missing.
    """
    found = _NAME.fullmatch(data)
    if found is None:
        return True
    known = found[1] in _OUR_SETS or importlib.util.find_spec("tensorflow_datasets") is not None
    return bool(found[2]) and not known


def open_source(
    data: str | Path,
    split: str | None = None,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    *,
    cache_bytes: int = CACHE_BYTES,
    data_dir: str | Path | None = None,
    patterns: Sequence[str] = (),
    white_level: str | int = "auto",
) -> PairSource:
    """Opens a folder of pairs, or a TFDS data set if there is no such folder.

    Args:
        data: path of a folder (see `pair_search.LAYOUTS`) or of a CSV file of pairs, or a TFDS
            name such as "gopro_large/blur".
        split: "train", "test", ... or None for all; see `find_pairs`.
        only: glob patterns on names; keeps what matches one of them (empty: all).
        exclude: glob patterns on names; drops what matches one of them.
        cache_bytes: int >= 0, memory that decoded pairs may take.
        data_dir: where TFDS keeps prepared data; None is TFDS's own default.
        patterns: of the paths of blurred and sharp images, see `find_pairs`; of folders only.
        white_level: which level of 16-bit files is white, see `FolderSource`.

    Raises:
        InvalidInput: if there are patterns, but no folder.
        DataError: if `data` is neither, or what it holds is not fit for use.
    """
    if Path(data).expanduser().is_dir() or is_list(data):
        pairs = find_pairs(data, split, only=only, exclude=exclude, patterns=patterns)
        return FolderSource(pairs, cache_bytes, white_level)
    if patterns:
        raise InvalidInput(
            f"`--pairs` needs a folder that exists. Received: data={str(data)!r}, "
            f"--pairs {' '.join(map(repr, patterns))}"
        )
    if looks_like_a_path(str(data)):
        raise DataError(
            f"`data` must be a folder of pairs. Received: data={str(data)!r}. There is no such "
            f"folder ({Path(data).expanduser().absolute()}).{did_you_mean_path(data)}"
        )
    # Folders need no TensorFlow, which these read records with.
    from tfdeblur.data.tfds_source import TfdsSource, open_builder

    try:
        open_builder(str(data), data_dir)
    except DataError as error:
        raise DataError(
            "`data` must be a folder of pairs or the name of a TFDS data set. Received: "
            f"data={str(data)!r}. There is no such folder ({Path(data).absolute()})."
            f"{did_you_mean_path(data)} {error}"
        ) from error
    return TfdsSource(
        str(data), split, data_dir, only=only, exclude=exclude, cache_bytes=cache_bytes
    )
