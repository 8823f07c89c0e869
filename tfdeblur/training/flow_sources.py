"""Blurred images with flows, for the training of SEN."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfdeblur.config import DataConfig
from tfdeblur.data.blur_source import RandomBlur
from tfdeblur.data.flow_folder import has_flows
from tfdeblur.data.flow_sources import open_flow_source


def open_flow_sources(data: DataConfig) -> tuple[Any, Any | None]:
    """Opens training and validation images; validation is None where nothing is validated.

    What has flows is taken as it is, from a folder or a TFDS data set. Photographs are blurred by
    a new motion each time they are trained on, and by one fixed motion each, in every run the
    same, for validation.

    Raises:
        DataError: if images are missing or broken.
    """
    where, split = data.train, data.train_split
    train = _open(data, where, split or _split(where, "train"), data.train_only, data.train_exclude)
    where, split = data.validation or data.train, data.validation_split
    split = split or _split(where, "test")
    if not (data.validation or data.validation_only or split):
        return train, None
    return train, _open(data, where, split, data.validation_only)


def _open(
    data: DataConfig,
    where: str,
    split: str | None,
    only: Sequence[str],
    exclude: Sequence[str] = (),
) -> Any:
    blur = RandomBlur(data.blur_law, data.blur_extent, data.blur_strength)
    cache = data.cache_mb * 2**20
    return open_flow_source(where, split, blur, only, exclude, cache_bytes=cache)


def _split(where: str, name: str) -> str | None:
    """The split called `name`, if there may be one: photographs have none, TFDS usually both."""
    folder = Path(where).expanduser()
    if not folder.is_dir():
        return name
    return name if has_flows(folder) and (folder / name).is_dir() else None
