"""Which operators a graph of somebody else may hold, and whether it holds nothing but them.

An adopted graph is untrusted input. TensorFlow has operators that read and write files, reach
other machines, call Python and keep state; so those that only compute are listed, and no other
runs. Loops are not among them: a list of operators without loops ends.
"""

import math
from collections import Counter
from typing import Any

import tensorflow as tf

from tfdeblur import limits
from tfdeblur.errors import DataError

PLACEHOLDER = "Placeholder"

ALLOWED = frozenset(
    """
    Placeholder PlaceholderWithDefault Const Identity IdentityN NoOp StopGradient PreventGradient
    Snapshot

    Abs Acos Acosh Add AddN AddV2 Asin Asinh Atan Atan2 Atanh BiasAdd BiasAddV1 Cast Ceil
    ClipByValue Cos Cosh Cross Cumprod Cumsum Digamma Div DivNoNan Elu Erf Erfc Exp Expm1 Floor
    FloorDiv FloorMod Inv Invert IsFinite IsInf IsNan LeakyRelu Lgamma Log Log1p LogSoftmax Maximum
    Minimum Mod Mul MulNoNan Neg Pow RealDiv Reciprocal Relu Relu6 Rint Round Rsqrt Selu Sigmoid
    Sign Sin Sinh Softmax Softplus Softsign Sqrt Square SquaredDifference Sub Tan Tanh TruncateDiv
    TruncateMod Xdivy Xlogy Xlog1py

    Equal Greater GreaterEqual Less LessEqual LogicalAnd LogicalNot LogicalOr NotEqual Select
    SelectV2 Where BitwiseAnd BitwiseOr BitwiseXor LeftShift RightShift

    All Any ArgMax ArgMin Max Mean Min Prod Sum EuclideanNorm TopKV2 SegmentSum
    UnsortedSegmentSum

    AvgPool AvgPool3D BatchMatMul BatchMatMulV2 BatchMatMulV3 Conv2D Conv2DBackpropInput Conv3D
    DepthwiseConv2dNative Dilation2D Einsum FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 LRN
    MatMul MaxPool MaxPoolV2 L2Loss

    FFT FFT2D IFFT IFFT2D RFFT RFFT2D IRFFT IRFFT2D Complex ComplexAbs Conj Real Imag Angle

    BatchToSpace BatchToSpaceND BroadcastArgs BroadcastTo Concat ConcatOffset ConcatV2
    DepthToSpace Diag DiagPart ExpandDims ExtractImagePatches Fill Gather GatherNd GatherV2
    InvertPermutation LinSpace MatrixBandPart MatrixDiag MatrixDiagPart MirrorPad OneHot OnesLike
    Pack Pad PadV2 Range Rank Reshape ResizeArea ResizeBicubic ResizeBilinear
    ResizeNearestNeighbor Reverse ReverseV2 Roll ScaleAndTranslate ScatterNd Shape ShapeN Size
    Slice SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV Squeeze StridedSlice
    TensorScatterAdd TensorScatterUpdate Tile Transpose Unpack ZerosLike
    """.split()
)


def checked_graph(graph: Any, where: str) -> Any:
    """The graph, if it only computes, and without what may mislead: devices and remarks.

    Args:
        graph: tf.compat.v1.GraphDef.
        where: the file it comes from, for messages.

    Returns:
        A new GraphDef: the same nodes, no functions.

    Raises:
        DataError: if it holds another operator than those of `ALLOWED`, no operator at all, a
            circle, a name twice or none, a connection to nothing, or a constant whose size is not
            that of its data.
    """
    if not graph.node:
        raise DataError(f"{where} holds no network: it is a graph without operators.")
    if len(graph.node) > limits.MOST_OPERATORS:
        raise DataError(f"{where} is refused, it has {len(graph.node)} operators.")
    _check_operators(graph, where)
    _check_constants(graph, where)
    _check_order(graph, where)
    clean = tf.compat.v1.GraphDef()
    clean.versions.producer = graph.versions.producer
    for node in graph.node:
        kept = clean.node.add()
        kept.CopyFrom(node)
        kept.device = ""
        kept.ClearField("experimental_debug_info")
        for name in [name for name in node.attr if name.startswith("_")]:
            del kept.attr[name]
    return clean


def _check_operators(graph: Any, where: str) -> None:
    unknown = Counter(node.op for node in graph.node if node.op not in ALLOWED)
    if unknown:
        first = next(node for node in graph.node if node.op not in ALLOWED)
        named = ", ".join(f"{op or '(none)'!s:.60} ({n} times)" for op, n in unknown.most_common(5))
        raise DataError(
            f"{where} is refused: it uses operators that are not plain computation, or that "
            f"TensorFlow does not have: {named}; the first at {first.name!r:.150}. Custom "
            "operators, files, Python, state, chance and loops are not run from files of others."
        )


def _check_constants(graph: Any, where: str) -> None:
    """A few bytes may claim to be an array of any size: none is made before this."""
    total = 0
    for node in graph.node:
        if node.op != "Const":
            continue
        tensor = node.attr["value"].tensor
        sides = [side.size for side in tensor.tensor_shape.dim]
        try:
            kind = tf.as_dtype(tensor.dtype)
            if kind == tf.string or kind.size < 1:
                raise TypeError(kind)
        except TypeError as error:
            raise DataError(
                f"{where} is damaged: the constant {node.name!r:.150} must hold numbers."
            ) from error
        size = math.prod(sides) * kind.size
        if tensor.tensor_shape.unknown_rank or min(sides, default=0) < 0:
            raise DataError(f"{where} is damaged: {node.name!r:.150} has no shape: {sides}")
        total += size
        if total > limits.MOST_BYTES_OF_CONSTANTS:
            raise DataError(
                f"{where} is refused: its constants claim more than "
                f"{limits.MOST_BYTES_OF_CONSTANTS / 1e9:g} GB, {node.name!r:.150} alone "
                f"{size:.3g} bytes "
                f"(shape {sides})."
            )
        if tensor.tensor_content and len(tensor.tensor_content) != size:
            raise DataError(
                f"{where} is damaged: {node.name!r:.150} {sides} must have {size} bytes. Received: "
                f"{len(tensor.tensor_content)}"
            )


def node_of(tensor: str) -> str:
    """The name of the operator that gives a tensor: of "a:1", "^a" and "a" it is "a"."""
    return tensor.removeprefix("^").partition(":")[0]


def _check_order(graph: Any, where: str) -> None:
    """Every operator comes after those it takes from, in some order."""
    waits: dict[str, int] = {}
    feeds: dict[str, list[str]] = {}
    for node in graph.node:
        if not node.name or node.name in waits:
            raise DataError(f"{where} is damaged: it holds the name {node.name!r:.150} twice.")
        before = {node_of(name) for name in node.input}
        waits[node.name] = len(before)
        for name in before:
            feeds.setdefault(name, []).append(node.name)
    missing = feeds.keys() - waits.keys()
    if missing:
        raise DataError(f"{where} is damaged: it holds no {min(missing)!r:.150}, which it uses.")
    ready = [name for name, count in waits.items() if not count]
    while ready:
        done = ready.pop()
        del waits[done]
        for name in feeds.get(done, ()):
            waits[name] -= 1
            if not waits[name]:
                ready.append(name)
    if waits:
        raise DataError(f"{where} is damaged: it runs in a circle through {min(waits)!r:.150}.")
