"""Loads the parts of an RP-GAN: two networks, and the settings of the loop around them."""

import json
from pathlib import Path
from typing import Any

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models.load import (
    PIPELINE_FILE,
    SEN_FILE,
    check_channels,
    load_keras,
    unfinished_text,
)
from tfdeblur.models.place import Place, find_place
from tfdeblur.models.preset_card import bfloat16_cost
from tfdeblur.models.shipped import GENERATOR_FILE
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
    for name, why in (
        (GENERATOR_FILE, unfinished_text(folder)),
        (SEN_FILE, "the network that estimates the motion is missing: copy it from its run"),
    ):
        if not (folder / name).is_file():
            raise DataError(f"{folder} holds {PIPELINE_FILE} but no {name}: {why}")
    sen, generator = load_keras(folder / SEN_FILE), load_keras(folder / GENERATOR_FILE)
    check_channels(sen, folder / SEN_FILE, "SEN", (3, 2))
    check_channels(generator, folder / GENERATOR_FILE, "the generator of RP-GAN", (6, 3))
    sen.bfloat16_costs_db = generator.bfloat16_costs_db = bfloat16_cost(
        folder, (SEN_FILE, GENERATOR_FILE)
    )
    return sen, generator, settings


def _read_settings(path: Path) -> BlindSettings:
    try:
        return BlindSettings.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, InvalidInput) as error:
        raise DataError(f"{path} cannot be read as settings of RP-GAN: {error}") from error
