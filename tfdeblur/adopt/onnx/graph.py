"""ONNX files as graphs that can be cut, checked and run."""

from collections.abc import Collection
from typing import Any

from tfdeblur.adopt.onnx.running import OnnxRunning, shape_of
from tfdeblur.adopt.running import no_image
from tfdeblur.restorers.adopted.description import ONNX_FILE
from tfdeblur.restorers.adopted.onnx.libraries import load_onnx
from tfdeblur.restorers.adopted.onnx.model import checked_model


class OnnxGraph:
    """A `Graph` of an onnx.ModelProto that holds all its weights."""

    file = ONNX_FILE

    def __init__(self, model: Any):
        self.model = model

    @property
    def operators(self) -> int:
        """See `Graph`."""
        return len(self.model.graph.node)

    def cut(self, results: Collection[str]) -> "OnnxGraph":
        """See `Graph`."""
        graph = self.model.graph
        makers = {name: n for n, node in enumerate(graph.node) for name in node.output if name}
        if not results or not set(results) <= makers.keys():
            return self  # what is missing is told with the names that there are
        kept: set[int] = set()
        used = set(results)
        left = [makers[name] for name in used]
        while left:
            number = left.pop()
            if number not in kept:
                kept.add(number)
                used |= set(graph.node[number].input)
                left += [makers[name] for name in graph.node[number].input if name in makers]
        part = load_onnx().ModelProto()
        part.CopyFrom(self.model)
        for field in ("node", "initializer", "input", "output"):
            part.graph.ClearField(field)
        part.graph.node.extend(node for n, node in enumerate(graph.node) if n in kept)
        part.graph.initializer.extend(one for one in graph.initializer if one.name in used)
        part.graph.input.extend(one for one in graph.input if one.name in used)
        part.graph.output.extend(self._value(name) for name in dict.fromkeys(results))
        return OnnxGraph(part)

    def checked(self, where: str) -> "OnnxGraph":
        """See `Graph`."""
        return OnnxGraph(checked_model(self.model, where))

    def running(self, where: str) -> OnnxRunning:
        """See `Graph`."""
        return OnnxRunning(self.model, where)

    def to_bytes(self) -> bytes:
        """See `Graph`."""
        return self.model.SerializeToString(deterministic=True)

    def _value(self, name: str) -> Any:
        """What is known of a tensor, so that it can be a result."""
        onnx = load_onnx()
        graph = self.model.graph
        told = {value.name: value for value in (*graph.value_info, *graph.output)}
        if name not in told:
            try:
                told = {
                    value.name: value
                    for value in onnx.shape_inference.infer_shapes(self.model).graph.value_info
                }
            except (onnx.shape_inference.InferenceError, ValueError, RuntimeError):
                told = {}  # of a file that is refused when it is checked
        value = told.get(name)
        shape = None if value is None else shape_of(value)
        if value is None or shape is None:
            return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None] * 4)
        kind = value.type.tensor_type.elem_type
        is_result = any(name == one.name for one in graph.output)
        if not is_result and (kind != onnx.TensorProto.FLOAT or len(shape) != 4):
            raise no_image(name, onnx.TensorProto.DataType.Name(kind).lower(), shape)
        return value
