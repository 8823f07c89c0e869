"""From the options of `tfdeblur deblur` and `tfdeblur request` to files that are to be restored."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfdeblur.cli.files.settings import FileSettings

if TYPE_CHECKING:
    from tfdeblur.files.passed_over import PassedOver
    from tfdeblur.files.plan import Job


def plan_jobs(
    files: FileSettings, known_flow: str | None = None
) -> tuple[list["Job"], list["PassedOver"]]:
    """Finds the files, names their results, and makes the folder for them.

    What is passed over on the way is told on stderr, and returned.

    Args:
        files: what is to be restored, and where to.
        known_flow: file or folder of motions that are known.

    Raises:
        InvalidInput: if two results would have one name, or names mean nothing.
        DataError: if the folder cannot be made, or a known flow is missing.
    """
    # What OpenCV would say of a broken file is in our error; SVT-AV1 would tell its settings.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("SVT_LOG", "1")
    from tfdeblur.files.inputs import find_inputs
    from tfdeblur.files.passed_over import PassedOver, tell
    from tfdeblur.files.plan import plan_outputs, prepare_folder, with_white_levels
    from tfdeblur.files.plan_flows import with_flows

    passed: list[PassedOver] = []
    sources = find_inputs(
        files.inputs, recursive=files.recursive, leave_out=files.out, passed_over=passed
    )
    jobs = plan_outputs(
        sources,
        files.out,
        suffix=files.suffix,
        file_format=files.format,
        compare=files.compare,
        compare_at=files.compare_at,
        flow_format=files.flow_format or "npz" if files.flow else None,
        confidence=files.confidence,
        video=files.video,
        strip=files.strip,
    )
    jobs = with_white_levels(jobs, files.white_level)
    if known_flow is not None:
        jobs = with_flows(jobs, known_flow, files.out)
    written = {os.path.abspath(path) for job in jobs for path in job.outputs}
    passed = [one for one in passed if os.path.abspath(one.path) not in written]
    prepare_folder(files.out)
    if passed:
        print(tell(passed), file=sys.stderr)
    return jobs, passed


def jobs_left(jobs: Sequence["Job"], overwrite: bool) -> list["Job"]:
    """Those that are neither in error nor done before."""
    return [j for j in jobs if j.error is None and (overwrite or not j.is_done())]
