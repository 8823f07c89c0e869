"""`tfdeblur evaluate`: what a model makes of images whose truth is known, in numbers."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tfdeblur.cli.common import PREPARING, load_tensorflow, tell_on_terminal, terminal_columns
from tfdeblur.cli.evaluate import flow as evaluate_flow
from tfdeblur.cli.evaluate import systems as evaluate_systems
from tfdeblur.cli.evaluate.options import DESCRIPTION, EPILOG, add_arguments
from tfdeblur.cli.evaluate.settings import EvaluateSettings
from tfdeblur.cli.measuring.data import split_taken
from tfdeblur.cli.measuring.progress import ReportProgress, exit_code, images_done
from tfdeblur.cli.restoring import refused
from tfdeblur.errors import EXIT_DONE
from tfdeblur.restorers.open import kind_of, open_restorer
from tfdeblur.restorers.options import OptionRefused
from tfdeblur.restorers.precision import precision_of

if TYPE_CHECKING:
    from tfdeblur.evaluation.report import EvaluationReport


def add_parser(commands) -> None:
    """Adds the arguments of `tfdeblur evaluate`."""
    parser = commands.add_parser(
        "evaluate",
        help="measure models, or anybody's restored images: PSNR, SSIM, or errors of motion flows",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.set_defaults(run_command=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur evaluate`."""
    settings = EvaluateSettings.read(arguments)
    if settings.compares:
        return evaluate_systems.run(settings)
    flows = evaluate_flow.is_wanted(settings)
    if not flows:  # those take a SEN by itself as well
        kind_of(settings.model)
    tell_on_terminal(f"loading {settings.model} ...")
    load_tensorflow(settings.verbose)
    measure = evaluate_flow.measure if flows else _measure_pairs
    progress = Progress(so_far=evaluate_flow.so_far if flows else _gain_so_far)
    try:
        progress.report = measure(settings, progress)
    except KeyboardInterrupt:
        if progress.report is not None:
            _finish(progress, settings.json)
        raise
    return _finish(progress, settings.json)


def _measure_pairs(settings: EvaluateSettings, progress: "Progress") -> "EvaluationReport":
    from tfdeblur.evaluation.gopro import evaluate_pairs, find_evaluation_pairs

    data, options = settings.data, settings.options
    split = data.split_asked
    pairs = find_evaluation_pairs(
        *(data.data, split, data.limit),
        only=data.only,
        exclude=data.exclude,
        patterns=data.pairs,
    )
    try:
        restorer = open_restorer(settings.model, options.given())
    except OptionRefused as error:
        raise refused(error, settings.model) from None
    tell_on_terminal(PREPARING)
    return evaluate_pairs(
        restorer,
        pairs,
        progress,
        data=data.data,
        model=settings.model,
        split=split_taken(data.data, split),
        settings={
            "protocol": "gopro",
            **settings.recorded() | {"precision": precision_of(restorer)},
        },
        panels=settings.panels,
        white_level=data.white_level,
    )


def _gain_so_far(report: "EvaluationReport") -> str:
    return f"{report.mean_gain_db:+.2f} dB"


def _finish(progress: "Progress", json_file: Path | None) -> int:
    """Prints and writes the report, finished or not; returns the exit code."""
    progress.close()
    report = progress.report
    if report is None:
        return EXIT_DONE
    columns = terminal_columns()
    print(report.table(columns))
    print()
    print(report.summary(columns))
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
