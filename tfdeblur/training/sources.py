"""Training and validation pairs of a run, and the check that they are apart."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfdeblur.config import DataConfig, TrainConfig
from tfdeblur.data import open_source
from tfdeblur.data.blur_source import RandomBlur, open_photographs
from tfdeblur.data.mixed_source import MixedSource
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
        train, validation = _open_pairs(config.data)
    if validation is not None:
        _refuse_overlap(train, validation)
    return Data(train, validation)


def _open_pairs(data: DataConfig) -> tuple[Any, Any | None]:
    cache = data.cache_mb * 2**20
    train, test_split = _open_training(data, cache)
    validation = None
    if data.validation:
        _, split = _default_splits(data.validation)
        split = data.validation_split or split
        validation = open_source(data.validation, split, data.validation_only, cache_bytes=cache)
    elif test_split or data.validation_only:
        split = data.validation_split or test_split
        validation = open_source(data.train, split, data.validation_only, cache_bytes=cache)
    return train, validation


def _open_training(data: DataConfig, cache: int) -> tuple[Any, str | None]:
    """The training pairs, and the split of their data set to validate on, if it has one."""
    only, exclude = data.train_only, data.train_exclude
    blur = RandomBlur(data.blur_law, data.blur_extent, data.blur_strength)
    if data.blur and not data.blur_photos:
        # A validation on random motions could not be compared with another run's.
        if data.validation_only and not data.validation:
            raise InvalidInput(
                "`--val-only` needs pairs: photographs are blurred for training only. Received: "
                f"--val-only {' '.join(data.validation_only)}. Give pairs with --val."
            )
        return open_photographs(data.train, blur, only, exclude, cache), None
    train_split, test_split = _default_splits(data.train)
    split = data.train_split or train_split
    train: Any = open_source(data.train, split, only, exclude, cache_bytes=cache)
    if data.blur_photos:
        photographs = open_photographs(data.blur_photos, blur, cache_bytes=cache)
        train = MixedSource(train, photographs, data.blur_share)
    return train, test_split


def _default_splits(data: str) -> tuple[str | None, str | None]:
    folder = Path(data).expanduser()
    if not folder.is_dir():
        return "train", "test"  # TFDS's usual names
    return tuple(s if (folder / s).is_dir() else None for s in ("train", "test"))  # type: ignore


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
