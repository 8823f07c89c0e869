"""Training and validation pairs of a run, and the check that they are apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfdeblur.config import DataConfig, TrainConfig
from tfdeblur.data import open_source
from tfdeblur.data.blur_source import BlurringSource, RandomBlur, open_photographs
from tfdeblur.data.damage import DamagedSource
from tfdeblur.data.dynamic_source import DynamicSource, open_dynamic
from tfdeblur.data.folders import splits_in
from tfdeblur.data.mixed_source import MixedSource
from tfdeblur.data.pair_lists import is_list
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.training.flow_sources import open_flow_sources


@dataclass
class Data:
    """Sources of a run; `validation` is None where nothing is validated."""

    train: Any
    validation: Any | None


def open_data(config: TrainConfig) -> Data:
    """Opens training and validation pairs and checks that they are apart.

    Raises:
        DataError: if pairs are missing or broken, or a pair would be trained and validated on.
    """
    if config.model == "sen":
        train, validation = open_flow_sources(config.data)
    else:
        train, validation = _open_pairs(config)
    if validation is not None:
        _refuse_overlap(train, validation)
    return Data(train, validation)


def _open_pairs(config: TrainConfig) -> tuple[Any, Any | None]:
    data = config.data
    cache = data.cache_mb * 2**20
    train, test_split = _open_training(config, cache)
    validation = None
    reading = _reading(data, cache)
    if data.validation:
        _, split = _default_splits(data.validation)
        split = data.validation_split or split
        validation = open_source(data.validation, split, data.validation_only, **reading)
    elif test_split or data.validation_only:
        split = data.validation_split or test_split
        validation = open_source(data.train, split, data.validation_only, **reading)
    return train, validation


def _open_training(config: TrainConfig, cache: int) -> tuple[Any, str | None]:
    """The training pairs, and the split of their data set to validate on, if it has one."""
    data = config.data
    only, exclude = data.train_only, data.train_exclude
    if data.blur and not data.blur_photos:
        # A validation on random motions could not be compared with another run's.
        if data.validation_only and not data.validation:
            raise InvalidInput(
                "`--val-only` needs pairs: photographs are blurred for training only. Received: "
                f"--val-only {' '.join(data.validation_only)}. Give pairs with --val."
            )
        return _photographs(config, data.train, only, exclude), None
    train_split, test_split = _default_splits(data.train)
    split = data.train_split or train_split
    train: Any = open_source(data.train, split, only, exclude, **_reading(data, cache))
    if data.damage:
        train = DamagedSource(train, data.damage)
    if data.blur_photos:
        train = MixedSource(train, _photographs(config, data.blur_photos), data.blur_share)
    return train, test_split


def _reading(data: DataConfig, cache: int) -> dict[str, Any]:
    """How pairs are read, as options of `open_source`."""
    return {"cache_bytes": cache, "patterns": data.pairs, "white_level": data.white_level}


def _photographs(
    config: TrainConfig, folder: str, only: Sequence[str] = (), exclude: Sequence[str] = ()
) -> BlurringSource | DynamicSource:
    """Photographs to be blurred while training, as `data.blur` says."""
    data = config.data
    cache = data.cache_mb * 2**20
    if data.blur == "dynamic":
        return open_dynamic(folder, config.dynamic, only, exclude, cache, data.white_level)
    blur = RandomBlur(data.blur_law, data.blur_extent, data.blur_strength)
    return open_photographs(folder, blur, only, exclude, cache, data.white_level)


def _default_splits(data: str) -> tuple[str | None, str | None]:
    if not Path(data).expanduser().is_dir() and not is_list(data):
        return "train", "test"  # TFDS's usual names
    there = splits_in(data)
    return tuple(s if s in there else None for s in ("train", "test"))  # type: ignore


def _refuse_overlap(train: Any, validation: Any) -> None:
    def files(source: Any) -> set[str]:
        pairs = getattr(source, "pairs", [])
        return {str(Path(pair.sharp).resolve()) for pair in pairs}

    both = sorted(files(train) & files(validation))
    if both:
        raise DataError(
            f"{len(both)} pairs are in training and in validation, e.g. {both[0]}. Validation "
            "data is never trained on: keep them apart with --train-exclude, or --val."
        )
