"""Presets as files: a network as the code and the arguments that build it, and float16 weights.

A preset is a folder:

    network.json  {"registered_name": "tfdeblur>BiSkip", "config": {"width": 0.5, ...}}
    weights.npz   every weight as float16, in two planes of bytes, by its path in the network
    card.json     what it is, gains and costs; format, and SHA-256 of the two files above
    README.md     the card in words
    and whatever belongs to it, such as LICENSE; networks beside it (the SEN of an RP-GAN) as
    presets in folders of their own.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models.preset_card import (
    FORMAT,
    Card,
    check_facts,
    check_hash,
    file_sha256,
    parse_json,
    read_card,
    read_small,
)
from tfdeblur.models.preset_text import card_text
from tfdeblur.models.shipped import CARD_FILE, NETWORK_FILE, README_FILE, WEIGHTS_FILE
from tfdeblur.models.weights_file import read_weights, weights_by_path, write_weights

_OURS = (NETWORK_FILE, WEIGHTS_FILE, CARD_FILE)


def save_preset(
    network,
    folder: str | os.PathLike[str],
    card: Mapping[str, Any],
    *,
    files: Iterable[str | os.PathLike[str]] = (),
    parts: Mapping[str, Any] | None = None,
) -> Path:
    """Writes a network as a preset: whole and loaded once as a check, or not at all.

    Args:
        network: of a class that is registered with Keras (those of `tfdeblur.networks` are) and
            whose configuration is JSON.
        folder: to write; it must not exist.
        card: what is to be known of it: `name`, `description` (one line), `licences` (list);
            may have `gains_db` (dB by data set), `seconds_per_megapixel` (by processor),
            `bfloat16_costs_db` (dB that it loses against float32, as measured), and `precision`,
            `source`, `training` (lines of text by what they are about).
        files: further files to copy, such as README.md and LICENSE. Without a README.md among
            them, one is written from `card`.
        parts: networks that work beside it, by the name of the folder that each is written to.

    Returns:
        The folder.

    Raises:
        InvalidInput: if an argument is not one of the above, a weight is not finite or too large
            for float16, or the network does not come back from what was written.
        DataError: if the folder cannot be written, or a further file cannot be read.
    """
    folder = Path(folder).absolute()
    facts = check_facts(card)
    further = [Path(file) for file in files]
    taken = [file.name for file in further if file.name in _OURS]
    if taken:
        raise InvalidInput(f"`files` must not hold what is written itself. Received: {taken}")
    if folder.exists():
        raise InvalidInput(f"`folder` must not exist: presets replace none. Received: {folder}")
    begun = folder.with_name(f".{folder.name}.tmp-{os.getpid()}-{time.time_ns()}")
    try:
        for name, part in (parts or {}).items():
            # The last one is the preset itself, whose card counts what lies below it.
            (begun / name).mkdir(parents=True)
            about = {
                "name": name,
                "description": f"Of {facts['name']}.",
                "licences": facts["licences"],
            }
            _write_checked(begun / name, part, check_facts(about), None)
        begun.mkdir(parents=True, exist_ok=True)
        _write_checked(begun, network, facts, further)
        os.rename(begun, folder)
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error}") from error
    finally:
        shutil.rmtree(begun, ignore_errors=True)  # gone already when all went well
    return folder


def load_preset(folder: str | os.PathLike[str]) -> Any:
    """Builds the network of a preset and gives it its weights, cast to float32.

    The hashes are compared before anything is built, the shapes of all weights before any is
    read; nothing in the files is unpickled.

    Returns:
        The network, with `bfloat16_costs_db` of the card where that says it.

    Raises:
        DataError: with the file and the reason, if one is missing, damaged, cut, of another
            preset or of another format, or if its weights are not those of the network.
    """
    folder = Path(folder)
    card = read_card(folder)
    path = folder / WEIGHTS_FILE
    described = read_small(folder / NETWORK_FILE)
    check_hash(folder / NETWORK_FILE, hashlib.sha256(described).hexdigest(), card)
    try:
        # One handle for hash and arrays: what is loaded is what was checked.
        with open(path, "rb") as file:
            check_hash(path, hashlib.file_digest(file, "sha256").hexdigest(), card)
            network = _build(folder / NETWORK_FILE, described)
            variables = weights_by_path(network)
            shapes = {key: tuple(variable.shape) for key, variable in variables.items()}
            for key, value in read_weights(file, path, shapes):
                variables[key].assign(value)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}. A preset is a whole folder: copy all of it."
        ) from error
    if "bfloat16_costs_db" in card:
        network.bfloat16_costs_db = float(card["bfloat16_costs_db"])
    return network


def _write_checked(folder: Path, network, facts: Card, files: list[Path] | None) -> None:
    _write(folder, network, facts, files)
    _check(folder, network)
    _flush(folder)


def _write(folder: Path, network, facts: Card, files: list[Path] | None) -> None:
    """`files` is None of a part: it has no card in words, as nobody restores with it alone."""
    (folder / NETWORK_FILE).write_bytes(_described(network))
    values = {key: np.asarray(v) for key, v in weights_by_path(network).items()}
    with open(folder / WEIGHTS_FILE, "wb") as file:
        write_weights(file, values)
    hashes = {name: file_sha256(folder / name) for name in (NETWORK_FILE, WEIGHTS_FILE)}
    parts = [read_card(path.parent) for path in folder.glob(f"*/{CARD_FILE}")]
    size = sum(path.stat().st_size for path in folder.rglob(WEIGHTS_FILE))
    card = {
        **facts,
        "format": FORMAT,
        "parameters": sum(v.size for v in values.values()) + sum(p["parameters"] for p in parts),
        "megabytes": round(size / 1e6, 2) or 0.01,
        "sha256": hashes,
    }
    (folder / CARD_FILE).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", "utf-8")
    if files is not None:
        (folder / README_FILE).write_text(card_text(card), "utf-8")
    for source in files or ():
        shutil.copyfile(source, folder / source.name)


def _described(network) -> bytes:
    import keras

    name = keras.saving.get_registered_name(type(network))
    if not callable(getattr(network, "get_config", None)) or not _registered(name):
        raise InvalidInput(
            "`network` must be of a class that is registered with Keras, such as those of "
            f"tfdeblur.networks: it is built anew by code. Received: {type(network).__name__}"
        )
    # Its name is often one that Keras counted up, and decides nothing.
    config = {key: value for key, value in network.get_config().items() if key != "name"}
    try:
        text = json.dumps({"registered_name": name, "config": config}, indent=2)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"`network` must have a configuration of JSON: {error}") from error
    return (text + "\n").encode()


def _registered(name: Any) -> Any:
    """The class that Keras knows by that name; None if there is none.

    Nothing is imported by a name that stands in a file: that would run whatever it likes.
    """
    import keras

    import tfdeblur.networks

    if not isinstance(name, str):
        return None
    package, _, short = name.partition(">")
    if package == "tfdeblur" and short in tfdeblur.networks.__all__:
        getattr(tfdeblur.networks, short)  # some are imported, and so registered, at first use
    return keras.saving.get_registered_object(name)


def _build(path: Path, described: bytes) -> Any:
    found = parse_json(path, described)
    if not isinstance(found, dict) or not isinstance(found.get("config"), dict):
        raise DataError(f"{path} is damaged: it must hold `registered_name` and `config`.")
    name = found.get("registered_name")
    kind = _registered(name)
    if kind is None:
        raise DataError(
            f"{path} names the network {name!r}, which this tfdeblur has not: install the version "
            "that the preset was made with, or a newer one."
        )
    try:
        return kind.from_config(found["config"])
    except Exception as error:  # whatever a constructor raises for what it does not take
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"{path}: {name} cannot be built of its configuration: {reason}") from error


def _check(folder: Path, network) -> None:
    """Loads what was written: names that Keras counts up differ in a second network."""
    try:
        again = weights_by_path(load_preset(folder))
    except DataError as error:
        reason = str(error).replace(f"{folder}{os.sep}", "")  # that folder is about to vanish
        raise InvalidInput(
            "`network` does not come back from its configuration (all its layers must have names, "
            f"and all its constructor's arguments must be in `get_config`): {reason}"
        ) from error
    for key, variable in weights_by_path(network).items():
        if not np.array_equal(np.asarray(variable).astype(np.float16), np.asarray(again[key])):
            raise InvalidInput(f"`network`: {key!r} did not come back as it was written.")


def _flush(folder: Path) -> None:
    """Puts all files on the disk: a name must not survive a power cut that its contents do not."""
    for path in filter(Path.is_file, folder.iterdir()):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
