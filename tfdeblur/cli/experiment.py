"""`tfdeblur experiment`: the studies of the motion-flow paper, one command each."""

import argparse
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.cli import experiment_run
from tfdeblur.cli.common import (
    above_zero,
    add_common_arguments,
    at_least_one,
)
from tfdeblur.cli.evaluate import ALL_SPLITS
from tfdeblur.errors import EXIT_USAGE

if TYPE_CHECKING:
    from tfdeblur.evaluation.experiments.base import Experiment

_COLUMNS = 99  # of the texts of --help

EPILOG = """\
examples:
  tfdeblur experiment levels --model runs/rpgan --data pairs/ --out levels/ --limit 10
  tfdeblur experiment global-iterations --model runs/rpgan --data GOPRO_Large --out it/ --size 512
  tfdeblur experiment oracle --model runs/rpgan --data synthetic/ --out oracle/
  tfdeblur experiment artifact-penalty --model runs/with --without runs/without \\
      --data pairs/ --out penalty/
  tfdeblur experiment confidence --model runs/rpgan --data pairs/ --out confidence/
  tfdeblur experiment oracle --help
"""

COMMON = (
    "Writes a table to stdout, and into --out: {name}.json (every number of every image, settings, "
    "machine), rewritten after each image, and panels/IMAGE.png to look at: whole images with "
    "captions, and the place that changed most, enlarged. A bad image is named on stderr, the rest "
    "is done, and the exit code is 3. Ctrl-C reports what is finished.",
    "PSNR and SSIM are those of `tfdeblur evaluate`: of what a saved 8-bit PNG would hold.",
)

EXIT_CODES = """
exit codes:
  0 all measured; 3 an image could not be measured, or a bad argument; 4 data or model missing;
  5 the model's output was unusable for an image (the blurred one was counted); 130 interrupted
"""


