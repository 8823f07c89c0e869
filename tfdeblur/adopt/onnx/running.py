"""Runs an ONNX file by onnxruntime, for the probe."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfdeblur.adopt.running import (
    CannotRun,
    Input,
    check_outputs,
    layouts,
    no_image,
    no_such_output,
)
from tfdeblur.errors import DataError
from tfdeblur.restorers.adopted.onnx.libraries import load_onnx
from tfdeblur.restorers.adopted.onnx.network import first_line, open_session, run_session


class OnnxRunning:
    """A `Running` of an ONNX file.

    Args:
        model: onnx.ModelProto, as `checked_model` returns it.
        where: the file it comes from, for messages.

    Raises:
        DataError: if onnxruntime is not installed or does not take it.
    """

    def __init__(self, model: Any, where: str):
        self.where = where
        self._model = model
        self._session = open_session(model, where)
        self._float = load_onnx().TensorProto.FLOAT

    def __enter__(self) -> "OnnxRunning":
        return self

    def __exit__(self, *_) -> None:
        del self._session

    def inputs(self) -> tuple[Input, ...]:
        """See `Running`."""
        weights = {tensor.name for tensor in self._model.graph.initializer}
        found = [value for value in self._model.graph.input if value.name not in weights]
        if len(found) != 1:
            names = ", ".join(value.name for value in found[:5]) or "none"
            raise DataError(
                f"{self.where} does not restore images by itself: it must take one image. "
                f"Received: {len(found)} inputs ({names})"
            )
        kind = found[0].type.tensor_type.elem_type
        if kind != self._float:
            raise DataError(f"{self.where} must take images in float32. Received: {_name_of(kind)}")
        return tuple(layouts(self.where, found[0].name, shape_of(found[0]), first=True))

    def outputs(self, given: str, named: Sequence[str], wanted: str | None) -> tuple[str, ...]:
        """See `Running`."""
        results = {value.name: value for value in self._model.graph.output}
        if wanted is not None and wanted not in results:
            raise self._no_such(wanted)
        if wanted is not None:
            value = results[wanted]
            if not self._may_be_image(value):
                kind = _name_of(value.type.tensor_type.elem_type)
                raise no_image(wanted, kind, shape_of(value))
            return (wanted,)
        found = [name for name, value in results.items() if self._may_be_image(value)]
        return check_outputs(self.where, found)

    def run(self, outputs: Sequence[str], given: Input, image: np.ndarray) -> list[np.ndarray]:
        """See `Running`."""
        image = np.ascontiguousarray(given.laid_out(image))
        try:
            results = run_session(self._session, outputs, given.name, image)
        except Exception as error:  # it has an exception of its own for each kind of fault
            raise CannotRun(first_line(error)) from error
        return [given.laid_back(result) for result in results]

    def largest_bytes(self, output: str, given: Input, image: np.ndarray) -> int:
        """See `Running`."""
        image = np.ascontiguousarray(given.laid_out(image))
        with tempfile.TemporaryDirectory() as folder:
            session = open_session(self._model, self.where, profile=str(Path(folder) / "run"))
            run_session(session, [output], given.name, image)
            events = json.loads(Path(session.end_profiling()).read_text("utf-8"))
        sizes = [int(event.get("args", {}).get("output_size", 0)) for event in events]
        return max([image.nbytes, *sizes])

    def _may_be_image(self, value: Any) -> bool:
        shape = shape_of(value)
        return value.type.tensor_type.elem_type == self._float and (
            shape is None or len(shape) == 4
        )

    def _no_such(self, wanted: str) -> Exception:
        graph = self._model.graph
        names = [name for node in graph.node for name in node.output if name]
        values = {value.name: value for value in (*graph.value_info, *graph.output)}
        images = {
            name: node.op_type
            for node in graph.node
            for name in node.output
            if name in values
            and self._may_be_image(values[name])
            and 3 in (shape_of(values[name]) or [])[1::2]
        }
        return no_such_output(self.where, wanted, names, images)


def shape_of(value: Any) -> list[int | None] | None:
    """Sides of a tensor, None for each that is left open; None where nothing is said."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    return [side.dim_value if side.dim_value > 0 else None for side in kind.shape.dim]


def _name_of(kind: int) -> str:
    return load_onnx().TensorProto.DataType.Name(kind).lower()
