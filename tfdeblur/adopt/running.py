"""Runs a checked graph on images, for the probe."""

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from tfdeblur.errors import DataError
from tfdeblur.restorers.adopted.operators import node_of


class Running:
    """A graph in a session of its own; a context manager.

    Args:
        graph: tf.compat.v1.GraphDef, as `checked_graph` returns it.
        where: the file it comes from, for messages.

    Raises:
        DataError: if TensorFlow does not take it.
    """

    def __init__(self, graph, where: str):
        self.where = where
        self.graph = tf.Graph()
        try:
            with self.graph.as_default():
                tf.graph_util.import_graph_def(graph, name="")
        except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
            raise DataError(
                f"{where} is no graph that TensorFlow {tf.__version__} takes: {first_line(error)}"
            ) from error
        config = tf.compat.v1.ConfigProto()
        # It rewrites large graphs for a minute, for each size anew.
        config.graph_options.rewrite_options.disable_meta_optimizer = True
        self._session = tf.compat.v1.Session(graph=self.graph, config=config)

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_) -> None:
        self._session.close()

    def tensor(self, name: str) -> tf.Tensor:
        """The tensor of a name, "a" for "a:0".

        Raises:
            KeyError: if there is none.
        """
        whole = name if ":" in name else f"{name}:0"
        with contextlib.suppress(ValueError):
            return self.graph.get_tensor_by_name(whole)
        raise KeyError(whole)

    def run(self, outputs: Sequence[str], into: str, image: np.ndarray) -> list[np.ndarray]:
        """Results for images float32 `(batch, height, width, 3)`.

        Raises:
            tf.errors.OpError, ValueError: if the graph does not take them.
        """
        return self._session.run(list(outputs), {into: image})

    def largest_bytes(self, output: str, into: str, image: np.ndarray) -> int:
        """Bytes of the largest tensor that depends on the image, in one run."""
        options = tf.compat.v1.RunOptions(trace_level=tf.compat.v1.RunOptions.FULL_TRACE)
        told = tf.compat.v1.RunMetadata()
        self._session.run(output, {into: image}, options=options, run_metadata=told)
        sizes = [
            part.tensor_description.allocation_description.requested_bytes
            for device in told.step_stats.dev_stats
            for node in device.node_stats
            if not self._is_constant(node.node_name)
            for part in node.output
        ]
        return max([image.nbytes, *sizes])

    def _is_constant(self, name: str) -> bool:
        try:
            return self.graph.get_operation_by_name(node_of(name)).type == "Const"
        except (KeyError, ValueError):
            return False


def first_line(error: BaseException) -> str:
    """What TensorFlow says, without where in its own code."""
    text = getattr(error, "message", None) or str(error)
    return next(iter(text.strip().splitlines()), type(error).__name__)[:300]


def probe_sizes() -> Iterator[tuple[int, tuple[tuple[int, int], tuple[int, int]]]]:
    """Multiples, from 1 on, and two sizes each that are multiples of them and of little else."""
    for multiple in (
        *(1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64),
        *(80, 96, 112, 128, 160, 192, 256),
    ):
        one = next(count for count in range(1, 99, 4) if count * multiple >= 40)
        yield multiple, ((one * multiple, (one + 2) * multiple), ((one + 2) * multiple,) * 2)
