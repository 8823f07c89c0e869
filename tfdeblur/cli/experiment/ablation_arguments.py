"""Options of `tfdeblur experiment ablation`, and its help."""

import argparse
from typing import Any

from tfdeblur.cli.common import at_least_one
from tfdeblur.cli.experiment.arguments import add_size, describe
from tfdeblur.cli.measuring.data import add_limit
from tfdeblur.cli.restoring import add_restoring_arguments

DESCRIPTION = (
    "Trains one network for each value of a setting, all else being equal (pairs, seed, number of "
    "steps, preset), and measures all of them on the validation pairs: table 1 of the Bi-Skip "
    "paper, or an ablation of any other setting. Each run has a folder of its own, "
    "DIR/runs/VARIANT, as `tfdeblur train` makes it: a model that every other command takes. "
    "Ctrl-C stops after the current step; the same command goes on from there, and leaves alone "
    "what is finished. More values may be added later. A training that fails is named, the others "
    "are compared, and the exit code is 5. With --seeds it says which differences are larger than "
    "those between seeds, and whether the paper's order was found again."
)
EXAMPLES = [
    " --data pairs/ --val held/ --out schemes/ \\\n"
    "      --vary loss.scheme=1-BS,2-BS --epochs 8 --steps-per-epoch 500",
    " --data pairs/ --val-only 'test-*' --train-exclude 'test-*' \\\n"
    "      --out seeds/ --vary loss.scheme=1-BS,2-BS --seeds 3 --limit 20",
    " --model rpgan --sen runs/sen --data pairs/ --val held/ \\\n"
    "      --out penalty/ --vary loss.artifact_weight=0.01,0",
    " --model rpgan --sen runs/sen --data pairs/ --val held/ \\\n"
    "      --out betas/ --vary 'rpgan.betas=0.1,0.2,0.4;0.2,0.4,0.8' --show-runs",
    " --data GOPRO_Large --preset paper --vgg vgg19.npz --out table1/",
]
_TRAINING = {
    "--val": ("DIR|NAME", str, "pairs to validate and measure on (default: the test split)"),
    "--preset": ("NAME", str, "named settings of `tfdeblur train` (default: small, rpgan-small)"),
    "--epochs": ("N", int, "epochs of each run"),
    "--steps-per-epoch": ("N", int, "updates per epoch; 0: one pass over the data"),
    "--batch": ("N", int, "images per step"),
    "--crop": ("PIXELS", int, "side of training crops"),
    "--seed": ("N", int, "of weights and data (default: 0)"),
    "--vgg": ("FILE|imagenet|none", str, "weights of VGG19 (schemes with a P), VGG16 (rpgan)"),
    "--sen": ("RUN|FILE", str, "trained SEN that estimates the flows for rpgan"),
}
_PATTERNS = {
    "--train-only": "train on pairs whose name matches (repeatable)",
    "--train-exclude": "leave these pairs out of training (repeatable)",
    "--val-only": "validate and measure on pairs whose name matches (repeatable)",
}


def add_arguments(kinds: Any) -> argparse.ArgumentParser:
    """Adds the parser of `tfdeblur experiment ablation`, and returns it."""
    parser = describe(
        kinds,
        "ablation",
        "train variants under equal conditions and compare them (Bi-Skip's table 1)",
        DESCRIPTION,
        EXAMPLES,
    )
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="SECTION.KEY=V,V,...",
        help="a setting of `tfdeblur train --set`, and its values; between values of a list, ';'. "
        "Repeated: all combinations. What comes first is what the others are compared with "
        "(default, of Bi-Skip: the twelve schemes of table 1)",
    )
    parser.add_argument(
        "--seeds",
        type=at_least_one,
        default=1,
        metavar="N",
        help="train each N times, with --seed and the seeds that follow it, and tell mean, spread "
        "and paired tests over them; what is finished is kept where N grows (default: 1)",
    )
    parser.add_argument(
        "--show-runs",
        action="store_true",
        help="print the runs, and how far each of them is, and stop",
    )
    _add_training(parser)
    group = parser.add_argument_group("measuring")
    add_limit(group)
    add_size(group)
    add_restoring_arguments(parser, self_ensemble=False)
    return parser


def _add_training(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training, the same for all runs (see `tfdeblur train`)")
    group.add_argument(
        "--model",
        choices=["biskip", "rpgan"],
        help="what to train (default: what --preset trains, or biskip)",
    )
    group.add_argument(
        "--data", required=True, metavar="DIR|NAME", help="folder of pairs, or a TFDS data set"
    )
    for option, (metavar, kind, text) in _TRAINING.items():
        group.add_argument(option, metavar=metavar, type=kind, help=text)
    for option, text in _PATTERNS.items():
        group.add_argument(option, action="append", metavar="GLOB", help=text)
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="any other setting of `tfdeblur train` (repeatable)",
    )
