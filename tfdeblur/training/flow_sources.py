"""Blurred images with flows, for the training of SEN."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfdeblur.config import DataConfig
from tfdeblur.data.blur_source import RandomBlur, open_photographs
from tfdeblur.data.flow_folder import FlowFolder, has_flows
from tfdeblur.errors import DataError


def open_flow_sources(data: DataConfig) -> tuple[Any, Any | None]:
    """Opens training and validation images; validation is None where nothing is validated.

    Folders with flows are taken as they are. Photographs are blurred by a new motion each time
    they are trained on, and by one fixed motion each, in every run the same, for validation.

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
    folder: str,
    split: str | None,
    only: Sequence[str],
    exclude: Sequence[str] = (),
) -> Any:
    if not Path(folder).expanduser().is_dir():
        raise DataError(
            "`data` must be a folder of photographs, or of pairs with flows made by `tfdeblur data "
            f"synthesize`, to train SEN on. Received: {folder}. There is no such folder."
        )
    cache = data.cache_mb * 2**20
    if has_flows(folder):
        return FlowFolder(folder, split, only, exclude, cache)
    blur = RandomBlur(data.blur_law, data.blur_extent, data.blur_strength)
    return open_photographs(folder, blur, only, exclude, cache)


def _split(folder: str, name: str) -> str | None:
    """The split called `name`, if it is a folder of pairs with flows that has it."""
    return name if has_flows(folder) and (Path(folder).expanduser() / name).is_dir() else None
