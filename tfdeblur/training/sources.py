"""Training and validation pairs of a run, and the check that they are apart."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfdeblur.config import TrainConfig
from tfdeblur.data import open_source
from tfdeblur.errors import DataError


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
    data = config.data
    cache = data.cache_mb * 2**20
    train_split, test_split = _default_splits(data.train)
    train = open_source(
        data.train,
        data.train_split or train_split,
        data.train_only,
        data.train_exclude,
        cache_bytes=cache,
    )
    validation = None
    if data.validation:
        _, split = _default_splits(data.validation)
        split = data.validation_split or split
        validation = open_source(data.validation, split, data.validation_only, cache_bytes=cache)
    elif test_split or data.validation_only:
        split = data.validation_split or test_split
        validation = open_source(data.train, split, data.validation_only, cache_bytes=cache)
    if validation is not None:
        _refuse_overlap(train, validation)
    return Data(train, validation)


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
