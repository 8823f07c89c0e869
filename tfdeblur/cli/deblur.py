"""`tfdeblur deblur`: restores photographs, folders of them, and videos."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tfdeblur.cli.common import (
    add_common_arguments,
    add_model_argument,
    add_restoring_arguments,
    at_least_one,
    load_tensorflow,
    restoring_options,
)
from tfdeblur.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_UNEXPECTED, TfdeblurError

DESCRIPTION = """\
Restores motion-blurred photographs and videos of any size, from 1x1 pixel up.

Files are written whole or not at all. A bad file is named on stderr with the reason and the
rest is done. Running the same command again goes on where the last run stopped: results that
exist are skipped. Input files are never changed.
"""

EPILOG = """\
what is kept:
  16-bit PNG and TIFF stay 16-bit, gray stays gray, transparency is kept as it is, JPEG stays
  JPEG (quality 95). Photographs with an EXIF turn are written upright, without the tag; other
  EXIF data are not carried over. A file that was given by name lands in DIR under that name;
  the folders below a folder that was given are kept: photos/a/x.png with INPUT photos becomes
  DIR/a/x.png. Two inputs that would meet in one result are refused before any work.
  Videos (mp4, avi, mov, mkv) keep their size and rate; their sound is not carried over.

exit codes:
  0 all done, or done before; 3 a file is damaged or no image, or MODEL means nothing; 4 a file
  is missing or cannot be read, or the model is damaged; 5 the network's output was unusable
  for a file, which was written as it was; 1 anything unexpected, a full disk for one;
  130 interrupted. Of several, 1 wins, then 3, 4, 5.

examples:
  tfdeblur deblur photo.jpg --out restored/ --model runs/first
  tfdeblur deblur holiday/ --recursive --out restored/ --model runs/first --compare
  tfdeblur deblur 'scans/*.tif' clip.mp4 --out restored/ --model best.keras --suffix _sharp
  tfdeblur deblur huge.png --out restored/ --model runs/first --memory-budget 1000
"""


def add_parser(commands) -> None:
    """Adds the arguments of `tfdeblur deblur`."""
    parser = commands.add_parser(
        "deblur",
        help="restore photographs, folders and videos",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="image, video, folder, or pattern in quotes ('photos/**/*.jpg')",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    add_model_argument(parser)
    add_restoring_arguments(parser).add_argument(
        "--passes",
        type=at_least_one,
        default=1,
        metavar="N",
        help="restore the result again, N times in all (default: 1)",
    )
    _add_file_arguments(parser)
    add_common_arguments(parser)
    parser.set_defaults(run_command=run)


def _add_file_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("files")
    group.add_argument(
        "--recursive", action="store_true", help="enter the subfolders of folders as well"
    )
    group.add_argument("--overwrite", action="store_true", help="redo results that exist")
    group.add_argument(
        "--suffix", default="", metavar="TEXT", help="added to names: photo.jpg -> photoTEXT.jpg"
    )
    group.add_argument(
        "--format",
        choices=("keep", "png", "jpeg"),
        default="keep",
        help="of the results; keep: as the input (default: keep)",
    )
    group.add_argument(
        "--compare",
        action="store_true",
        help="write NAME.compare.png as well: blurred | restored, and | sharp where a folder "
        "sharp/ beside holds the same name",
    )
    group.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object about all files on stdout, and nothing else there",
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur deblur`."""
    from tfdeblur.pipeline.inputs import find_inputs
    from tfdeblur.pipeline.plan import plan_outputs, prepare_folder

    # OpenCV and FFmpeg would describe each broken video a second time, in their own words.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    sources = find_inputs(arguments.inputs, recursive=arguments.recursive, leave_out=arguments.out)
    jobs = plan_outputs(
        sources,
        arguments.out,
        suffix=arguments.suffix,
        file_format=arguments.format,
        compare=arguments.compare,
    )
    prepare_folder(arguments.out)
    load_tensorflow(arguments.verbose)
    return _restore(jobs, arguments)


def _restore(jobs: Sequence[Any], arguments: argparse.Namespace) -> int:
    from tfdeblur.cli.progress import Progress
    from tfdeblur.pipeline.files import Event, FileResult, exit_code, restore_files

    needs_network = any(
        job.error is None and (arguments.overwrite or not job.is_done()) for job in jobs
    )
    restorer: Any = _load(arguments) if needs_network else None
    if needs_network and any(job.is_video and job.error is None for job in jobs):
        print("Videos: the sound is not carried over.", file=sys.stderr)
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
        _summarise(results, len(jobs), code)
        if arguments.json:
            print(json.dumps(_report(results, arguments, code), indent=2))
    return code


def _load(arguments: argparse.Namespace):
    from tfdeblur.pipeline.passes import InPasses
    from tfdeblur.pipeline.restore import Restorer

    restorer = Restorer.from_preset(arguments.model, **restoring_options(arguments))
    return restorer if arguments.passes == 1 else InPasses(restorer, arguments.passes)


def _summarise(results: Sequence[Any], jobs: int, code: int) -> None:
    count = Counter(result.status for result in results)
    words = {
        "done": "restored",
        "skipped": "done before",
        "degenerate": "left as they were",
        "failed": "failed",
    }
    parts = [f"{count[status]} {word}" for status, word in words.items() if count[status]]
    if len(results) < jobs:
        parts.append(f"{jobs - len(results)} not finished")
    print(f"{jobs} file{'s' * (jobs != 1)}: {', '.join(parts)}.", file=sys.stderr)
    if code == EXIT_DONE and count["skipped"] and not count["done"]:
        print("To restore again what exists, give --overwrite.", file=sys.stderr)


def _report(results: Sequence[Any], arguments: argparse.Namespace, code: int) -> dict:
    files = [
        {
            "input": str(result.input),
            "output": str(result.output),
            "status": result.status,
            "reason": result.reason,
            "width": result.width,
            "height": result.height,
            "frames": result.frames,
            "seconds": round(result.seconds, 4),
        }
        for result in results
    ]
    count = Counter(result.status for result in results)
    totals = {status: count[status] for status in ("done", "skipped", "failed", "degenerate")}
    totals["files"] = len(results)
    totals["pixels"] = sum(r.width * r.height * r.frames for r in results)
    totals["seconds"] = round(sum(r.seconds for r in results), 4)
    return {"model": arguments.model, "files": files, "totals": totals, "exit_code": code}
