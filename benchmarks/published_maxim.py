"""MAXIM and adopted networks against the graph of the npm package, run by TensorFlow as it is.

Every call has a fresh process of its own, in turn: what peaks is counted for one network alone, and
TensorFlow reads TF_ENABLE_ONEDNN_OPTS once. Ours has it, as the commands set it; the published
graph is run with it and, as where nobody sets it, without.

  restore   the preset `maxim` by `Restorer`, in the arithmetic that it chooses (bfloat16 where the
            processor has it) and in float32, against the graph cut after its first stage
  adopt     the whole graph adopted, and cut after its first stage, against the whole graph
  train     forward and backward of two crops of 256x256, one after the other as the preset
            `maxim-finetune` takes them, in float32 and in mixed_bfloat16, against `tf.gradients`
            through the graph cut after its first stage, which takes both at once (updates of the
            weights left out on all sides)

`restore` and `adopt` take a picture of --size; --tile 0 keeps the whole image in memory.
"""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _common import finish, parser, picture, show
from _common import size as wanted_size

_CHILD = "--in-this-process"
_FIRST_STAGE = (
    "StatefulPartitionedCall/jax2tf_apply_/Wrapper/backbone/"
    "stage_0_supervised_attention_module_0/jit_fn_/AddV2:0"
)
_LAST_STAGE = "Identity:0"
# What is called -> those it is held against come last; bars are largest ratios of seconds.
CALLS = {
    "restore": ("ours", "ours-float32", "published-1", "published-1-plain"),
    "adopt": ("adopted", "adopted-1", "published"),
    "train": ("ours-train", "ours-train-bfloat16", "published-train"),
}
BARS = {
    "restore": {"ours": 0.5, "ours-float32": 0.5},
    "adopt": {"adopted": 1.05, "adopted-1": 0.35},
    "train": {"ours-train": 0.5, "ours-train-bfloat16": 0.5},
}
AGAINST = {"restore": "published-1", "adopt": "published", "train": "published-train"}
_CROPS, _CROP = 2, 256
_WHOLE = 10**11  # bytes: no picture is cut


def read_arguments(argv):
    """The command line."""
    made = parser(__doc__, repeats=3)
    made.add_argument("what", choices=tuple(CALLS), help="what is measured")
    made.add_argument("--package", type=Path, required=True, help="what `npm pack` wrote (.tgz)")
    made.add_argument("--size", type=wanted_size, default=(720, 1280), metavar="WIDTHxHEIGHT")
    made.add_argument("--tile", type=int, help="pixels (default: as Restorer chooses; 0: whole)")
    made.add_argument("--adopted", type=Path, help=argparse.SUPPRESS)
    made.add_argument("--only", action="append", metavar="NAME", help="leave out other calls")
    made.set_defaults(warmups=1)
    return made.parse_args(argv)


def published(arguments, tensor):
    """The package's graph up to `tensor`, its placeholder, and the graph."""
    import tensorflow as tf

    from tfdeblur.adopt.tensorflow_js import read_tensorflow_js

    source = read_tensorflow_js(arguments.package, lambda line: None)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(source.graph.cut([tensor]).graph, name="")
    return graph, graph.get_tensor_by_name("xs_0:0"), graph.get_tensor_by_name(tensor)


def session_of(graph):
    """A session that spares the published graph minutes of rewriting, to its advantage."""
    import tensorflow as tf

    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return tf.compat.v1.Session(graph=graph, config=config)


def published_call(arguments, tensor):
    """A call of the published graph on the whole picture, sides brought to multiples of 64."""
    import numpy as np

    graph, given, result = published(arguments, tensor)
    image = picture(*arguments.size)
    pads = [(0, 0), *((0, -length % 64) for length in arguments.size), (0, 0)]
    image = np.pad(image, pads, mode="reflect")
    session = session_of(graph)
    return lambda: session.run(result, {given: image})


def published_training_call(arguments):
    """Gradients of the mean absolute error for every array of weights in the graph."""
    import tensorflow as tf

    graph, given, result = published(arguments, _FIRST_STAGE)
    blurred, sharp = picture(_CROP, _CROP, _CROPS), picture(_CROP, _CROP, _CROPS)[:, ::-1]
    with graph.as_default():
        target = tf.compat.v1.placeholder(tf.float32, sharp.shape)
        weights = [
            operation.outputs[0]
            for operation in graph.get_operations()
            if operation.type == "Const"
            and operation.outputs[0].dtype == tf.float32
            and operation.outputs[0].shape.num_elements() > 1
        ]
        gradients = tf.gradients(tf.reduce_mean(tf.abs(result - target)), weights)
        gradients = [gradient for gradient in gradients if gradient is not None]
    print(f"{len(gradients)} gradients", file=sys.stderr)
    session = session_of(graph)
    # Nothing comes back to Python: only the sums are asked for.
    with graph.as_default():
        sums = [tf.reduce_sum(gradient) for gradient in gradients]
    return lambda: session.run(sums, {given: blurred, target: sharp})


