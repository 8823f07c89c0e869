"""Blurred images with flows from a TFDS data set such as motion_flow, read at random."""

from typing import Any

import numpy as np

from tfdeblur.data.labelled import LabelledSource, checked_flow
from tfdeblur.data.tfds_source import TfdsSource, parse_example
from tfdeblur.errors import DataError

FLOW = "flow"


class TfdsFlowSource(LabelledSource, TfdsSource):
    """Pairs of a prepared TFDS data set that has flows.

    Args:
        name: TFDS name, e.g. "motion_flow/mscoco_23". Besides what `TfdsSource` asks for, it has
            "flow", a float32 tensor `(height, width, 2)`, pixels, of either sign.
        split, data_dir, only, exclude, cache_bytes: see `TfdsSource`; blurred images and flows
            that take no more than `cache_bytes` are kept in memory.

    Raises:
        DataError: as `TfdsSource`, and if there are no flows.
    """

    more_features = (FLOW,)

    def __init__(self, name: str, *arguments: Any, **options: Any) -> None:
        super().__init__(name, *arguments, **options)
        import tensorflow_datasets as tfds  # the line above has told if it is missing

        shape = self._features[FLOW].shape
        if len(shape) != 3 or shape[-1] != 2:
            raise DataError(
                f"The feature {FLOW} of a data set must have the shape (height, width, 2). "
                f"Received: {name} with {shape}"
            )
        # TFDS decodes the flow, of whichever encoding it is; images are `_image`'s.
        self._decoders = {key: tfds.decode.SkipDecoding() for key in self._keys}

    def describe(self) -> str:
        """Returns one line for people and logs."""
        return f"{super().describe()} with their flows"

    def load_labelled(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Decodes image and flow `index`; the sharp image is not looked at.

        Returns:
            uint8 `(height, width, 3)` and float32 `(height, width, 2)`, pixels, canonical.

        Raises:
            DataError: if the record cannot be read, or the flow is of another size.
            InvalidInput: if the image is broken.
        """
        data = self._read(index)
        blurred = self._image(index, parse_example(data), self._keys[0])
        flow = self._features.deserialize_example_np(data, decoders=self._decoders)[FLOW]
        name = self.names[index]
        return blurred, checked_flow(flow.astype(np.float32), blurred, name, f"feature {FLOW}")
