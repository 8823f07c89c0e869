"""Opens pairs by name: a folder, or a TFDS data set."""

from collections.abc import Sequence
from pathlib import Path

from tfdeblur.data.folders import find_pairs
from tfdeblur.data.sources import CACHE_BYTES, FolderSource, PairSource
from tfdeblur.errors import DataError


def open_source(
    data: str | Path,
    split: str | None = None,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    *,
    cache_bytes: int = CACHE_BYTES,
    data_dir: str | Path | None = None,
) -> PairSource:
    """Opens a folder of pairs, or a TFDS data set if there is no such folder.

    Args:
        data: path of a folder (see `folders.LAYOUTS`), or a TFDS name such as
            "gopro_large/blur".
        split: "train", "test", ... or None for all; see `find_pairs`.
        only: glob patterns on names; keeps what matches one of them (empty: all).
        exclude: glob patterns on names; drops what matches one of them.
        cache_bytes: int >= 0, memory that decoded pairs may take.
        data_dir: where TFDS keeps prepared data; None is TFDS's own default.

    Raises:
        DataError: if `data` is neither, or what it holds is not fit for use.
    """
    if Path(data).expanduser().is_dir():
        return FolderSource(find_pairs(data, split, only=only, exclude=exclude), cache_bytes)
    # Folders need no TensorFlow, which these read records with.
    from tfdeblur.data.tfds_source import TfdsSource, open_builder

    try:
        open_builder(str(data), data_dir)
    except DataError as error:
        raise DataError(
            "`data` must be a folder of pairs or the name of a TFDS data set. Received: "
            f"data={str(data)!r}. There is no such folder ({Path(data).absolute()}). {error}"
        ) from error
    return TfdsSource(
        str(data), split, data_dir, only=only, exclude=exclude, cache_bytes=cache_bytes
    )
