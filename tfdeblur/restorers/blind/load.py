"""Loads the parts of an RP-GAN: two networks, and the settings of the loop around them."""

import json
from pathlib import Path
from typing import Any

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models.load import (
    PIPELINE_FILE,
    SEN_FILE,
    check_channels,
    load_file_or_preset,
    sen_within,
    unfinished_text,
)
from tfdeblur.models.place import Place, find_place
from tfdeblur.models.preset_card import bfloat16_cost
from tfdeblur.models.shipped import GENERATOR_FILE, holds_preset
from tfdeblur.restorers.blind.one_pass import BlindSettings


def load_blind(model: Any) -> tuple[Any, Any, BlindSettings]:
    """Loads SEN, the generator and the settings of an RP-GAN.

    Args:
        model: name of a preset or path of a folder that holds `pipeline.json`; or its `Place`.

    Returns:
        SEN, generator and `BlindSettings`.

    Raises:
        DataError: if a file is missing or broken, or a network is not what it must be.
    """
    folder = (model if isinstance(model, Place) else find_place(model)).folder
    if folder is None:
        raise DataError(f"{model} is no folder; one of RP-GAN holds {PIPELINE_FILE}.")
    settings = _read_settings(folder / PIPELINE_FILE)
    sen_path = _there(
        sen_within(folder),
        f"{folder} holds {PIPELINE_FILE} but no {SEN_FILE}: the network that estimates the motion "
        "is missing: copy it from its run",
    )
    generator_path = _there(
        _generator_within(folder),
        f"{folder} holds {PIPELINE_FILE} but no {GENERATOR_FILE}: {unfinished_text(folder)}",
    )
    sen, generator = load_file_or_preset(sen_path), load_file_or_preset(generator_path)
    check_channels(sen, sen_path, "SEN", (3, 2))
    check_channels(generator, generator_path, "the generator of RP-GAN", (6, 3))
    if generator_path.is_file() and sen_path.is_file():
        generator.bfloat16_costs_db = bfloat16_cost(folder, (SEN_FILE, GENERATOR_FILE))
    # Of both together: a preset's card tells what its photographs lose.
    sen.bfloat16_costs_db = getattr(generator, "bfloat16_costs_db", None)
    return sen, generator, settings


def _there(path: Path | None, why_not: str) -> Path:
    if path is None:
        raise DataError(why_not)
    return path


def _generator_within(folder: Path) -> Path | None:
    """The generator's `.keras` file, or the folder itself where it is a preset."""
    if (folder / GENERATOR_FILE).is_file():
        return folder / GENERATOR_FILE
    return folder if holds_preset(folder) else None


def _read_settings(path: Path) -> BlindSettings:
    try:
        return BlindSettings.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, InvalidInput) as error:
        raise DataError(f"{path} cannot be read as settings of RP-GAN: {error}") from error
