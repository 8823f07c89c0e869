"""A network of others as one of ours: behind `network(image, training=False)`."""

from abc import ABC, abstractmethod
from typing import Any

import tensorflow as tf

from tfdeblur.image.padding import crop_back, pad_to_size
from tfdeblur.restorers.adopted.description import Probe


class AdoptedNetwork(ABC):
    """Calls a network as its probe says; subclasses run it.

    Args:
        probe: how it is called.

    Call arguments:
        image: float32 `(batch, height, width, 3)` in [0, 1]; height and width multiples of
            `size_multiple`, or, where the network takes one size only, at most that.
        training: not looked at, the network does not change.

    Returns:
        float32 like `image`, not clipped.
    """

    def __init__(self, probe: Probe):
        self.probe = probe
        self.size_multiple = 1 if probe.fixed else probe.multiple
        self.largest_bytes = probe.largest_bytes

    @abstractmethod
    def compute(self, given: Any) -> Any:
        """The network itself.

        Args:
            given: float32, images in the layout, size and range that it takes.

        Returns:
            float32, the same for what it gives; the shape need not be known beforehand.
        """

    def __call__(self, image: Any, training: bool = False) -> Any:
        """See the class."""
        if self.probe.batches or image.shape[0] == 1:
            return self._run(image)
        spec = tf.TensorSpec((None, None, 3), tf.float32)
        return tf.map_fn(
            lambda one: self._run(one[None])[0],
            image,
            parallel_iterations=1,  # for memory, and as `graph.arithmetic` says of several at once
            fn_output_signature=spec,
        )

    def _run(self, image: Any) -> Any:
        size = tf.shape(image)[1:3]
        shape = image.shape
        if self.probe.fixed:
            image = _fitted(image, size, self.probe.fixed)
        if not self.probe.batches:
            image = tf.ensure_shape(image, (1, None, None, 3))
        given = image * float(self.probe.top)
        if self.probe.channels_first:
            given = tf.transpose(given, (0, 3, 1, 2))
        result = self.compute(given)
        if self.probe.channels_first:
            result = tf.transpose(result, (0, 2, 3, 1))
        result = result / float(self.probe.top)
        if self.probe.fixed:
            result = crop_back(result, (size[0], size[1]))
        # Graphs that compute their sizes as they run do not tell them beforehand.
        return tf.ensure_shape(result, shape)


def _fitted(image: Any, size: Any, fixed: tuple[int, int]) -> Any:
    """Padded to the one size; what is larger is for tiles, and no server cuts those."""
    message = f"this network takes images of at most {fixed[1]}x{fixed[0]} pixels"
    fits = tf.debugging.Assert(tf.reduce_all(size <= fixed), [message, size])
    with tf.control_dependencies([fits] if fits is not None else []):
        image = pad_to_size(image, *fixed)
    return tf.ensure_shape(image, (None, *fixed, 3))
