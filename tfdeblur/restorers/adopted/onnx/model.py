"""Whether an ONNX file of somebody else holds nothing but plain computation of bearable size.

Everything here is looked at before onnxruntime sees the file: that runs what it can compute
beforehand (constants) while it loads.
"""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tfdeblur import limits
from tfdeblur.errors import DataError
from tfdeblur.restorers.adopted.onnx.libraries import load_onnx
from tfdeblur.restorers.adopted.onnx.operators import ALLOWED, DOMAINS

_SIDE = 256  # pixels, where a file leaves the size open


def parse_model(data: bytes, where: str) -> Any:
    """An onnx.ModelProto of its bytes.

    Raises:
        DataError: if they are none, or onnx is not installed.
    """
    onnx = load_onnx()
    from google.protobuf.message import DecodeError

    try:
        model = onnx.ModelProto.FromString(data)
    except (DecodeError, RecursionError) as error:
        raise DataError(f"{where} is no ONNX file, or is cut: {error}") from error
    if not model.graph.node:
        raise DataError(f"{where} holds no network: it is no ONNX file, or one without operators.")
    return model


def checked_model(model: Any, where: str) -> Any:
    """The model, if it only computes, and without what is not needed: remarks and training.

    Args:
        model: onnx.ModelProto with all weights in it.
        where: the file it comes from, for messages.

    Returns:
        A new ModelProto with the shapes that can be told beforehand.

    Raises:
        DataError: if it holds another operator than those of `ALLOWED`, operators with bodies, a
            weight whose size is not that of its data, weights or results of more bytes than are
            run from files of others, or anything else that `onnx.checker` refuses.
    """
    onnx = load_onnx()
    if len(model.graph.node) > limits.MOST_OPERATORS_OF_ONNX:
        raise DataError(f"{where} is refused, it has {len(model.graph.node)} operators.")
    _check_operators(model, where)
    _check_weights(model, where)
    clean = onnx.ModelProto(ir_version=model.ir_version)
    clean.opset_import.extend(one for one in model.opset_import if one.domain in DOMAINS)
    clean.graph.CopyFrom(model.graph)
    clean.graph.ClearField("value_info")  # claims; they are told anew
    try:
        onnx.checker.check_model(clean)
        told = onnx.shape_inference.infer_shapes(clean, data_prop=True)
        sized = onnx.shape_inference.infer_shapes(_of_one_size(clean), data_prop=True)
    except (
        *(onnx.checker.ValidationError, onnx.shape_inference.InferenceError),
        *(ValueError, RuntimeError),
    ) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise DataError(f"{where} is damaged: {reason:.300}") from error
    _check_results(sized, where)
    return told


def tensors_of(model: Any) -> Iterator[Any]:
    """All arrays that a file holds: its weights, and those of operators."""
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def bytes_of(tensor: Any, where: str) -> int:
    """Bytes that the header of an array claims.

    Raises:
        DataError: if it claims to hold something else than numbers.
    """
    helper = load_onnx().helper
    try:
        size = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, TypeError):
        size = 0
    sides = list(tensor.dims)
    if not size or tensor.data_type == tensor.STRING or min(sides, default=0) < 0:
        raise DataError(
            f"{where} is damaged: the array {tensor.name!r:.150} must hold numbers. Received: "
            f"data type {tensor.data_type}, shape {sides}"
        )
    return math.prod(sides) * size


def check_total(total: int, tensor: Any, where: str) -> None:
    """Raises DataError if all arrays up to this one claim more than is taken."""
    if total > limits.MOST_BYTES_OF_CONSTANTS:
        raise DataError(
            f"{where} is refused: its weights claim more than "
            f"{limits.MOST_BYTES_OF_CONSTANTS / 1e9:g} GB "
            f"up to {tensor.name!r:.150} (shape {list(tensor.dims)})."
        )


def _check_operators(model: Any, where: str) -> None:
    def named(node: Any) -> str:
        return node.op_type if node.domain in DOMAINS else f"{node.domain}.{node.op_type}"

    unknown = Counter(
        named(node)
        for node in model.graph.node
        if node.op_type not in ALLOWED or node.domain not in DOMAINS or _has_body(node)
    )
    if unknown:
        told = ", ".join(f"{op or '(none)'!s:.60} ({n} times)" for op, n in unknown.most_common(5))
        of_its_own = len(model.functions)
        hint = (
            f" It has {of_its_own} functions of its own: `onnx.inliner.inline_local_functions` "
            "puts plain operators in their place."
            if of_its_own
            else ""
        )
        raise DataError(
            f"{where} is refused: it uses operators that are not plain computation, or not of "
            f"ONNX itself: {told}. Custom operators, files, text, chance, loops and branches are "
            f"not run from files of others.{hint}"
        )


def _has_body(node: Any) -> bool:
    return any(
        attribute.HasField("g")
        or attribute.graphs
        or attribute.HasField("sparse_tensor")
        or attribute.sparse_tensors
        for attribute in node.attribute
    )


def _check_weights(model: Any, where: str) -> None:
    """A few bytes may claim to be an array of any size: none is made before this."""
    if model.graph.sparse_initializer:
        raise DataError(f"{where} is refused: it holds sparse weights, which are not taken.")
    total = 0
    for tensor in tensors_of(model):
        size = bytes_of(tensor, where)
        total += size
        check_total(total, tensor, where)
        if tensor.data_location == tensor.EXTERNAL or tensor.external_data:
            raise DataError(f"{where} is refused: {tensor.name!r:.150} lies in another file.")
        if tensor.HasField("raw_data") and len(tensor.raw_data) != size:
            raise DataError(
                f"{where} is damaged: {tensor.name!r:.150} {list(tensor.dims)} must have {size} "
                f"bytes. Received: {len(tensor.raw_data)}"
            )


def _of_one_size(model: Any) -> Any:
    """A copy with one size in the place of every one that is left open."""
    copy = load_onnx().ModelProto()
    copy.CopyFrom(model)
    for given in copy.graph.input:
        sides = given.type.tensor_type.shape.dim
        for number, side in enumerate(sides):
            if side.dim_value < 1:
                side.dim_value = 1 if number == 0 else _SIDE
    for result in copy.graph.output:
        result.type.tensor_type.ClearField("shape")
    return copy


def _check_results(model: Any, where: str) -> None:
    """Operators such as Expand make arrays of any size out of a few numbers."""
    for value in (*model.graph.value_info, *model.graph.output):
        sides = [side.dim_value for side in value.type.tensor_type.shape.dim]
        size = 4 * math.prod(max(side, 1) for side in sides)
        if size > limits.MOST_BYTES_OF_A_TENSOR:
            raise DataError(
                f"{where} is refused: it makes an array of {size:.3g} bytes ({value.name!r:.150}, "
                f"shape {sides}) of a small picture."
            )
