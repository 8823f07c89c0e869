"""A network of others as one of ours: a frozen graph behind `network(image, training=False)`."""

import hashlib
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfdeblur.errors import DataError
from tfdeblur.image.padding import crop_back, pad_to_size
from tfdeblur.restorers.adopted.description import (
    DESCRIPTION_FILE,
    GRAPH_FILE,
    Probe,
    from_json,
    read_description,
)
from tfdeblur.restorers.adopted.operators import checked_graph

_MOST_BYTES = 2**31 - 1  # of a message of protobuf


class AdoptedNetwork:
    """Runs a frozen graph.

    Args:
        graph: tf.compat.v1.GraphDef, as `operators.checked_graph` returns it.
        probe: how it is called.

    Call arguments:
        image: float32 `(batch, height, width, 3)` in [0, 1]; height and width multiples of
            `size_multiple`, or, where the graph takes one size only, at most that.
        training: not looked at, the graph is frozen.

    Returns:
        float32 like `image`, not clipped.
    """

    def __init__(self, graph: Any, probe: Probe):
        self.graph = graph
        self.probe = probe
        self.size_multiple = 1 if probe.fixed else probe.multiple
        self.largest_bytes = probe.largest_bytes

    def __call__(self, image: Any, training: bool = False) -> Any:
        """See the class."""
        if self.probe.batches or image.shape[0] == 1:
            return self._run(image)
        spec = tf.TensorSpec((None, None, 3), tf.float32)
        return tf.map_fn(lambda one: self._run(one[None])[0], image, fn_output_signature=spec)

    def _run(self, image: Any) -> Any:
        size = tf.shape(image)[1:3]
        shape = image.shape
        if self.probe.fixed:
            image = pad_to_size(image, *self.probe.fixed)
            image = tf.ensure_shape(image, (None, *self.probe.fixed, 3))
        if not self.probe.batches:
            image = tf.ensure_shape(image, (1, None, None, 3))
        given = image * float(self.probe.top)
        (result,) = tf.graph_util.import_graph_def(
            self.graph,
            input_map={self.probe.input: given},
            return_elements=[self.probe.output],
            name="adopted",
        )
        result = result / float(self.probe.top)
        if self.probe.fixed:
            result = crop_back(result, (size[0], size[1]))
        # Graphs that compute their sizes as they run do not tell them beforehand.
        return tf.ensure_shape(result, shape)


def load_adopted(folder: Path) -> AdoptedNetwork:
    """Loads what `tfdeblur adopt` wrote.

    Raises:
        DataError: if a file is missing, damaged, or another than was written; if the graph holds
            anything but plain computation.
    """
    found = read_description(folder)
    where = str(folder / DESCRIPTION_FILE)
    probe = from_json(found.get("probe"), where)
    path = folder / GRAPH_FILE
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path} is refused, it has more than 2 GiB.")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(data).hexdigest() != found.get("graph_sha256"):
        raise DataError(
            f"{path} is not the graph that {where} describes (another SHA-256): it is damaged or "
            "was changed. Adopt the network again: `tfdeblur adopt --help`."
        )
    return AdoptedNetwork(checked_graph(parse_graph(data, str(path)), str(path)), probe)


def parse_graph(data: bytes, where: str) -> Any:
    """A tf.compat.v1.GraphDef of its bytes.

    Raises:
        DataError: if they are none.
    """
    from google.protobuf.message import DecodeError

    try:
        return tf.compat.v1.GraphDef.FromString(data)
    except (DecodeError, RecursionError) as error:
        raise DataError(f"{where} is no frozen graph (.pb), or is cut: {error}") from error
