"""`tfdeblur evaluate`: what a model makes of images whose truth is known, in numbers."""

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tfdeblur.cli.common import (
    add_common_arguments,
    add_model_argument,
    add_restoring_arguments,
    at_least_one,
    load_tensorflow,
    restoring_options,
    settle_model,
)
from tfdeblur.cli.evaluate import flow as evaluate_flow
from tfdeblur.cli.measuring.data import add_data_arguments, split_asked, split_taken
from tfdeblur.cli.measuring.progress import ReportProgress, exit_code, images_done
from tfdeblur.errors import EXIT_DONE, InvalidInput

if TYPE_CHECKING:
    from tfdeblur.evaluation.report import EvaluationReport

DESCRIPTION = """\
Restores every blurred image and compares it with its sharp partner, before and after:

  psnr_rgb_u8    dB, 8-bit RGB (clipped, rounded); what the GOPRO tables print
  ssim_gauss     per channel, Gaussian window 11, sigma 1.5, valid region
  ssim_matlab3d  height x width x RGB volume, edges repeated; what most GOPRO tables print
  seconds        wall time of one call; the first call of each image size is not counted
                 (such an image is restored twice)
  confidence     of an RP-GAN, 0 to 1: how well re-blurring the result explains the input; with
                 several passes that of the first, which undoes the blur of the photograph itself

Each is one value per image; the last row is the mean over images. Compare numbers of the same
name only. A bad pair (broken file, sizes that differ, smaller than 11x11) is named on stderr, the
rest is done, and the exit code is 3. Ctrl-C reports what is finished.

A SEN estimates the motion flow of every blurred image, which is compared with the true one:

  flow_mse         pixels^2; what the motion-flow paper's table 1 prints
  end_point_error  pixels, mean distance of the end points
  sign_free_epe    pixels, the same to the nearer of (u, v) and (-u, -v), which blur alike

and with the one flow that comes nearest to all true ones, which an estimate must beat.
"""

EPILOG = """\
data:
  a folder: DIR/{blur,sharp}/NAME.png, DIR/{train,test}/{blur,sharp}/NAME.png, or GOPRO_Large as
  published; or the name of a TFDS data set (gopro_large/blur).
  for a SEN: a folder made by `tfdeblur data synthesize`; or a folder of sharp photographs, each
  blurred by one motion, the same in every run; or a TFDS data set with flows
  (motion_flow/mscoco_23).

exit codes:
  0 all measured; 3 a pair could not be measured, or a bad argument; 4 data or model missing;
  5 the model's output was unusable for an image (the blurred one was counted); 130 interrupted

examples:
  tfdeblur evaluate --data pairs/                                    the preset that is shipped
  tfdeblur evaluate --model runs/first --data pairs/
  tfdeblur evaluate --model best.keras --data GOPRO_Large --split test --json scores.json
  tfdeblur evaluate --model runs/first --data pairs/ --only 'test-*' --limit 3 --panels pictures/
  tfdeblur evaluate --model runs/rpgan --data pairs/ --passes 3 --json three-passes.json
  tfdeblur evaluate --model runs/sen --data photos/ --blur-extent 46 --panels pictures/
"""


