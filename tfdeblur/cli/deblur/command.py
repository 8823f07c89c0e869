"""`tfdeblur deblur`: restores photographs, folders of them, and videos."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tfdeblur.cli.common import PREPARING, keep_freed_memory, load_tensorflow, tell_on_terminal
from tfdeblur.cli.deblur.archive import restore_archive
from tfdeblur.cli.deblur.faster import faster_preset
from tfdeblur.cli.deblur.options import DESCRIPTION, EPILOG, add_arguments
from tfdeblur.cli.deblur.settings import DeblurSettings
from tfdeblur.cli.files.gallery import gallery_writer
from tfdeblur.cli.files.jobs import jobs_left, plan_jobs
from tfdeblur.cli.files.report import as_json, work_and_report
from tfdeblur.restorers.open import kind_of, open_restorer, possible_kinds
from tfdeblur.restorers.precision import precision_of

_MANY = 20  # files, of which it is worth to say that another preset is faster


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
    parser.set_defaults(run_command=run, parser=parser, goes_on=True)


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur deblur`."""
    settings = DeblurSettings.read(arguments)
    if settings.pipeline is not None:
        return restore_archive(settings, settings.pipeline)
    jobs, passed = plan_jobs(settings.files, settings.known_flow)
    return _restore(jobs, passed, settings)


def _restore(jobs: Sequence[Any], passed: Sequence[Any], settings: DeblurSettings) -> int:
    from tfdeblur.cli.files.progress import Progress
    from tfdeblur.files.results import exit_code

    files = settings.files
    left = jobs_left(jobs, files.overwrite)
    work, precision = _work(jobs, settings) if left else (partial(_nothing_left, jobs), None)
    if any(job.is_video for job in left):
        keep_freed_memory()
        _tell_about_videos(settings)
    if len(left) >= _MANY or any(job.is_video for job in left):
        line = faster_preset(settings.model)
        if line:
            print(line, file=sys.stderr)
    # Of a model that is not there any more, as of a network: with nothing left none is needed.
    *_, kind = possible_kinds(settings.model)
    restored_by = {
        "model": settings.model,
        "known_flow": settings.known_flow,
        "precision": precision,
    }
    return work_and_report(
        work,
        Progress(jobs, prepares=True),
        exit_code,
        len(jobs),
        partial(as_json, restored_by, kind.reports, files.flow, passed) if files.json else None,
        gallery_writer(files, jobs, settings.model or "deconvolution", settings.verbose),
        precision,
        files.out,
    )


def _work(jobs: Sequence[Any], settings: DeblurSettings) -> tuple[Callable[..., Any], str | None]:
    """What restores them, and in which arithmetic; loads the framework and opens the model."""
    kind_of(settings.model)  # what is not there is said before seconds are spent
    tell_on_terminal(f"loading {settings.model or 'what deconvolves'} ...")
    load_tensorflow(settings.verbose)
    from tfdeblur.files.work import restore_files

    restorer = open_restorer(settings.model, settings.options.given())
    tell_on_terminal(PREPARING)
    overwrite = settings.files.overwrite
    work = partial(restore_files, restorer, jobs, overwrite=overwrite)
    return work, precision_of(restorer)


def _nothing_left(jobs: Sequence[Any], on_event: Callable[[Any], None]) -> None:
    """Tells of jobs that are done already, or whose input is none, in a moment."""
    from tfdeblur.files.results import Event, without_work

    for index, job in enumerate(jobs):
        on_event(Event(index, job))
        on_event(Event(index, job, fraction=1.0, result=without_work(job)))


def _tell_about_videos(settings: DeblurSettings) -> None:
    if settings.files.flow or settings.files.confidence:
        print(
            "Videos: no files of --flow and --confidence are written for them; to get those, "
            "save the frames as images.",
            file=sys.stderr,
        )
