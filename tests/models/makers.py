"""A small preset, and ways to change what its files say."""

import hashlib
import json

import keras
import numpy as np

from tfdeblur.networks import BiSkip

CARD = {
    "name": "tiny",
    "description": "For tests.",
    "licences": ["Apache-2.0"],
    "gains_db": {"GOPRO": 1.25},
    "seconds_per_megapixel": {"abacus": 2},
    "precision": {"bfloat16": "costs 0.01 dB"},
    "source": {"architecture": "Bi-Skip"},
    "training": {"data": "none", "command": "tfdeblur train"},
}


def network(seed=1, width=0.1):
    keras.utils.set_random_seed(seed)
    return BiSkip(variant="S", width=width, norm="none")


def rehash(folder):
    """Lets the card say that the files are as they should be."""
    card = json.loads((folder / "card.json").read_text())
    for name in card["sha256"]:
        card["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "card.json").write_text(json.dumps(card))


def change_card(folder, **values):
    card = json.loads((folder / "card.json").read_text()) | values
    (folder / "card.json").write_text(json.dumps(card))


def planes(folder):
    """What a preset's weights file holds: low bytes, then high ones."""
    with np.load(folder / "weights.npz", allow_pickle=False) as found:
        return dict(found)


def arrays(folder):
    """The weights of a preset as float16, as files of format 1 held them."""
    return {
        key: (low + 256 * high.astype("uint16")).view("float16")
        for key, (low, high) in planes(folder).items()
    }


def replace_arrays(folder, values):
    with open(folder / "weights.npz", "wb") as file:
        np.savez(file, **values)
    rehash(folder)
