"""The blur operator at 1280x720x3 beside SciPy's CSR: K, K^T, building it, and its memory.

Smooth flows (translation, rotation and zoom) with the paper's ceilings of 23 and 46 pixels. SciPy
multiplies the same matrix, one thread, in the same rounds; each is given arrays of its own kind.
Peak memory is that of the process.
"""

import contextlib
import resource
import sys

from _common import finish, parser, show, smooth_flow
from _common import size as wanted_size

BARS = {"K": 0.6, "K^T": 0.8}
BUILD_BARS = {23: 1.2, 46: 2.0}  # seconds on two cores


def read_arguments():
    """The command line."""
    made = parser(__doc__, repeats=9)
    made.add_argument(
        "--size",
        type=wanted_size,
        default=(720, 1280),
        metavar="WIDTHxHEIGHT",
        help="pixels (default: 1280x720)",
    )
    made.add_argument(
        "--extents",
        type=float,
        nargs="+",
        default=[23, 46],
        metavar="PIXELS",
        help="largest component of the flow (default: 23 46)",
    )
    made.add_argument("--taps", action="store_true", help="time the matrix-free way as well")
    return made.parse_args()


def csr_of(K, height, width):
    """The matrix that the operator holds, as SciPy's CSR."""
    from scipy.sparse import coo_matrix, vstack

    parts = []
    for band in K._bands:
        rows, columns = band.indices.numpy().T
        first, last = band.lines.numpy() * width
        shape = (last - first, height * width)
        columns = columns + band.reached.numpy()[0] * width
        parts.append(coo_matrix((band.weights.numpy(), (rows, columns)), shape).tocsr())
    whole = vstack(parts).tocsr()
    whole.sum_duplicates()
    return whole


def peak_gigabytes():
    """Largest resident memory of this process until now."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (peak if sys.platform == "darwin" else 1024 * peak) / 1e9


def measure(extent, arguments):
    """Builds, multiplies and compares for one flow; returns JSON values."""
    import numpy as np
    import tensorflow as tf

    from tfdeblur.evaluation.timing import compare
    from tfdeblur.operators import MotionBlur

    height, width = arguments.size
    flow = smooth_flow(height, width, extent)
    image = np.random.default_rng(0).random((1, height, width, 3), "float32")
    before = peak_gigabytes()
    built = compare(
        {"build": lambda: MotionBlur(flow, method="matrix").apply(image[:, :, :, :1]).numpy()},
        repeats=5,
    )
    peak = peak_gigabytes()
    K = MotionBlur(flow, method="matrix")
    matrix = csr_of(K, height, width)
    given = tf.constant(image)  # copies from arrays to tensors would be in no solver
    flat = image.reshape(-1, 3)
    name = f"extent {extent:g}, {matrix.nnz / flat.shape[0]:.1f} entries a pixel"
    seconds = built.median("build")
    line = f"{name}: build {seconds:.2f} s"
    if extent in BUILD_BARS:
        line += f", bar {BUILD_BARS[extent]:g} s: "
        line += "met" if seconds <= BUILD_BARS[extent] else "missed"
    print(f"{line}; peak memory {peak:.2f} GB, {before:.2f} before")
    calls = {
        "scipy K": lambda: matrix @ flat,
        "K": lambda: K.apply(given),
    }
    # The transpose of a CSR is a CSC, which SciPy multiplies faster than a CSR.
    transposed = matrix.T
    back = {"scipy K^T": lambda: transposed @ flat, "K^T": lambda: K.adjoint(given)}
    if arguments.taps:
        taps = MotionBlur(flow, method="taps")
        calls["taps K"] = lambda: taps.apply(given)
        back["taps K^T"] = lambda: taps.adjoint(given)
    results = [{"title": name, "build_seconds": built.seconds["build"], "peak_gb": peak}]
    for group in (calls, back):
        found = compare(group, repeats=arguments.repeats, warmups=arguments.warmups)
        results.append(show(name, found, next(iter(group)), BARS))
    return results


def main():
    """Measures and prints."""
    arguments = read_arguments()
    results = [part for extent in arguments.extents for part in measure(extent, arguments)]
    finish(arguments, results)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
