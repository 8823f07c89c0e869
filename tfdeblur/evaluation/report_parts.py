"""What the reports share: means, the lines about data and machine, JSON files."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tfdeblur.errors import DataError
from tfdeblur.image.atomic import write_atomically


def mean(values: Iterable[float]) -> float:
    """Mean, in double precision; NaN of nothing."""
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else math.nan


def finite_mean(values: Iterable[float]) -> float:
    """Mean without infinite values; infinite where all are, NaN where one is NaN.

    An image that equals its sharp one has an infinite PSNR, and one such image would make the mean
    over a thousand others say nothing. Whoever shows this mean says how many were left out.
    """
    numbers = list(values)
    finite = [number for number in numbers if not math.isinf(number)]
    return mean(finite or numbers)


def data_line(data: str, split: str | None, done: int, count: int | None, unit="images") -> str:
    """Which data, and how much of it was measured."""
    of = "" if count in (None, done) else f" of {count}"
    return f"{data}{f', split {split}' if split else ''}: {done}{of} {unit}"


def model_line(model: str, settings: dict[str, Any]) -> str:
    """The model, with what was asked for; the rest goes without saying, and JSON has all of it."""
    asked = {key: value for key, value in settings.items() if value not in (None, False)}
    return model + (f" ({', '.join(f'{k} {v}' for k, v in asked.items())})" if asked else "")


def machine_line(machine: dict[str, Any]) -> str:
    """Processor, cores, accelerators and TensorFlow, of `timing.machine_facts`."""
    parts = [
        str(machine.get("cpu", "?")),
        f"{machine.get('cores', '?')} cores",
        *machine.get("accelerators", ()),
        f"TensorFlow {machine.get('tensorflow', '?')}",
    ]
    return ", ".join(parts)


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, if missing; raises `DataError` where it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be made: {error.strerror}.") from error


def write_json(values: dict[str, Any], path: str | Path) -> None:
    """Writes JSON to `path`: all of it, or nothing. An older file is replaced.

    Raises:
        DataError: if it cannot be written.
    """
    text = json.dumps(values, indent=2, allow_nan=False, ensure_ascii=False)
    write_atomically(Path(path), (text + "\n").encode())
