"""Pairs of blurred and sharp images for training and evaluation.

Names load on first use, so that ``import tfdeblur.data`` does not load tensorflow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfdeblur.data.augment import Augment
    from tfdeblur.data.folders import find_pairs, fingerprint
    from tfdeblur.data.opening import open_source
    from tfdeblur.data.pair_search import Pair
    from tfdeblur.data.pairs import evaluation_images, panel_pairs, training_batches
    from tfdeblur.data.sources import FolderSource, PairSource
    from tfdeblur.data.tfds_source import TfdsSource

_LAZY = {
    "Augment": "tfdeblur.data.augment",
    "FolderSource": "tfdeblur.data.sources",
    "Pair": "tfdeblur.data.pair_search",
    "PairSource": "tfdeblur.data.sources",
    "TfdsSource": "tfdeblur.data.tfds_source",
    "evaluation_images": "tfdeblur.data.pairs",
    "find_pairs": "tfdeblur.data.folders",
    "fingerprint": "tfdeblur.data.folders",
    "open_source": "tfdeblur.data.opening",
    "panel_pairs": "tfdeblur.data.pairs",
    "training_batches": "tfdeblur.data.pairs",
}

__all__ = [
    "Augment",
    "FolderSource",
    "Pair",
    "PairSource",
    "TfdsSource",
    "evaluation_images",
    "find_pairs",
    "fingerprint",
    "open_source",
    "panel_pairs",
    "training_batches",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'tfdeblur.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
