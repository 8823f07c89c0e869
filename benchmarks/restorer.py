"""`Restorer` against the bare network: the same graph with the same padding, nothing else.

What `Restorer` adds: checks of the input, conversions, the plan of tiles, the guard against
degenerate output, clipping and rounding.
"""

import contextlib

from _common import add_network_arguments, describe, finish, make_network, parser, picture, show
from _common import size as wanted_size

BAR = 1.15


def read_arguments():
    """The command line."""
    made = parser(__doc__)
    add_network_arguments(made)
    made.add_argument(
        "--size",
        type=wanted_size,
        default=(720, 1280),
        metavar="WIDTHxHEIGHT",
        help="pixels (default: 1280x720)",
    )
    made.add_argument(
        "--precision", choices=("float32", "bfloat16"), default="float32", help="(default: float32)"
    )
    return made.parse_args()


def main():
    """Measures and prints."""
    arguments = read_arguments()
    import keras
    import numpy as np
    import tensorflow as tf

    from tfdeblur.evaluation.timing import compare
    from tfdeblur.restorers.graph import arithmetic, inference_function
    from tfdeblur.restorers.network import Restorer

    network = make_network(arguments)
    # A small random residual: an untrained head could trip the guard against degenerate output.
    network.get_layer("head").kernel.assign(
        0.01 * keras.random.normal(network.get_layer("head").kernel.shape, seed=0)
    )
    height, width = arguments.size
    image = picture(height, width)
    levels = np.round(image * 255).astype("uint8")
    bare, restorer = inference_function(network), Restorer(network, precision=arguments.precision)

    def call_bare():
        with arithmetic(arguments.precision):
            return bare(tf.constant(image)).numpy()

    plan = restorer.plan(height, width)
    if plan.tiles > 1:
        print(f"note: {plan.tiles} tiles, which overlap: more pixels than the bare network has")
    if restorer(image[0]).degenerate:
        print("note: the output is degenerate, so what is measured is not the usual path")
    calls = {
        "bare": call_bare,
        "float in": lambda: restorer(image[0]).image,
        "uint8 in": lambda: restorer(levels[0]).image,
    }
    title = f"{describe(arguments)}: Restorer, {width}x{height}, {arguments.precision}"
    found = compare(calls, repeats=arguments.repeats, warmups=arguments.warmups)
    results = [show(title, found, "bare", {"float in": BAR, "uint8 in": BAR})]
    finish(arguments, results)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