def add_parser(commands: Any) -> None:
    """Adds the arguments of `tfdeblur experiment` and of each experiment."""
    parser = commands.add_parser(
        "experiment",
        help="repeat the studies of the motion-flow paper with a trained model",
        description="Repeat the studies of the motion-flow paper with a trained RP-GAN.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def show_help(arguments: argparse.Namespace) -> int:
        parser.print_help()
        return EXIT_USAGE

    parser.set_defaults(run_command=show_help)
    kinds = parser.add_subparsers(metavar="EXPERIMENT", help="what to study:")
    for add in (_add_levels, _add_global_iterations, _add_oracle, _add_penalty, _add_confidence):
        add(kinds)


def _add_levels(kinds: Any) -> None:
    _add(
        kinds,
        "levels",
        "PSNR and SSIM after each level of one run (table 4)",
        "One run with N levels: the image after each deconvolution and after each cleaning by the "
        "generator, beside the paper's table 4.",
        ["--limit 10", "--levels 3 --size 512"],
        make=experiment_run.levels,
        levels=5,
    )


def _add_global_iterations(kinds: Any) -> None:
    parser = _add(
        kinds,
        "global-iterations",
        "the whole system once, twice, three times (tables 2 and 3)",
        "The result of a pass is what the next one estimates from and deconvolves. Quality, "
        "seconds and confidence after each, beside the paper's tables 2 and 3; nothing stops "
        "early. The first image of each size is restored once more, so that no seconds go into "
        "tracing.",
        ["--limit 10", "--passes 2 --size 512"],
        make=experiment_run.global_iterations,
    )
    parser.add_argument(
        "--passes", type=at_least_one, default=3, metavar="N", help="passes to run (default: 3)"
    )


def _add_oracle(kinds: Any) -> None:
    parser = _add(
        kinds,
        "oracle",
        "the true flow against the estimated one, on synthetic pairs",
        "What the errors of the estimated flow cost: deconvolution alone, at several betas, and "
        "every level of the model, with the flow that blurred the image and with the estimate; "
        "and the errors of the estimate. The data is a folder with blur/, sharp/ and flow/, as "
        "`tfdeblur data synthesize` writes it.",
        ["--limit 20", "--beta 0.01 0.05 --size 256"],
        make=experiment_run.oracle,
        flows=True,
    )
    parser.add_argument(
        "--beta",
        type=above_zero,
        nargs="+",
        default=[0.01, 0.03, 0.1, 0.3],
        metavar="B",
        help="of deconvolution alone, one row each (default: 0.01 0.03 0.1 0.3)",
    )


def _add_penalty(kinds: Any) -> None:
    parser = _add(
        kinds,
        "artifact-penalty",
        "a model trained with the artifact penalty, and one without (figure 10)",
        "Every level of two models, trained alike but for the artifact penalty, on the same "
        "images. Where one of the models is missing, the commands that train both are told, and "
        "nothing is done.",
        ["--without runs/without --limit 10"],
        make=experiment_run.artifact_penalty,
        check=experiment_run.refuse_one_model_alone,
    )
    parser.add_argument(
        "--without", metavar="MODEL", help="the model that was trained without the penalty"
    )


def _add_confidence(kinds: Any) -> None:
    _add(
        kinds,
        "confidence",
        "does the confidence tell where restoring gained?",
        "The confidence of each image, which needs no sharp one, beside the gain in PSNR, which "
        "does; Pearson's and Spearman's correlation over the images, and a picture with a dot for "
        "each (confidence-scatter.png).",
        ["--limit 30"],
        make=experiment_run.confidence,
    )


def _add(
    kinds: Any,
    name: str,
    short: str,
    description: str,
    examples: list[str],
    *,
    make: Callable[[argparse.Namespace], "Experiment"],
    flows: bool = False,
    levels: int | None = None,
    check: Callable[[argparse.Namespace], None] | None = None,
) -> argparse.ArgumentParser:
    """A parser with what every experiment takes; the caller adds the rest."""
    lines = "\n".join(
        f"  tfdeblur experiment {name} --model runs/rpgan --data pairs/ --out {name}/ {options}"
        for options in examples
    )
    parser = kinds.add_parser(
        name,
        help=short,
        description="\n\n".join(
            textwrap.fill(text.format(name=name), _COLUMNS) for text in (description, *COMMON)
        ),
        epilog=f"{EXIT_CODES}\nexamples:\n{lines}\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model",
        required=check is None,
        metavar="MODEL",
        help="an RP-GAN: folder of a training run, or name of a preset",
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="folder for the results"
    )
    _add_data_arguments(parser)
    _add_restoring_arguments(parser, levels)
    add_common_arguments(parser)
    parser.set_defaults(run_command=experiment_run.run, make=make, flows=flows, check=check)
    return parser


def _add_data_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data", required=True, metavar="DIR|NAME", help="folder of pairs, or a TFDS data set"
    )
    group.add_argument(
        "--split",
        default="test",
        help=f"which part of the data, or {ALL_SPLITS}; a folder without splits is taken whole "
        "(default: test)",
    )
    for option, what in (("only", "take only"), ("exclude", "leave out")):
        group.add_argument(
            f"--{option}",
            action="append",
            default=[],
            metavar="PATTERN",
            help=f"{what} pairs whose name matches, '*' stands for anything; may be repeated",
        )
    group.add_argument(
        "--limit", type=at_least_one, metavar="N", help="the first N pairs (default: all)"
    )
    group.add_argument(
        "--size",
        type=int,
        default=0,
        metavar="PIXELS",
        help="take the middle of each image, at most PIXELS high and wide; 0: all of it "
        "(default: 0)",
    )


def _add_restoring_arguments(parser: argparse.ArgumentParser, levels: int | None) -> None:
    group = parser.add_argument_group("restoring")
    group.add_argument(
        "--levels",
        type=at_least_one,
        default=levels,
        metavar="N",
        help="levels to run; beyond those of the model its betas are continued by their last "
        f"ratio (default: {levels or 'those of the model'})",
    )
    group.add_argument(
        "--tile",
        type=at_least_one,
        metavar="N",
        help="largest side of a tile of the networks, pixels (default: what the memory budget "
        "allows)",
    )
    group.add_argument(
        "--memory-budget",
        type=at_least_one,
        metavar="MB",
        help="memory for one image, in megabytes (10^6 bytes)",
    )
    group.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="arithmetic of the networks (default: float32)",
    )
