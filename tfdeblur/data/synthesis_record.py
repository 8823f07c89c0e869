"""What a folder of synthetic pairs says about itself: its settings, and a table of its pairs.

`synthesis.json` is written first and holds everything that decides the pairs; a later run into
the same folder is held to it. `pairs.csv` has a row a pair. While a run goes on rows are added
as pairs are finished; at its end the table is sorted, so that it does not tell how many processes
there were or whether one was killed.
"""

import csv
import dataclasses
import hashlib
import io
import json
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tfdeblur
from tfdeblur.data import flows
from tfdeblur.data.photographs import Photograph
from tfdeblur.errors import DataError, InvalidInput

logger = logging.getLogger(__name__)

RECORD = "synthesis.json"
TABLE = "pairs.csv"
COLUMNS = ("name", "split", "photograph", "number", "seed", "factor")

_MAX_NAMES_SHOWN = 5


@dataclass(frozen=True)
class SynthesisSettings:
    """Everything but the photographs that decides the pairs of a folder.

    Attributes:
        blur, law, strength, max_extent: see `synthesis.synthesize_pair`.
        per_image: pairs of each photograph.
        include_sharp: whether to add one pair of each photograph that is not blurred.
        test_images: photographs set apart for DIR/test; 0: no splits.
        seed: of all random numbers.
        limit: only the first so many photographs; 0: all.
        noise, saturation, jpeg_quality: see `degrade.Degradation`.
    """

    blur: str = "motion-flow"
    law: str = "gong2018"
    strength: str = "strong"
    max_extent: float = 23
    per_image: int = 10
    include_sharp: bool = False
    test_images: int = 0
    seed: int = 0
    limit: int = 0
    noise: float = 0.0
    saturation: float = 1.0
    jpeg_quality: int | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # 23 and 23.0 are the same setting
            if field.type is float:
                object.__setattr__(self, field.name, float(getattr(self, field.name)))

    def check(self) -> None:
        """Raises InvalidInput if a setting is out of its range."""
        for name, least in {"per_image": 1, "test_images": 0, "seed": 0, "limit": 0}.items():
            if getattr(self, name) < least:
                raise InvalidInput(
                    f"`{name}` must be at least {least}. Received: {name}={getattr(self, name)}"
                )
        flows.random_flow(0, 1, 1, self.law, self.max_extent, self.strength)
        from tfdeblur.data.degrade import Degradation  # loads tensorflow

        Degradation(self.noise, self.saturation, self.jpeg_quality)


def pair_seed(seed: int, name: str, number: int) -> int:
    """The seed of pair `number` of a photograph: the same on every machine, in any order.

    63 bits, as among some ten thousand pairs two of 31 bits would be equal.
    """
    digest = hashlib.sha256(f"{seed}\0{name}\0{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def names_for_testing(photographs: Sequence[Photograph], count: int, seed: int) -> set[str]:
    """Names of the photographs that are set apart for testing.

    Raises:
        InvalidInput: if none would be left for training.
    """
    if count >= len(photographs) and count:
        raise InvalidInput(
            f"`test_images` must leave photographs for training. Received: test_images={count} "
            f"of {len(photographs)} photographs"
        )
    names = (photograph.name for photograph in photographs)
    ranked = sorted(names, key=lambda name: hashlib.sha256(f"{seed}\0{name}".encode()).digest())
    return set(ranked[:count])


def make_record(settings: dict[str, Any], photographs: Sequence[Photograph]) -> dict[str, Any]:
    """What decides the pairs of a folder, as plain values."""
    import cv2
    import tensorflow as tf

    libraries = {"tensorflow": tf, "numpy": np, "opencv": cv2}
    return {
        "tfdeblur": tfdeblur.__version__,
        "versions": {name: library.__version__ for name, library in libraries.items()},
        "settings": settings,
        "photographs": {p.name: p.path.stat().st_size for p in photographs},
    }


def write_record(file: Path, record: dict[str, Any]) -> None:
    """Writes what `read_record` reads; an earlier record stays as it is."""
    from tfdeblur.image.atomic import write_atomically

    if not file.is_file():
        write_atomically(file, (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode())


def read_record(file: Path) -> dict[str, Any] | None:
    """The record in `file`, or None if there is none.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        return json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read: {error}. Start a new folder.") from error


def refuse_other(earlier: dict[str, Any], now: dict[str, Any], out: Path) -> None:
    """Raises InvalidInput, naming what differs, if `out` was begun with another record."""
    then, given = earlier["settings"], now["settings"]
    differing = [
        f"{name} was {then.get(name)!r} and is {given.get(name)!r} now"
        for name in given
        if given[name] != then.get(name)
    ]
    files, files_now = earlier["photographs"], now["photographs"]
    changed = [n for n in {**files, **files_now} if files.get(n) != files_now.get(n)]
    if changed and not differing:
        names = ", ".join(changed[:_MAX_NAMES_SHOWN])
        differing = [f"{len(changed)} photographs are new, gone or changed: {names}"]
    if differing:
        raise InvalidInput(
            f"`out` must be a new folder, or one of the same settings. Received: {out}, where "
            f"{'; '.join(differing)}. Give another folder, or the settings as they were."
        )
    for name in ("tfdeblur", "versions"):
        if earlier.get(name) != now[name]:
            logger.warning(
                "%s was begun with other versions (%s then, %s now): the rest may differ in bits.",
                *(out, earlier.get(name), now[name]),
            )


class PairTable:
    """The rows of `pairs.csv`, by the name of the pair.

    Args:
        file: where it is. What a killed run left of it is read.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.rows: dict[str, Sequence[str]] = {}
        text = file.read_text("utf-8") if file.is_file() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # of a killed run the last line may be half a one
            os.truncate(file, len(whole.encode("utf-8")))
        for row in csv.reader(io.StringIO(whole)):
            if len(row) == len(COLUMNS) and tuple(row) != COLUMNS:
                self.rows[row[0]] = row

    def add(self, row: Sequence[str]) -> None:
        """Adds the row of a finished pair, in the file too."""
        self.rows[row[0]] = row
        with open(self._file, "a", encoding="utf-8", newline="") as stream:
            stream.write(_line(row))

    def sorted(self, names: Iterable[str]) -> bytes:
        """The whole table in the order of `names`, those without a row left out."""
        rows = [self.rows[name] for name in names if name in self.rows]
        return "".join(map(_line, [COLUMNS, *rows])).encode("utf-8")


def _line(row: Sequence[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(row)
    return stream.getvalue()
