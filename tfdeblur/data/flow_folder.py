"""Blurred images with their flows, as `tfdeblur data synthesize` writes them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfdeblur.data.folders import find_pairs, fingerprint, raise_problems
from tfdeblur.data.labelled import LabelledSource, checked_flow
from tfdeblur.data.pair_search import SPLIT_FOLDERS, Pair
from tfdeblur.data.sources import CACHE_BYTES, FolderSource
from tfdeblur.image.codec import to_uint8
from tfdeblur.image.flow_files import FORMATS, read_flow

_FOLDER = "flow"


def has_flows(folder: str | Path) -> bool:
    """Whether `folder` holds flows: DIR/flow or DIR/{train,test,...}/flow."""
    folder = Path(folder).expanduser()
    return any((folder / part / _FOLDER).is_dir() for part in ("", *SPLIT_FOLDERS))


class FlowFolder(LabelledSource, FolderSource):
    """Pairs whose flows lie in flow/NAME.npz or .flo beside blur/ and sharp/.

    Args:
        folder: in a layout of `folders.LAYOUTS`.
        split, only, exclude: see `find_pairs`.
        cache_bytes: int >= 0; blurred images and flows that take no more are kept in memory.

    Raises:
        DataError: if pairs or flows are missing or broken.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str | None = None,
        only: Sequence[str] = (),
        exclude: Sequence[str] = (),
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        super().__init__(find_pairs(folder, split, only=only, exclude=exclude), cache_bytes)
        found = [_flow_of(pair) for pair in self.pairs]
        missing = [pair.name for pair, path in zip(self.pairs, found, strict=True) if path is None]
        raise_problems(
            f"{folder} is not ready for use", [f"{name} has no flow beside it" for name in missing]
        )
        self.flows = [path for path in found if path is not None]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over names, blurred images and flows."""
        if self._fingerprint is None:
            parts = zip(self.pairs, self.flows, strict=True)
            self._fingerprint = fingerprint([Pair(p.name, p.blurred, flow) for p, flow in parts])
        return self._fingerprint

    def describe(self) -> str:
        """Returns one line for people and logs."""
        return f"{super().describe()} with their flows"

    def load_labelled(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Decodes image and flow `index`.

        Returns:
            uint8 `(height, width, 3)` and float32 `(height, width, 2)`, pixels, canonical.

        Raises:
            DataError: if a file cannot be read or the sizes differ.
            InvalidInput: if a file is broken.
        """
        blurred = to_uint8(self.white.read(self.pairs[index].blurred).seen_rgb())
        path = self.flows[index]
        flow = checked_flow(read_flow(path), blurred, self.pairs[index].name, path)
        return blurred, flow


def _flow_of(pair: Pair) -> Path | None:
    stem = pair.blurred.parent.parent / _FOLDER / pair.blurred.stem
    paths = (stem.with_name(f"{stem.name}.{suffix}") for suffix in FORMATS)
    return next((path for path in paths if path.is_file()), None)
