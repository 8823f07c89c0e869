"""`card.json` of a preset: what it is, what it gains, what it costs, whose it is.

Loads the standard library only: `tfdeblur presets` and `--help` answer at once.
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfdeblur import limits
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models.shipped import (
    CARD_FILE,
    DEFAULT_PRESET,
    NETWORK_FILE,
    WEIGHTS_FILE,
    shipped_folder,
)

FORMAT = 2  # as written; weights of format 1 are whole float16 values, not planes of bytes
_READABLE = (1, 2)
_COST = "bfloat16_costs_db"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_HASH = re.compile(r"[0-9a-f]{64}")

Card = dict[str, Any]
_Rule = tuple[str, Callable[[Any], bool]]


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and "\n" not in value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _maps_to(is_value: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, dict) and all(_is_line(k) and is_value(v) for k, v in value.items())
    )


_TEXTS: _Rule = ("an object of lines of text", _maps_to(_is_line))
# What the maker of a preset writes: what each must be, and whether it is.
FACTS: dict[str, _Rule] = {
    "name": (
        "letters, digits, '_', '-' and '.'",
        lambda value: isinstance(value, str) and bool(_NAME.fullmatch(value)),
    ),
    "description": ("one line of text", _is_line),
    "licences": (
        "a list of names of licences",
        lambda value: isinstance(value, list) and bool(value) and all(map(_is_line, value)),
    ),
    "gains_db": ("an object: dB gained by data set", _maps_to(_is_number)),
    "seconds_per_megapixel": (
        "an object: seconds by processor",
        _maps_to(lambda value: _is_number(value) and value > 0),
    ),
    _COST: ("a number: dB that bfloat16 loses against float32", _is_number),
    "precision": _TEXTS,
    "source": _TEXTS,
    "training": _TEXTS,
}
NEEDED = ("name", "description", "licences")
# What `save_preset` adds.
_MEASURED: dict[str, _Rule] = {
    "format": ("a whole number", lambda value: isinstance(value, int)),
    "parameters": ("a whole number", lambda value: isinstance(value, int) and value > 0),
    "megabytes": ("a number", lambda value: _is_number(value) and value > 0),
    "sha256": (
        f"an object with the SHA-256 of {NETWORK_FILE} and {WEIGHTS_FILE}",
        lambda value: (
            isinstance(value, dict)
            and set(value) == {NETWORK_FILE, WEIGHTS_FILE}
            and all(isinstance(v, str) and _HASH.fullmatch(v) for v in value.values())
        ),
    ),
}


def check_facts(facts: Mapping[str, Any]) -> Card:
    """Returns what the maker of a preset says about it, complete.

    Raises:
        InvalidInput: if a key is unknown or missing, or a value is not what it must be.
    """
    complaint = _complaint(facts, FACTS, NEEDED)
    if complaint:
        raise InvalidInput(f"`card`: {complaint}")
    return {name: facts.get(name, {}) for name in FACTS if name in facts or name != _COST}


def read_card(folder: str | os.PathLike[str]) -> Card:
    """Reads the card of a preset.

    Raises:
        DataError: if it is missing, damaged, or of another format.
    """
    path = Path(folder) / CARD_FILE
    card = parse_json(path, read_small(path))
    # Before all else: cards of other formats may hold anything.
    version = card.get("format") if isinstance(card, dict) else None
    if version not in _READABLE or isinstance(version, bool):
        newer = isinstance(version, int) and version > FORMAT
        advice = "install a newer tfdeblur" if newer else "make the preset again"
        raise DataError(
            f"{path} is of format {version!r}, and this tfdeblur reads formats 1 to {FORMAT}: "
            f"{advice}."
        )
    complaint = _complaint(card, FACTS | _MEASURED, (*NEEDED, *_MEASURED))
    if complaint:
        raise DataError(f"{path} is damaged: {complaint}")
    return card


def check_files(folder: str | os.PathLike[str], card: Card) -> None:
    """Raises DataError, with the file, where one is missing or not what the card describes."""
    for name in card["sha256"]:
        path = Path(folder) / name
        try:
            found = file_sha256(path)
        except OSError as error:
            raise DataError(
                f"{path} cannot be read: {error.strerror}. A preset is a whole folder: copy all of "
                "it."
            ) from error
        check_hash(path, found, card)


def check_hash(path: Path, found: str, card: Card) -> None:
    """Raises DataError where `found` is not the SHA-256 that the card has of a file."""
    wanted = card["sha256"][path.name]
    if found != wanted:
        raise DataError(
            f"{path} is not the file that {CARD_FILE} beside it describes: it is damaged, cut, or "
            f"of another preset. Its SHA-256 is {found}, not {wanted}. Copy the whole folder again."
        )


def bfloat16_cost(folder: str | os.PathLike[str], files: Sequence[str]) -> float | None:
    """What bfloat16 costs a model that is no preset, as a card beside it says.

    Such a card needs no more than `bfloat16_costs_db` and `sha256`, the hashes of `files`.

    Args:
        folder: of the model, such as a training run.
        files: names of its weights; of others than these, trained on since, the card says nothing.

    Returns:
        dB; None where there is no card, it does not say, or it is of other weights.

    Raises:
        DataError: if the card cannot be read, or what it says is no number.
    """
    folder = Path(folder)
    path = folder / CARD_FILE
    if not path.is_file():
        return None
    card = parse_json(path, read_small(path))
    if not isinstance(card, dict):
        raise DataError(f"{path} is damaged: it must be an object of JSON.")
    if _COST not in card:
        return None
    complaint = _complaint({_COST: card[_COST]}, FACTS, ())
    if complaint:
        raise DataError(f"{path} is damaged: {complaint}")
    hashes = card.get("sha256")
    known = isinstance(hashes, dict) and all(
        hashes.get(name) == file_sha256(folder / name) for name in files
    )
    return float(card[_COST]) if known else None


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_small(path: Path) -> bytes:
    """Reads a file of JSON whole.

    Raises:
        DataError: if it is missing, cannot be read, or is far too large for what it should be.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(limits.MOST_BYTES_OF_A_TEXT + 1)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}. A preset is a whole folder: copy all of it."
        ) from error
    if len(data) > limits.MOST_BYTES_OF_A_TEXT:
        raise DataError(
            f"{path} is damaged: it is larger than {limits.MOST_BYTES_OF_A_TEXT} bytes."
        )
    return data


