"""Blurred images with their flows, as `tfdeblur data synthesize` writes them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfdeblur.data.augment import Augment, crop_position, draw_flips, vary_images
from tfdeblur.data.folders import SPLIT_FOLDERS, Pair, find_pairs, fingerprint, raise_problems
from tfdeblur.data.readers import python_call
from tfdeblur.data.sources import CACHE_BYTES, FolderSource
from tfdeblur.errors import DataError
from tfdeblur.image.codec import read_image, to_uint8
from tfdeblur.image.flow_files import FORMATS, read_flow
from tfdeblur.operators import canonical_flow, flip_flow

_FOLDER = "flow"
_BYTES_PER_PIXEL = 3 + 2 * 4


def has_flows(folder: str | Path) -> bool:
    """Whether `folder` holds flows: DIR/flow or DIR/{train,test,...}/flow."""
    folder = Path(folder).expanduser()
    return any((folder / part / _FOLDER).is_dir() for part in ("", *SPLIT_FOLDERS))


class FlowFolder(FolderSource):
    """Pairs whose flows lie in flow/NAME.npz or .flo beside blur/ and sharp/.

    Args:
        folder: in a layout of `folders.LAYOUTS`.
        split, only, exclude: see `find_pairs`.
        cache_bytes: int >= 0; blurred images and flows that take no more are kept in memory.

    Raises:
        DataError: if pairs or flows are missing or broken.
    """

    can_turn = False  # the published kernels are not the same when turned

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
        self._labelled: FlowFolderReader | None = None

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
        blurred = to_uint8(read_image(self.pairs[index].blurred).rgb)
        flow = canonical_flow(read_flow(self.flows[index]))
        if flow.shape[:2] != blurred.shape[:2]:
            raise DataError(
                f"{self.pairs[index].name}: the image is {blurred.shape[1]} x {blurred.shape[0]} "
                f"pixels, its flow {flow.shape[1]} x {flow.shape[0]} ({self.flows[index]})"
            )
        return blurred, flow

    def labelled_reader(self) -> "FlowFolderReader":
        """Returns fast access for training; the same object each time."""
        if self._labelled is None:
            self._labelled = FlowFolderReader(self)
        return self._labelled


class FlowFolderReader:
    """Cuts crops out of images and flows; keeps what it has decoded, if all of it fits."""

    def __init__(self, source: FlowFolder) -> None:
        self._source = source
        pixels = int(source.sizes.prod(axis=1).sum())
        self._keep = _BYTES_PER_PIXEL * pixels <= source.cache_bytes
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        with tf.init_scope(), tf.device("/CPU:0"):
            self._sizes = tf.constant(source.sizes, tf.int64)

    def labelled_window(
        self, index: tf.Tensor, seed: tf.Tensor, augment: Augment
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `flow_pairs.LabelledReader`; does not turn."""
        crop = augment.crop
        top, left = crop_position(self._sizes[index, 0], self._sizes[index, 1], crop, seed)

        def cut(*place: np.int64) -> tuple[np.ndarray, np.ndarray]:
            return self._cut(int(place[0]), int(place[1]), int(place[2]), crop)

        blurred, flow = python_call(cut, [index, top, left], (tf.uint8, tf.float32))
        blurred = tf.ensure_shape(blurred, (crop, crop, 3))
        flow = tf.ensure_shape(flow, (crop, crop, 2))
        blurred = vary_images(blurred[tf.newaxis], seed, augment)[0]
        return blurred, _flipped(flow, seed) if augment.flips else flow

    def _cut(self, index: int, top: int, left: int, crop: int) -> tuple[np.ndarray, np.ndarray]:
        loaded = self._kept.get(index) or self._source.load_labelled(index)
        if self._keep:
            self._kept[index] = loaded
        blurred, flow = (x[top : top + crop, left : left + crop] for x in loaded)
        return blurred, flow


def _flipped(flow: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    upside_down, mirrored = draw_flips(seed)
    flow = tf.cond(upside_down, lambda: flip_flow(flow, "vertical"), lambda: flow)
    return tf.cond(mirrored, lambda: flip_flow(flow, "horizontal"), lambda: flow)


def _flow_of(pair: Pair) -> Path | None:
    stem = pair.blurred.parent.parent / _FOLDER / pair.blurred.stem
    paths = (stem.with_name(f"{stem.name}.{suffix}") for suffix in FORMATS)
    return next((path for path in paths if path.is_file()), None)
