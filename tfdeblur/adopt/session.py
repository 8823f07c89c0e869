"""Runs a frozen graph by TensorFlow, for the probe."""

import contextlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfdeblur import limits
from tfdeblur.adopt.running import (
    CannotRun,
    Input,
    check_outputs,
    layouts,
    no_image,
    no_such_output,
)
from tfdeblur.errors import DataError
from tfdeblur.restorers.adopted.operators import PLACEHOLDER, node_of


class Session:
    """A `Running` of a graph of TensorFlow.

    Args:
        graph: tf.compat.v1.GraphDef, as `checked_graph` returns it.
        where: the file it comes from, for messages.

    Raises:
        DataError: if TensorFlow does not take it, or it makes arrays of more bytes than are run
            from files of others.
    """

    def __init__(self, graph: Any, where: str):
        self.where = where
        self.graph = tf.Graph()
        try:
            with self.graph.as_default():
                tf.graph_util.import_graph_def(graph, name="")
        except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
            raise DataError(
                f"{where} is no graph that TensorFlow {tf.__version__} takes: {first_line(error)}"
            ) from error
        self._check_sizes()
        config = tf.compat.v1.ConfigProto()
        # It rewrites large graphs for a minute, for each size anew.
        config.graph_options.rewrite_options.disable_meta_optimizer = True
        self._session = tf.compat.v1.Session(graph=self.graph, config=config)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_) -> None:
        self._session.close()

    def inputs(self) -> tuple[Input, ...]:
        """See `Running`."""
        found = [op for op in self.graph.get_operations() if op.type == PLACEHOLDER]
        if len(found) != 1:
            names = ", ".join(op.name for op in found[:5]) or "none"
            raise DataError(
                f"{self.where} does not restore images by itself: it must take one image. "
                f"Received: {len(found)} inputs ({names})"
            )
        tensor = found[0].outputs[0]
        if tensor.dtype != tf.float32:
            raise DataError(
                f"{self.where} must take images in float32. Received: {tensor.dtype.name}"
            )
        shape = None if tensor.shape.rank is None else tensor.shape.as_list()
        return tuple(layouts(self.where, tensor.name, shape, first=False))

    def outputs(self, given: str, named: Sequence[str], wanted: str | None) -> tuple[str, ...]:
        """See `Running`."""
        if wanted is not None:
            return (self._wanted(wanted),)
        tensors = []
        for name in named:
            try:
                tensors.append(self._tensor(name))
            except KeyError:
                raise DataError(
                    f"{self.where} is damaged: it names {name!r:.150} as a result and holds none."
                ) from None
        if not tensors:
            tensors = [
                tensor
                for op in self.graph.get_operations()
                if not any(tensor.consumers() for tensor in op.outputs)
                for tensor in op.outputs
            ]
        found = [t.name for t in tensors if _may_be_image(t) and t.name != given]
        return check_outputs(self.where, found)

    def run(self, outputs: Sequence[str], given: Input, image: np.ndarray) -> list[np.ndarray]:
        """See `Running`."""
        try:
            results = self._session.run(list(outputs), {given.name: given.laid_out(image)})
        except (tf.errors.OpError, ValueError) as error:
            raise CannotRun(first_line(error)) from error
        return [given.laid_back(result) for result in results]

    def largest_bytes(self, output: str, given: Input, image: np.ndarray) -> int:
        """See `Running`."""
        options = tf.compat.v1.RunOptions(trace_level=tf.compat.v1.RunOptions.FULL_TRACE)
        told = tf.compat.v1.RunMetadata()
        feed = {given.name: given.laid_out(image)}
        self._session.run(output, feed, options=options, run_metadata=told)
        sizes = [
            part.tensor_description.allocation_description.requested_bytes
            for device in told.step_stats.dev_stats
            for node in device.node_stats
            if not self._is_constant(node.node_name)
            for part in node.output
        ]
        return max([image.nbytes, *sizes])

    def _check_sizes(self) -> None:
        """Operators such as Fill make arrays of any size out of a few numbers."""
        for op in self.graph.get_operations():
            for tensor in op.outputs:
                sides = tensor.shape.as_list() if tensor.shape.rank is not None else []
                size = math.prod(max(side or 1, 1) for side in sides) * max(tensor.dtype.size, 1)
                if size > limits.MOST_BYTES_OF_A_TENSOR:
                    raise DataError(
                        f"{self.where} is refused: it makes an array of {size:.3g} bytes "
                        f"({tensor.name!r:.150}, shape {sides})."
                    )

    def _tensor(self, name: str) -> Any:
        """The tensor of a name, "a" for "a:0".

        Raises:
            KeyError: if there is none.
        """
        whole = name if ":" in name else f"{name}:0"
        with contextlib.suppress(ValueError):
            return self.graph.get_tensor_by_name(whole)
        raise KeyError(whole)

    def _wanted(self, name: str) -> str:
        try:
            tensor = self._tensor(name)
        except KeyError:
            ops = self.graph.get_operations()
            images = {t.name: op.type for op in ops for t in op.outputs if _is_rgb(t)}
            names = [op.name for op in ops]
            raise no_such_output(self.where, name, names, images) from None
        if not _may_be_image(tensor):
            raise no_image(name, tensor.dtype.name, tensor.shape)
        return tensor.name

    def _is_constant(self, name: str) -> bool:
        try:
            return self.graph.get_operation_by_name(node_of(name)).type == "Const"
        except (KeyError, ValueError):
            return False


def _may_be_image(tensor: Any) -> bool:
    return tensor.dtype == tf.float32 and tensor.shape.rank in (None, 4)


def _is_rgb(tensor: Any) -> bool:
    if tensor.op.type in ("Const", PLACEHOLDER, "Identity") or not _may_be_image(tensor):
        return False
    return tensor.shape.rank == 4 and 3 in (tensor.shape[3], tensor.shape[1])


def first_line(error: BaseException) -> str:
    """What TensorFlow says, without where in its own code."""
    text = getattr(error, "message", None) or str(error)
    return next(iter(text.strip().splitlines()), type(error).__name__)[:300]