def add_parser(commands) -> None:
    """Adds the arguments of `tfdeblur evaluate`."""
    parser = commands.add_parser(
        "evaluate",
        help="measure a model: PSNR, SSIM and seconds, or the error of motion flows",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_model_argument(parser)
    parser.add_argument(
        "--protocol",
        choices=("gopro", evaluate_flow.PROTOCOL),
        help="what to measure on whole images; gopro: the restored ones, flow: SEN's motion flows, "
        "also of the SEN within an RP-GAN (default: flow for a SEN, else gopro)",
    )
    add_data_arguments(parser, "folder of pairs (for a SEN, see below), or a TFDS data set")
    evaluate_flow.add_blur_arguments(parser)
    _add_pass_arguments(add_restoring_arguments(parser))
    _add_output_arguments(parser)
    add_common_arguments(parser)
    parser.set_defaults(run_command=run)


def _add_pass_arguments(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--passes",
        type=at_least_one,
        metavar="N",
        help="restore each result again, N times in all; with RP-GAN, its global iterations, N at "
        "most (default: 1)",
    )
    group.add_argument(
        "--levels",
        type=at_least_one,
        metavar="N",
        help="of RP-GAN, in each pass: the first N that it was trained for (default: all of them)",
    )
    group.add_argument(
        "--no-early-stop",
        action="store_true",
        help="of RP-GAN: do all passes, also where another one does not seem to help",
    )


def _add_output_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output (besides the table on stdout)")
    group.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write all numbers, settings and machine facts; an older file is replaced",
    )
    group.add_argument(
        "--panels",
        type=Path,
        metavar="DIR",
        help="write blurred | restored | sharp as DIR/NAME.png, whole pixels; for flows blurred | "
        "estimated | true | error (sign-free, brightest at the longest motion); older ones are "
        "replaced",
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur evaluate`."""
    # Cheap checks first: nothing is worse than an hour of work that cannot be written.
    _check_json_path(arguments.json)
    settle_model(arguments)
    flows = evaluate_flow.is_wanted(arguments)
    load_tensorflow(arguments.verbose)
    measure = evaluate_flow.measure if flows else _measure_pairs
    progress = Progress(so_far=evaluate_flow.so_far if flows else _gain_so_far)
    try:
        progress.report = measure(arguments, progress)
    except KeyboardInterrupt:
        if progress.report is not None:
            _finish(progress, arguments.json)
        raise
    return _finish(progress, arguments.json)


def _measure_pairs(arguments: argparse.Namespace, progress: "Progress") -> "EvaluationReport":
    from tfdeblur.evaluation.gopro import evaluate_pairs, find_evaluation_pairs

    split = split_asked(arguments)
    pairs = find_evaluation_pairs(
        arguments.data, split, arguments.limit, only=arguments.only, exclude=arguments.exclude
    )
    passes = {name: getattr(arguments, name) for name in ("passes", "levels", "no_early_stop")}
    return evaluate_pairs(
        _load(arguments),
        pairs,
        progress,
        data=arguments.data,
        model=arguments.model,
        split=split_taken(arguments.data, split),
        settings={"protocol": "gopro"} | restoring_options(arguments) | passes,
        panels=arguments.panels,
    )


def _load(arguments: argparse.Namespace) -> Any:
    """The restorer that the options ask for.

    Raises:
        InvalidInput: if there is no such model, or an option means nothing for it.
        DataError: if it is not complete or broken.
    """
    from tfdeblur.models.load import is_blind_model
    from tfdeblur.restorers.network import Restorer
    from tfdeblur.restorers.passes import InPasses

    options = restoring_options(arguments)
    if is_blind_model(arguments.model):
        given = {"passes": arguments.passes, "levels": arguments.levels}
        options |= {name: value for name, value in given.items() if value is not None}
        if arguments.no_early_stop:
            options["early_stop"] = False
        return Restorer.from_preset(arguments.model, **options)
    restorer = Restorer.from_preset(arguments.model, **options)
    for option, given in {
        "levels": arguments.levels is not None,
        "no-early-stop": arguments.no_early_stop,
    }.items():
        if given:
            raise InvalidInput(
                f"`--{option}` works with RP-GAN models only (folders that hold pipeline.json): "
                f"this one restores in one step. Received: --model {arguments.model}"
            )
    return InPasses(restorer, arguments.passes) if (arguments.passes or 1) > 1 else restorer


def _gain_so_far(report: "EvaluationReport") -> str:
    return f"{report.mean_gain_db:+.2f} dB"


def _check_json_path(path: Path | None) -> None:
    if path is None:
        return
    if path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        raise InvalidInput(
            "`--json` must name a file in a folder that exists and can be written to. "
            f"Received: json={str(path)!r}"
        )


def _finish(progress: "Progress", json_file: Path | None) -> int:
    """Prints and writes the report, finished or not; returns the exit code."""
    progress.close()
    report = progress.report
    if report is None:
        return EXIT_DONE
    print(report.table())
    print()
    print(report.summary())
    if json_file is not None:
        report.write_json(json_file)
        print(f"{'json':<15}{json_file}")
    return exit_code(report)


class Progress(ReportProgress):
    """Pairs done, the mean so far and the time left.

    Args:
        stream, clock: see `ReportProgress`.
        so_far: returns the text for the mean of a report; by default the PSNR gained.
    """

    def __init__(self, stream: TextIO | None = None, clock=time.monotonic, so_far=_gain_so_far):
        super().__init__(stream, clock)
        self._so_far = so_far

    def _line(self, report: Any, fraction: float) -> str:
        line = f"{images_done(report)}/{report.count or '?'} pairs"
        if report.images:
            line += f"  {self._so_far(report)}  {report.mean_seconds:.2f} s each"
        return line