def training_call(policy):
    """The same of our network, the finest image alone supervised."""
    import keras
    import tensorflow as tf

    from tfdeblur.networks import Maxim

    keras.mixed_precision.set_global_policy(policy)
    network = Maxim(stages=1)
    blurred = tf.constant(picture(_CROP, _CROP, _CROPS))
    sharp = blurred[:, ::-1]

    @tf.function
    def gradients(blurred, sharp):
        with tf.GradientTape() as tape:
            restored = network(blurred, training=True)[0][0]  # of three scales the finest
            loss = tf.reduce_mean(tf.abs(tf.cast(restored, tf.float32) - sharp))
        found = tape.gradient(loss, network.trainable_variables)
        return [gradient for gradient in found if gradient is not None]

    def step():
        first, *others = (gradients(blurred[i : i + 1], sharp[i : i + 1]) for i in range(_CROPS))
        return [tf.add_n(parts) / _CROPS for parts in zip(first, *others, strict=True)]

    network(blurred[:, :64, :64])
    return step


def restorer_call(arguments, model, precision="auto"):
    """`Restorer` on the picture, as the commands make it."""
    import numpy as np

    from tfdeblur import Restorer

    options = {} if arguments.tile is None else {"tile": arguments.tile}
    if arguments.tile == 0:
        options = {"memory_budget_bytes": _WHOLE}
    restorer = Restorer.from_preset(model, precision=precision, **options)
    levels = np.round(255 * picture(*arguments.size)[0]).astype("uint8")
    print(f"{restorer.plan(*arguments.size).tiles} tiles", file=sys.stderr)
    return lambda: restorer(levels).image


def call_of(arguments, name):
    """What a child does under the name `name`."""
    if name in ("ours", "ours-float32"):
        precision = "float32" if name.endswith("float32") else "auto"
        return restorer_call(arguments, "maxim", precision)
    if name in ("adopted", "adopted-1"):
        return restorer_call(arguments, str(arguments.adopted / name))
    if name.startswith("ours-train"):
        return training_call("mixed_bfloat16" if name.endswith("bfloat16") else "float32")
    if name == "published-train":
        return published_training_call(arguments)
    return published_call(arguments, _FIRST_STAGE if "-1" in name else _LAST_STAGE)


def measure(arguments, name):
    """Makes a call until it is warm, then once more; seconds, processor seconds, peak memory."""
    call = call_of(arguments, name)
    for _ in range(arguments.warmups):
        call()
    before = time.process_time(), time.perf_counter()
    call()
    return {
        "processor_seconds": time.process_time() - before[0],
        "seconds": time.perf_counter() - before[1],
        "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def in_a_process(argv, name, folder):
    """`measure` in a process of its own."""
    # "0" is what TensorFlow takes by itself where the processor has no AVX-512.
    wanted = "0" if name.endswith("-plain") else "1"
    environment = dict(os.environ, TF_ENABLE_ONEDNN_OPTS=wanted)
    command = [sys.executable, __file__, *argv, "--adopted", folder, _CHILD, name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def adopt_both(arguments, folder):
    """Adopts the package, whole and cut after its first stage."""
    from tfdeblur.adopt.adopt import adopt

    for name, output in (("adopted", None), ("adopted-1", _FIRST_STAGE)):
        adopt(arguments.package, Path(folder) / name, output=output)


def main():
    """Measures and prints."""
    argv = sys.argv[1:]
    if _CHILD in argv:
        place = argv.index(_CHILD)
        print(json.dumps(measure(read_arguments(argv[:place]), argv[place + 1])))
        return
    arguments = read_arguments(argv)
    from tfdeblur.evaluation.timing import Comparison

    names = [name for name in CALLS[arguments.what] if name in (arguments.only or [name])]
    found = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        if arguments.what == "adopt":
            adopt_both(arguments, folder)
        for _ in range(arguments.repeats):
            for name in names:
                found[name].append(in_a_process(argv, name, folder))
    height, width = arguments.size
    subject = f"{_CROPS} x {_CROP}x{_CROP}" if arguments.what == "train" else f"{width}x{height}"
    results = []
    for unit in ("seconds", "processor_seconds"):
        values = Comparison({n: [one[unit] for one in rounds] for n, rounds in found.items()})
        title = f"{arguments.what}, {subject}, {unit.replace('_', ' ')}"
        against = AGAINST[arguments.what]
        against = against if against in names else names[-1]
        results.append(show(title, values, against, BARS[arguments.what]))
    for name, rounds in found.items():
        peak = max(one["peak_bytes"] for one in rounds)
        print(f"  {name:<20} peak {peak / 1e9:.2f} GB")
        results.append({"name": name, "peak_bytes": peak})
    finish(arguments, results)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
