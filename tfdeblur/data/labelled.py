"""Images that are blurred already, with their flows: what folders and data sets share."""

import numpy as np
import tensorflow as tf

from tfdeblur.data.augment import Augment, crop_position, draw_flips, vary_images
from tfdeblur.data.readers import python_call
from tfdeblur.errors import DataError
from tfdeblur.operators import canonical_flow, flip_flow

BYTES_PER_PIXEL = 3 + 2 * 4  # RGB, and two floats


class LabelledSource:
    """Base of sources of blurred images with flows.

    A subclass sets `sizes` and `cache_bytes`, and has `load_labelled`.
    """

    can_turn = False  # the published kernels are not the same when turned
    cache_bytes: int
    sizes: np.ndarray
    _labelled: "LabelledCrops | None" = None

    def load_labelled(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Decodes image and flow `index`.

        Returns:
            uint8 `(height, width, 3)` and float32 `(height, width, 2)`, pixels, canonical.
        """
        raise NotImplementedError

    def labelled_reader(self) -> "LabelledCrops":
        """Returns fast access for training; the same object each time."""
        if self._labelled is None:
            self._labelled = LabelledCrops(self)
        return self._labelled


class LabelledCrops:
    """Cuts crops out of images and flows; keeps what it has decoded, if all of it fits."""

    def __init__(self, source: LabelledSource) -> None:
        self._source = source
        pixels = int(source.sizes.prod(axis=1).sum())
        self._keep = BYTES_PER_PIXEL * pixels <= source.cache_bytes
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


def checked_flow(flow: np.ndarray, blurred: np.ndarray, name: str, where: object) -> np.ndarray:
    """A flow, canonical, if it has the size of its image.

    Args:
        flow: float32 `(height, width, 2)`, pixels, of either sign.
        blurred: `(height, width, 3)`.
        name: of the image, for the error.
        where: where the flow lies, for the error.

    Raises:
        DataError: if the sizes differ.
    """
    if flow.shape[:2] != blurred.shape[:2]:
        raise DataError(
            f"{name}: the image is {blurred.shape[1]} x {blurred.shape[0]} pixels, its flow "
            f"{flow.shape[1]} x {flow.shape[0]} ({where})"
        )
    return canonical_flow(flow)
