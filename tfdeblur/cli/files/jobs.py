"""From the options of `tfdeblur deblur` and `tfdeblur request` to files that are to be restored."""

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfdeblur.files.plan import Job


def plan_jobs(arguments: argparse.Namespace) -> list["Job"]:
    """Finds the files, names their results, and makes the folder for them.

    Args:
        arguments: those of `file_options`, and `known_flow` (a path, or None).

    Raises:
        InvalidInput: if two results would have one name, or names mean nothing.
        DataError: if the folder cannot be made, or a known flow is missing.
    """
    # OpenCV and FFmpeg would describe each broken video a second time, in their own words.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    from tfdeblur.files.inputs import find_inputs
    from tfdeblur.files.plan import plan_outputs, prepare_folder
    from tfdeblur.files.plan_flows import with_flows

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


def jobs_left(jobs: Sequence["Job"], arguments: argparse.Namespace) -> list["Job"]:
    """Those that are neither in error nor done before."""
    return [j for j in jobs if j.error is None and (arguments.overwrite or not j.is_done())]
