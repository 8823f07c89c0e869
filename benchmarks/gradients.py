"""Gradients that are written out (`networks/gradients.py`) against autodiff's, in one process.

Forward and backward pass of MAXIM and of Bi-Skip, processor time; both kinds of gradient share one
network. Two graphs of MAXIM at 32 features take 20 GB: 16 is the default.
"""

import time
from functools import partial

from _common import finish, parser, show


def read_arguments():
    """The command line."""
    made = parser(__doc__)
    made.add_argument("--features", type=int, default=16, help="of MAXIM (default: 16)")
    made.add_argument("--width", type=float, default=1.0, help="of Bi-Skip (default: 1.0)")
    made.add_argument("--crop", type=int, default=256, help="side in pixels (default: 256)")
    made.add_argument("--batch", type=int, default=2, help="crops (default: 2)")
    return made.parse_args()


def make_pass(network, image, written_out):
    """Gradients of one loss for all weights, as a traced function."""
    import keras
    import tensorflow as tf

    from tfdeblur.networks import gradients

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            found = tf.nest.flatten(network(image, training=True))
            loss = sum(tf.reduce_mean(keras.ops.abs(one - 0.5)) for one in found)
        return tape.gradient(loss, network.trainable_variables)

    # Read while it is traced.
    gradients.pays_off = gradients.convolution_pays_off = lambda: written_out
    run()
    return lambda: run()[0].numpy()


def main():
    """Prints processor time of a pass, and ratios to autodiff's."""
    import tensorflow as tf

    from tfdeblur.evaluation.timing import compare
    from tfdeblur.networks import BiSkip, Maxim

    arguments = read_arguments()
    image = tf.random.uniform((arguments.batch, arguments.crop, arguments.crop, 3))
    kinds = {
        "MAXIM": partial(Maxim, features=arguments.features),
        "Bi-Skip": partial(BiSkip, width=arguments.width, norm="none"),
    }
    results = {}
    for name, make in kinds.items():
        network = make()
        calls = {
            kind: make_pass(network, image, kind == "written out")
            for kind in ("autodiff", "written out")
        }
        found = compare(
            calls,
            repeats=arguments.repeats,
            warmups=arguments.warmups,
            clock=time.process_time,
        )
        title = f"{name}, {arguments.batch} crops of {arguments.crop}, processor time"
        results[name] = show(title, found, "autodiff")
    finish(arguments, results)


if __name__ == "__main__":
    main()
