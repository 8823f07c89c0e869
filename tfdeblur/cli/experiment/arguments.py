"""Arguments that all experiments have in common."""

import argparse
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.cli.common import add_common_arguments, at_least_one, results_folder
from tfdeblur.cli.experiment import run as experiment_run
from tfdeblur.cli.experiment.settings import ExperimentSettings
from tfdeblur.cli.measuring.data import add_data_arguments
from tfdeblur.cli.restoring import add_restoring_arguments

if TYPE_CHECKING:
    from tfdeblur.evaluation.experiments.base import Experiment

_COLUMNS = 99  # of the texts of --help

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


def add_experiment(
    kinds: Any,
    name: str,
    short: str,
    description: str,
    examples: list[str],
    *,
    make: Callable[[Any], "Experiment"],
    kind: type[ExperimentSettings] = ExperimentSettings,
    flows: bool = False,
    levels: int | None = None,
    limit: int | None = None,
    size: int = 0,
    has_model: bool = True,
    check: Callable[[Any], None] | None = None,
) -> argparse.ArgumentParser:
    """Adds a parser with what every experiment takes; the caller adds the rest.

    Args:
        kinds: where to add it.
        name, short, description, examples: for its help; options only in the examples.
        make: what makes the experiment of its settings.
        kind: of settings, which are read from the options.
        flows: whether the data must hold the flows that blurred it.
        levels, limit, size: defaults of these options.
        has_model: whether it works with a trained model.
        check: called with the settings before anything is done, and raises errors; where there
            is one, `--model` is optional.
    """
    model = " --model runs/rpgan" if has_model else ""
    lines = [f"{model} --data pairs/ --out {name}/ {options}" for options in examples]
    parser = describe(kinds, name, short, description, lines)
    if has_model:
        parser.add_argument(
            "--model",
            required=check is None,
            metavar="MODEL",
            help="an RP-GAN: folder of a training run, or name of a preset",
        )
    add_size(add_data_arguments(parser, limit=limit), size)
    if has_model:
        add_levels(add_restoring_arguments(parser, self_ensemble=False), levels)
    else:
        parser.set_defaults(model=None)
    parser.set_defaults(
        run_command=experiment_run.run, kind=kind, make=make, flows=flows, check=check
    )
    return parser


def describe(
    kinds: Any, name: str, short: str, description: str, examples: list[str]
) -> argparse.ArgumentParser:
    """Adds the parser of an experiment with its help, `--out` and `--verbose`.

    Args:
        kinds: where to add it.
        name, short, description: for its help.
        examples: what follows the name, with a blank before it.
    """
    lines = "\n".join(f"  tfdeblur experiment {name}{options}" for options in examples)
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
        "--out",
        required=True,
        type=lambda text: Path(results_folder(text)),
        metavar="DIR",
        help="folder for the results",
    )
    add_common_arguments(parser)
    return parser


def add_size(group: argparse._ActionsContainer, size: int = 0) -> None:
    """Adds `--size`."""
    group.add_argument(
        "--size",
        type=int,
        default=size,
        metavar="PIXELS",
        help="take the middle of each image, at most PIXELS high and wide; 0: all of it "
        f"(default: {size})",
    )


def add_levels(group: argparse._ActionsContainer, levels: int | None) -> None:
    """Adds `--levels`."""
    group.add_argument(
        "--levels",
        type=at_least_one,
        default=levels,
        metavar="N",
        help="levels to run; beyond those of the model its betas are continued by their last "
        f"ratio (default: {levels or 'those of the model'})",
    )
