"""Forward pass of Bi-Skip: float32 against bfloat16, and against XLA if asked for.

bfloat16 on a CPU is TensorFlow's rewrite of the graph (restorers.graph.arithmetic), as `Restorer`
uses it; on a GPU it is a copy of the network under the Keras policy mixed_bfloat16.
"""

import contextlib

from _common import add_network_arguments, describe, finish, make_network, parser, picture, show
from _common import size as wanted_size

BFLOAT16_BAR = 0.7  # of float32, on a CPU that has AVX-512 BF16 or AMX
_SMALLEST_PIXELS = 256 * 256  # below, launching operations is what takes the time


def read_arguments():
    """The command line."""
    made = parser(__doc__)
    add_network_arguments(made)
    made.add_argument(
        "--size",
        type=wanted_size,
        action="append",
        metavar="WIDTHxHEIGHT",
        help="pixels; may be repeated (default: 256x256 and 1280x720)",
    )
    made.add_argument("--batch", type=int, default=1, help="images per call (default: 1)")
    made.add_argument("--xla", action="store_true", help="measure the XLA-compiled graph as well")
    return made.parse_args()


def bfloat16_call(network, image, arguments):
    """A call without arguments of the network in bfloat16."""
    import keras
    import tensorflow as tf

    from tfdeblur.restorers.graph import arithmetic, inference_function

    setting = "bfloat16"
    if tf.config.list_physical_devices("GPU"):
        weights, setting = network.get_weights(), "float32"  # the policy does it, no rewrite
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            network = make_network(arguments)
        finally:
            keras.config.set_dtype_policy(policy)
        network.set_weights(weights)
    function = inference_function(network)

    def call():
        with arithmetic(setting):
            return function(image).numpy()

    return call


def main():
    """Measures and prints."""
    arguments = read_arguments()
    import tensorflow as tf

    from tfdeblur.evaluation.timing import compare, machine_facts
    from tfdeblur.restorers.graph import inference_body, inference_function

    network = make_network(arguments)
    plain = inference_function(network)
    native = machine_facts()["bfloat16_cpu"] or tf.config.list_physical_devices("GPU")
    results = []
    for height, width in arguments.size or [(256, 256), (720, 1280)]:
        image = tf.constant(picture(height, width, arguments.batch))
        calls = {
            "float32": lambda image=image: plain(image).numpy(),
            "bfloat16": bfloat16_call(network, image, arguments),
        }
        if arguments.xla:
            compiled = tf.function(inference_body(network), jit_compile=True, autograph=False)
            calls["float32 XLA"] = lambda image=image, run=compiled: run(image).numpy()
        title = f"{describe(arguments)}: forward, {arguments.batch} x {width}x{height}"
        found = compare(calls, repeats=arguments.repeats, warmups=arguments.warmups)
        judged = native and height * width >= _SMALLEST_PIXELS
        bars = {"bfloat16": BFLOAT16_BAR} if judged else {}
        results.append(show(title, found, "float32", bars))
        difference = abs(calls["bfloat16"]() - calls["float32"]()).max()
        print(f"  largest difference of bfloat16: {difference:.2g} (1 is the range of an image)")
    finish(arguments, results)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
