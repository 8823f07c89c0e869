"""Which tensors of a graph are its image and its results."""

import difflib
from collections.abc import Sequence

import tensorflow as tf

from tfdeblur.adopt.running import Running
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.restorers.adopted.operators import PLACEHOLDER

_MOST_OUTPUTS = 32


def find_input(running: Running) -> tuple[str, tuple[int | None, int | None]]:
    """The tensor that takes the image, and the height and width that it demands.

    Raises:
        DataError: if there is not one that takes RGB images, float32 `(batch, h, w, 3)`.
    """
    found = [op for op in running.graph.get_operations() if op.type == PLACEHOLDER]
    if len(found) != 1:
        names = ", ".join(op.name for op in found[:5]) or "none"
        raise DataError(
            f"{running.where} does not restore images by itself: it must take one image. "
            f"Received: {len(found)} inputs ({names})"
        )
    tensor = found[0].outputs[0]
    shape = tensor.shape
    if tensor.dtype != tf.float32:
        raise DataError(
            f"{running.where} must take images in float32. Received: {tensor.dtype.name}"
        )
    if shape.rank is None:
        return tensor.name, (None, None)
    sides = shape.as_list()
    if len(sides) != 4 or sides[3] not in (None, 3) or sides[0] not in (None, 1):
        first = len(sides) == 4 and sides[1] == 3
        hint = " Channels first are not taken yet." if first else ""
        raise DataError(
            f"{running.where} must take RGB images, of shape (batch, height, width, 3). Received: "
            f"{tensor.name} of shape {tuple(sides)}.{hint}"
        )
    return tensor.name, (sides[1], sides[2])


def find_outputs(
    running: Running, given: str, named: Sequence[str], wanted: str | None
) -> tuple[str, ...]:
    """The tensors that may be the restored image.

    Args:
        running: the graph.
        given: the tensor that takes the image.
        named: what the file says; empty: whatever no other operator takes.
        wanted: what the caller says, or None.

    Raises:
        InvalidInput: if there is no tensor `wanted`.
        DataError: if none is left, or too many are.
    """
    if wanted is not None:
        return (_wanted(running, wanted),)
    tensors = []
    for name in named:
        try:
            tensors.append(running.tensor(name))
        except KeyError:
            raise DataError(
                f"{running.where} is damaged: it names {name!r:.150} as a result and holds none."
            ) from None
    if not tensors:
        tensors = [
            tensor
            for op in running.graph.get_operations()
            if not any(tensor.consumers() for tensor in op.outputs)
            for tensor in op.outputs
        ]
    images = [t for t in tensors if t.dtype == tf.float32 and t.shape.rank in (None, 4)]
    kept = tuple(dict.fromkeys(t.name for t in images if t.name != given))
    if not 1 <= len(kept) <= _MOST_OUTPUTS:
        raise DataError(
            f"{running.where} does not restore images: it has {len(kept)} results that may be "
            "images in float32. Name the one to take with --output."
        )
    return kept


def _wanted(running: Running, name: str) -> str:
    try:
        tensor = running.tensor(name)
    except KeyError:
        names = [op.name for op in running.graph.get_operations()]
        near = difflib.get_close_matches(name.partition(":")[0], names, n=3, cutoff=0.5)
        hint = f" Near to it: {', '.join(near)}." if near else ""
        raise InvalidInput(
            f"`output` must be a tensor of {running.where}. Received: output={name!r:.150}.{hint}"
        ) from None
    if tensor.dtype != tf.float32 or tensor.shape.rank not in (None, 4):
        raise InvalidInput(
            f"`output` must be an image in float32. Received: output={name!r:.150}, "
            f"{tensor.dtype.name} of shape {tensor.shape}"
        )
    return tensor.name
