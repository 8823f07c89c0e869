"""`tfdeblur deblur`: restores photographs, folders of them, and videos."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from tfdeblur.cli.common import load_tensorflow, restoring_options, settle_model
from tfdeblur.cli.deblur.options import DESCRIPTION, EPILOG, add_arguments, refuse_meaningless
from tfdeblur.cli.files.jobs import jobs_left, plan_jobs
from tfdeblur.cli.files.report import as_json, work_and_report


def add_parser(commands) -> None:
    """Adds the arguments of `tfdeblur deblur`."""
    parser = commands.add_parser(
        "deblur",
        help="restore photographs, folders and videos",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.set_defaults(run_command=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur deblur`."""
    refuse_meaningless(arguments, arguments.parser)
    if arguments.known_flow is None:  # with it, no model means deconvolution alone
        settle_model(arguments)
    jobs = plan_jobs(arguments)
    load_tensorflow(arguments.verbose)
    return _restore(jobs, arguments)


def _restore(jobs: Sequence[Any], arguments: argparse.Namespace) -> int:
    from tfdeblur.cli.files.progress import Progress
    from tfdeblur.files.work import exit_code, restore_files

    left = jobs_left(jobs, arguments)
    restorer: Any = _load(arguments) if left else None
    if any(job.is_video for job in left):
        _tell_about_videos(arguments)
    return work_and_report(
        lambda on_event: restore_files(restorer, jobs, on_event, overwrite=arguments.overwrite),
        Progress(jobs),
        exit_code,
        len(jobs),
        partial(as_json, arguments, _is_rp_gan(arguments)) if arguments.json else None,
    )


def _tell_about_videos(arguments: argparse.Namespace) -> None:
    print("Videos: the sound is not carried over.", file=sys.stderr)
    if arguments.flow or arguments.confidence:
        print(
            "Videos: no files of --flow and --confidence are written for them; to get those, "
            "save the frames as images.",
            file=sys.stderr,
        )


def _load(arguments: argparse.Namespace):
    """The restorer that the options ask for."""
    if arguments.model is None:
        from tfdeblur.restorers.known_flow import KnownFlow

        return KnownFlow(**_given(arguments, "beta", "tolerance", "max_steps", "rasterizer"))
    if _is_rp_gan(arguments):
        return _load_rp_gan(arguments)
    from tfdeblur.restorers.network import Restorer
    from tfdeblur.restorers.passes import InPasses

    restorer = Restorer.from_preset(arguments.model, **restoring_options(arguments))
    return restorer if arguments.passes == 1 else InPasses(restorer, arguments.passes)


def _load_rp_gan(arguments: argparse.Namespace):
    from tfdeblur.models.load import load_blind
    from tfdeblur.restorers.blind.restorer import BlindRestorer

    sen, generator, settings = load_blind(arguments.model)
    options = restoring_options(arguments)
    options.pop("self_ensemble")
    return BlindRestorer(
        sen,
        generator,
        replace(settings, **_given(arguments, "tolerance", "max_steps")),
        passes=arguments.passes,
        levels=arguments.levels,
        early_stop=not arguments.no_early_stop,
        **options,
    )


def _is_rp_gan(arguments: argparse.Namespace) -> bool:
    from tfdeblur.models.load import is_blind_model

    return arguments.model is not None and is_blind_model(arguments.model)


def _given(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Those of the options that were given."""
    values = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}