def parse_json(path: Path, data: bytes) -> Any:
    """Parses what was read from `path`.

    Raises:
        DataError: if it is no JSON.
    """
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is damaged, it is no JSON: {error}") from error


def _complaint(found: Mapping[str, Any], rules: Mapping[str, _Rule], needed) -> str | None:
    if not isinstance(found, Mapping):
        return f"it must be an object of JSON. Received: {type(found).__name__}"
    unknown = sorted(set(found) - set(rules), key=str)
    if unknown:
        return f"unknown keys {unknown}; valid ones are {list(rules)}"
    missing = [name for name in needed if name not in found]
    if missing:
        return f"{missing} are missing"
    for name, value in found.items():
        what, is_right = rules[name]
        if not is_right(value):
            return f"{name!r} must be {what}. Received: {value!r:.200}"
    return None


def gains_text(card: Mapping[str, Any]) -> str:
    """What it gains, for people: `GOPRO +4.1 dB, REDS +2.3 dB`; empty where nothing is known."""
    return ", ".join(f"{data} {gain:+.1f} dB" for data, gain in card.get("gains_db", {}).items())


def default_text() -> str:
    """The default preset and what it gains, for help texts; never fails."""
    folder = shipped_folder(DEFAULT_PRESET)
    if folder is None:
        return f"{DEFAULT_PRESET}, which this installation lacks"
    try:
        gains = gains_text(read_card(folder))
    except DataError:
        return f"{DEFAULT_PRESET}, whose card is damaged"
    return f"{DEFAULT_PRESET}: {gains}" if gains else DEFAULT_PRESET
