"""Bi-Skip on folded pixels against the paper's network: forward passes and training steps.

The paper's blocks at full width with unshuffle 1, 2 and 4, and the presets `biskip` and
`biskip-fast`, in the same rounds. A training step is the preset's: L1, Muon, averaged weights.
"""

import contextlib
import time

from _common import finish, parser, picture, show
from _common import size as wanted_size

BARS = {"biskip": 0.17, "biskip-fast": 0.06}  # forward, of the paper's network


def read_arguments():
    """The command line."""
    made = parser(__doc__, repeats=5)
    made.add_argument(
        "--only", choices=("forward", "train"), help="measure one of them (default: both)"
    )
    made.add_argument(
        "--size",
        type=wanted_size,
        default=(720, 1280),
        metavar="WIDTHxHEIGHT",
        help="pixels, of forward passes (default: 1280x720)",
    )
    made.add_argument("--crop", type=int, default=256, help="side of crops (default: 256)")
    made.add_argument("--batch", type=int, default=8, help="crops per step (default: 8)")
    made.add_argument(
        "--paper-batch", type=int, default=2, help="the same at unshuffle 1 (default: 2)"
    )
    made.add_argument(
        "--precision",
        choices=("float32", "mixed_bfloat16"),
        default="float32",
        help="of training (default: float32)",
    )
    made.add_argument(
        "--processor-time",
        action="store_true",
        help="seconds of all cores together, which other work disturbs less, not of the clock",
    )
    return made.parse_args()


def configurations(arguments):
    """What is compared: name -> configuration of a training."""
    from tfdeblur.config import override
    from tfdeblur.presets import preset

    common = {"run.precision": arguments.precision, "data.crop": arguments.crop}
    paper = {"network.blocks": "residual", "network.channels": "", "network.depths": ""}
    found = {}
    for unshuffle in (1, 2, 4):
        settings = {**common, **paper, "network.unshuffle": unshuffle}
        found[f"unshuffle {unshuffle}"] = override(preset("biskip"), settings)
    for name in BARS:
        found[name] = override(preset(name), common)
    return found


def measure_forward(found, arguments):
    """Whole images, float32, one at a time."""
    import tensorflow as tf

    from tfdeblur.evaluation.timing import compare
    from tfdeblur.restorers.graph import inference_function
    from tfdeblur.training.build_rp_gan import build_bi_skip

    height, width = arguments.size
    image = tf.constant(picture(height, width))
    functions = {
        name: inference_function(build_bi_skip(config.network)) for name, config in found.items()
    }
    calls = {
        name: lambda function=function: function(image).numpy()
        for name, function in functions.items()
    }
    made = compare(
        calls, repeats=arguments.repeats, warmups=arguments.warmups, clock=clock(arguments)
    )
    return show(f"Bi-Skip: forward, {width}x{height}, float32", made, "unshuffle 1", BARS)


def measure_training(found, arguments):
    """Training steps; prints pixels of crops a second as well."""
    from tfdeblur.evaluation.timing import compare

    calls, pixels = {}, {}
    for name, config in found.items():
        batch = arguments.paper_batch if name == "unshuffle 1" else arguments.batch
        pixels[name] = batch * arguments.crop**2
        calls[name] = training_step(config, batch, arguments.crop)
    made = compare(
        calls, repeats=arguments.repeats, warmups=arguments.warmups, clock=clock(arguments)
    )
    crop = arguments.crop
    title = f"Bi-Skip: training step, crops of {crop}x{crop}, {arguments.precision}"
    result = show(title, made, "unshuffle 1")
    per_pixel = {name: made.ratio(name, "unshuffle 1") / pixels[name] for name in calls}
    for name in calls:
        rate = pixels[name] / made.median(name) / 1e3
        times = per_pixel["unshuffle 1"] / per_pixel[name]
        print(f"  {name:<14}{rate:10.0f} thousand pixels a second  {times:6.2f}x")
    return result


def training_step(config, batch, crop):
    """One step on the same crops each time, as a call without arguments."""
    import tensorflow as tf

    from tfdeblur.training.build import build_trainer

    images = picture(crop, crop, 2 * batch)
    pair = tf.constant(images[:batch]), tf.constant(images[batch:])
    batches = iter(tf.data.Dataset.from_tensors(pair).repeat())
    step = build_trainer(config, total_steps=1000).make_train_function()
    return lambda: float(step(batches)["loss"])


def clock(arguments):
    """What seconds are read from."""
    return time.process_time if arguments.processor_time else time.perf_counter


def main():
    """Measures and prints."""
    arguments = read_arguments()
    found, results = configurations(arguments), []
    if arguments.only != "train":
        results.append(measure_forward(found, arguments))
    if arguments.only != "forward":
        results.append(measure_training(found, arguments))
    finish(arguments, results)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
