"""One Predict request against one version: the checks in TensorFlow Serving's order, then the run.

Order and texts follow predict_util.cc (signature, number and names of inputs, their encoding,
output filter) and then the executor (types, shapes). Types and shapes are checked here, before the
run: `Session.run` would cast a wrong type in silence, and a wrong rank ends the process where the
graph does not guard itself.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from export.service.engine import Engine
from export.service.gate import Place, Work
from export.service.options import ServiceOptions
from export.service.pictures import padded_pixels, picture_pixels
from export.service.tensors import check, decode, decoded_size, sent_strings, written
from export.status import Status

# Bytes a pixel of an image that its network sees in tiles: the image, the sum of the tiles, and one
# of them within zeros, as float32, and room for one more.
_BESIDE_A_TILE = 48

DEFAULT_SIGNATURE = "serving_default"


Turn = Callable[[Work], AbstractContextManager[Place]]


def _at_once(work: Work) -> AbstractContextManager[Place]:
    return nullcontext(Place())


def answer(
    engine: Engine,
    request: Any,
    options: ServiceOptions,
    turn: Turn = _at_once,
) -> dict[str, np.ndarray]:
    """Checks a request and runs it.

    Args:
        engine: the version.
        request: PredictRequest; its model spec was resolved before.
        options: limits.
        turn: gives what is entered around decoding and run, so that only so many are in memory
            at a time; it is told what answering takes, yields the seconds that are left to the
            caller, and is told what the answer takes until the caller has it.

    Returns:
        Output alias -> array, those of the output filter or all.

    Raises:
        Status: as TensorFlow Serving, in its order.
    """
    signature = find_signature(engine, request.model_spec.signature_name)
    _check_names(signature, request.inputs)
    # Reading an absent key of a protobuf map would add it.
    inputs = {
        alias: request.inputs[alias] if alias in request.inputs else signature.defaults[alias]
        for alias in sorted(signature.inputs)
    }
    headers = {
        alias: check(alias, proto, options.largest_tensor) for alias, proto in inputs.items()
    }
    outputs = _outputs(signature, request.output_filter)
    for index, (alias, (dtype, shape)) in enumerate(headers.items()):
        _check_type(index, signature.inputs[alias], dtype)
        _check_shape(alias, signature.inputs[alias], shape)
    pixels = [_pixels(a, inputs[a], engine, options, *header) for a, header in headers.items()]
    total, largest = (max((count[i] for count in pixels), default=0) for i in range(2))
    needed = _working_memory(engine, largest)
    # And what goes in, or, as much of it, comes out: the network's own working memory is not that.
    needed += sum(
        _passing(header[0], decoded_size(inputs[a], *header)) for a, header in headers.items()
    )
    with turn(Work(needed, total, engine.pace)) as place:
        feeds = {
            signature.inputs[alias].name: decode(alias, inputs[alias], *header)
            for alias, header in headers.items()
        }
        values = engine.run(feeds, [signature.outputs[alias].name for alias in outputs], place.left)
        place.answer = sum(_passing(tf.as_dtype(v.dtype), _bytes_of(v)) for v in values)
    return dict(zip(outputs, values, strict=True))


def _working_memory(engine: Engine, pixels: int) -> int:
    """Bytes that the graph takes for so many pixels, padded."""
    at_a_time = engine.pixels_at_a_time
    if at_a_time is None or pixels <= at_a_time:
        return int(engine.bytes_per_pixel * pixels)
    return int(engine.bytes_per_pixel * at_a_time + _BESIDE_A_TILE * pixels)


def _passing(dtype: tf.DType, size: int) -> int:
    """Bytes that an answer takes: the array, its message, and the copy of that that gRPC makes.

    Args:
        dtype: of the array.
        size: bytes of it. In typed fields numbers of one byte take two (`export.wire.pack`).
    """
    return size + 2 * size * (2 if dtype == tf.uint8 else 1)


def _bytes_of(value: np.ndarray) -> int:
    texts = value.flat if value.dtype == object else ()
    return value.nbytes + sum(len(text) for text in texts)


def find_signature(engine: Engine, name: str) -> Any:
    """The signature that a request names; none is `serving_default`.

    Raises:
        Status: FAILED_PRECONDITION if there is none of that name. Those that are not for requests
            (`__saved_model_init_op`) are found as well, and refused for their inputs and outputs:
            TensorFlow Serving looks at their method only under
            `--enable_signature_method_name_check`, which is off by default.
    """
    name = name or DEFAULT_SIGNATURE
    signature = engine.signatures.get(name)
    if signature is None:
        raise Status("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
    return signature


def _check_names(signature: Any, inputs: Any) -> None:
    required, sent = set(signature.inputs), set(inputs)
    missing = required - sent - set(signature.defaults)
    extra = sent - required
    if len(sent) > len(required) or len(sent) < len(required) - len(signature.defaults):
        raise Status(
            "INVALID_ARGUMENT",
            f"input size does not match signature: {len(sent)}!={len(required)} "
            f"len({{{_listed(sent)}}}) != len({{{_listed(required)}}}). "
            f"Sent extra: {{{_listed(extra)}}}. Missing but required: {{{_listed(missing)}}}.",
        )
    for alias in sorted(missing):
        raise Status(
            "INVALID_ARGUMENT",
            f"Signature input alias: {alias}(feed name: {signature.inputs[alias].name}) not found "
            "in request and no default value provided. Inputs expected to be in the set "
            f"{{{_listed(required)}}}.",
        )


def _outputs(signature: Any, wanted: Any) -> list[str]:
    seen: list[str] = []
    for alias in wanted:
        if alias not in signature.outputs:
            raise Status(
                "INVALID_ARGUMENT",
                f"output tensor alias not found in signature: {alias} Outputs expected to be in "
                f"the set {{{_listed(signature.outputs)}}}.",
            )
        if alias in seen:
            raise Status("INVALID_ARGUMENT", f"duplicate output tensor alias: {alias}")
        seen.append(alias)
    seen = seen or sorted(signature.outputs)
    for alias in seen:
        if signature.outputs[alias].dtype == types_pb2.DT_INVALID:  # an operation, no tensor
            name = signature.outputs[alias].name
            raise Status("OUT_OF_RANGE", f"Node '{name}' does not have output 0")
    return seen


def _check_type(index: int, info: Any, dtype: tf.DType) -> None:
    if dtype.as_datatype_enum != info.dtype:
        raise Status(
            "INVALID_ARGUMENT",
            f"Expects arg[{index}] to be {_type_name(info.dtype)} but "
            f"{_type_name(dtype.as_datatype_enum)} is provided",
        )


def _check_shape(alias: str, info: Any, shape: tuple[int, ...]) -> None:
    if info.tensor_shape.unknown_rank:
        return
    expected = tuple(axis.size for axis in info.tensor_shape.dim)
    fits = len(expected) == len(shape) and all(
        size in (-1, given) for size, given in zip(expected, shape, strict=True)
    )
    if not fits:
        raise Status(
            "INVALID_ARGUMENT",
            f"Shape of tensor {alias} [{written(shape)}] is not compatible with expected shape "
            f"[{written(expected)}].",
        )


def _pixels(
    alias: str,
    proto: Any,
    engine: Engine,
    options: ServiceOptions,
    dtype: tf.DType,
    shape: tuple[int, ...],
) -> tuple[int, int]:
    """Padded pixels of all images, and of those that are restored at a time.

    These are all of an array, and of files the largest.

    Raises:
        Status: INVALID_ARGUMENT if all together are more than the graph's limit, in its words
            (it would say so once all had been decoded), or than the service's own.
    """
    if dtype == tf.string:
        count = math.prod(shape)
        texts = sent_strings(alias, proto, count)
        least = engine.padded_to**2  # also of what is no picture, as in the graph
        sizes = [max(least, picture_pixels(text, engine.padded_to)) for text in texts]
        repeated = (count - len(sizes)) * sizes[-1] if sizes else 0
        total, largest = sum(sizes) + repeated, max(sizes, default=0)
    elif len(shape) == 4:
        total = largest = shape[0] * padded_pixels(*shape[1:3], engine.padded_to)
    else:
        return 0, 0
    if engine.max_pixels is not None and total > engine.max_pixels:
        raise Status(
            "INVALID_ARGUMENT",
            f"assertion failed: [image has too many pixels] [limit] [{engine.max_pixels}] "
            f"[received] [{total}]",
        )
    if options.max_image_pixels and total > options.max_image_pixels:
        raise Status(
            "INVALID_ARGUMENT",
            f"image has too many pixels: {total} in a request of shape [{written(shape)}], padded "
            f"to multiples of {engine.padded_to}, and this service's limit is "
            f"{options.max_image_pixels}. Send tiles or fewer, or raise its --max_image_pixels.",
        )
    return total, largest


def _type_name(number: int) -> str:
    """As C++ calls it: float32 is `float` there, float64 is `double`."""
    name = tf.as_dtype(number).name
    return {"float32": "float", "float64": "double", "float16": "half"}.get(name, name)


def _listed(names: Any) -> str:
    return ",".join(sorted(names))
