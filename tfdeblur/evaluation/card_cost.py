"""Writes what bfloat16 costs into the card of a model."""

import json
from pathlib import Path
from typing import Any

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.atomic import write_atomically
from tfdeblur.models.load import PIPELINE_FILE, SEN_FILE
from tfdeblur.models.preset_card import file_sha256, parse_json, read_card, read_small
from tfdeblur.models.preset_text import card_text
from tfdeblur.models.shipped import CARD_FILE, GENERATOR_FILE, README_FILE, holds_preset


def write_bfloat16_cost(folder: str | Path, cost: float, how: str) -> Path:
    """Writes it into `card.json`; README.md of a preset too, if it was made of the card.

    Args:
        folder: of a preset, a training run, or an RP-GAN. Of the last two the card holds hashes of
            the networks, so that it says nothing once they have been trained on.
        cost: dB that bfloat16 loses against float32.
        how: it was measured, one line of text.

    Returns:
        The card.

    Raises:
        InvalidInput: if the folder holds neither.
        DataError: if the card or a network cannot be read, or the card cannot be written.
    """
    folder = Path(folder)
    path = folder / CARD_FILE
    if holds_preset(folder):
        before = read_card(folder)
        precision = {**before.get("precision", {}), "bfloat16": how}
        card = {**before, "bfloat16_costs_db": cost, "precision": precision}
        readme = folder / README_FILE
        if readme.is_file() and readme.read_bytes() == card_text(before).encode():
            _write(readme, card_text(card))
    else:
        card = _beside(folder, path) | {"bfloat16_costs_db": cost, "precision": {"bfloat16": how}}
    _write(path, json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    return path


def _beside(folder: Path, path: Path) -> dict[str, Any]:
    """The card of a model that is no preset, with the hashes of its networks."""
    if not (folder / GENERATOR_FILE).is_file():
        raise InvalidInput(
            f"`folder` must be a preset, or a run that holds {GENERATOR_FILE}. Received: {folder}"
        )
    rp_gan = (folder / PIPELINE_FILE).is_file()
    names = (SEN_FILE, GENERATOR_FILE) if rp_gan else (GENERATOR_FILE,)
    card = parse_json(path, read_small(path)) if path.is_file() else {}
    if not isinstance(card, dict):
        raise DataError(f"{path} is damaged: it must be an object of JSON.")
    return {**card, "sha256": {name: file_sha256(folder / name) for name in names}}


def _write(path: Path, text: str) -> None:
    write_atomically(path, text.encode())
