"""`tfdeblur deblur`: restores photographs, folders of them, and videos."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tfdeblur.cli.common import load_tensorflow, restoring_options
from tfdeblur.cli.deblur_options import DESCRIPTION, EPILOG, add_arguments, refuse_meaningless
from tfdeblur.cli.deblur_report import as_json, summarise
from tfdeblur.errors import EXIT_INTERRUPTED, EXIT_UNEXPECTED, TfdeblurError


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
    # OpenCV and FFmpeg would describe each broken video a second time, in their own words.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    jobs = _plan(arguments)
    load_tensorflow(arguments.verbose)
    return _restore(jobs, arguments)


def _plan(arguments: argparse.Namespace) -> list[Any]:
    from tfdeblur.pipeline.inputs import find_inputs
    from tfdeblur.pipeline.plan import plan_outputs, prepare_folder
    from tfdeblur.pipeline.plan_flows import with_flows

    sources = find_inputs(arguments.inputs, recursive=arguments.recursive, leave_out=arguments.out)
    jobs = plan_outputs(
        sources,
        arguments.out,
        suffix=arguments.suffix,
        file_format=arguments.format,
        compare=arguments.compare,
        flow_format=arguments.flow_format or "npz" if arguments.flow else None,
        confidence=arguments.confidence,
    )
    if arguments.known_flow is not None:
        jobs = with_flows(jobs, arguments.known_flow, arguments.out)
    prepare_folder(arguments.out)
    return jobs


def _restore(jobs: Sequence[Any], arguments: argparse.Namespace) -> int:
    from tfdeblur.cli.progress import Progress
    from tfdeblur.pipeline.files import Event, FileResult, exit_code, restore_files

    left = [j for j in jobs if j.error is None and (arguments.overwrite or not j.is_done())]
    restorer: Any = _load(arguments) if left else None
    if any(job.is_video for job in left):
        _tell_about_videos(arguments)
    results: list[FileResult] = []
    progress = Progress(jobs)

    def on_event(event: Event) -> None:
        progress(event)
        if event.result is not None:
            results.append(event.result)

    code = EXIT_UNEXPECTED
    try:
        restore_files(restorer, jobs, on_event, overwrite=arguments.overwrite)
        code = exit_code(results)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
        raise
    except TfdeblurError as error:
        code = error.exit_code
        raise
    finally:
        # Whatever ended the loop, what is finished is reported.
        progress.close()
        summarise(results, len(jobs), code)
        if arguments.json:
            print(json.dumps(as_json(results, arguments, _is_rp_gan(arguments), code), indent=2))
    return code


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
        from tfdeblur.pipeline.known_flow import KnownFlow

        return KnownFlow(**_given(arguments, "beta", "tolerance", "max_steps", "rasterizer"))
    if _is_rp_gan(arguments):
        return _load_rp_gan(arguments)
    from tfdeblur.pipeline.passes import InPasses
    from tfdeblur.pipeline.restore import Restorer

    restorer = Restorer.from_preset(arguments.model, **restoring_options(arguments))
    return restorer if arguments.passes == 1 else InPasses(restorer, arguments.passes)


def _load_rp_gan(arguments: argparse.Namespace):
    from tfdeblur.pipeline.blind_restore import BlindRestorer
    from tfdeblur.pipeline.load import load_blind

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
    from tfdeblur.pipeline.load import is_blind_model

    return arguments.model is not None and is_blind_model(arguments.model)


def _given(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Those of the options that were given."""
    values = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}
