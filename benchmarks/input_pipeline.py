"""The input pipeline alone against the training step alone: the pipeline must be faster.

Both take the same number of batches. The pipeline starts anew in each round, so nothing that was
prefetched while the other one ran is counted as its work.
"""

import contextlib
import itertools
from typing import Any

from _common import finish, parser, show

BAR = 1.0


def read_arguments():
    """The command line."""
    made = parser(__doc__, repeats=5)
    made.add_argument("folder", help="folder of pairs, or a TFDS data set")
    made.add_argument("--scheme", default="1-BS", help="what is trained (default: 1-BS)")
    made.add_argument("--width", type=float, default=1.0, help="of the generator (default: 1.0)")
    made.add_argument("--crop", type=int, default=256, help="side in pixels (default: 256)")
    made.add_argument("--batch", type=int, default=1, help="crops per step (default: 1)")
    made.add_argument("--batches", type=int, default=10, help="per round (default: 10)")
    made.add_argument("--only", action="append", default=[], help="pattern on names of pairs")
    made.add_argument(
        "--no-cache", action="store_true", help="decode files each time, as for large data sets"
    )
    made.add_argument(
        "--blur-extent",
        type=float,
        metavar="PIXELS",
        help="the folder holds sharp photographs: blur them by motions up to so many pixels",
    )
    return made.parse_args()


def open_batches(arguments):
    """The training stream of `tfdeblur.data`."""
    from tfdeblur.data.augment import Augment
    from tfdeblur.data.opening import open_source
    from tfdeblur.data.pairs import training_batches
    from tfdeblur.data.sources import CACHE_BYTES

    cache_bytes = 0 if arguments.no_cache else CACHE_BYTES
    source: Any
    if arguments.blur_extent:
        from tfdeblur.data.blur_source import RandomBlur, open_photographs

        blur = RandomBlur(max_extent=arguments.blur_extent)
        source = open_photographs(arguments.folder, blur, arguments.only, cache_bytes=cache_bytes)
    else:
        source = open_source(arguments.folder, None, arguments.only, cache_bytes=cache_bytes)
    augment = Augment(crop=arguments.crop)
    return training_batches(source, augment=augment, batch=arguments.batch, seed=0)


def main():
    """Measures and prints."""
    arguments = read_arguments()
    import tensorflow as tf

    from tfdeblur.config import TrainConfig, override
    from tfdeblur.evaluation.timing import compare
    from tfdeblur.training.build import build_trainer

    batches = open_batches(arguments)
    settings = {"loss.scheme": arguments.scheme, "network.width": arguments.width}
    trainer = build_trainer(override(TrainConfig(), settings), total_steps=1000)
    train_function = trainer.make_train_function()
    fixed = iter(tf.data.Dataset.from_tensors(next(iter(batches))).repeat())

    def pipeline():
        for batch in itertools.islice(batches, arguments.batches):
            batch[0].numpy()

    def steps():
        for _ in range(arguments.batches):
            logs = train_function(fixed)
        float(logs["loss"])

    title = (
        f"{arguments.batches} batches of {arguments.batch} x {arguments.crop}x{arguments.crop}, "
        f"against steps of {arguments.scheme}, width {arguments.width:g}"
    )
    found = compare(
        {"step": steps, "pipeline": pipeline}, repeats=arguments.repeats, warmups=arguments.warmups
    )
    results = show(title, found, "step", {"pipeline": BAR})
    for name in ("pipeline", "step"):
        print(f"  {name}: {arguments.batches / found.median(name):.2f} batches/s")
    finish(arguments, [results])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
