"""`tfdeblur deblur`: restores photographs, folders of them, and videos."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tfdeblur.cli.common import (
    above_zero,
    add_common_arguments,
    add_model_argument,
    add_restoring_arguments,
    at_least_one,
    load_tensorflow,
    restoring_options,
)
from tfdeblur.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_UNEXPECTED, TfdeblurError

DESCRIPTION = """\
Restores motion-blurred photographs and videos of any size, from 1x1 pixel up: with a trained
network (--model), or without one where the motion of each pixel is known (--known-flow).

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

known motion flow:
  FLOW holds for every pixel of the upright photograph how far it moved while the shutter was
  open, (u, v) in pixels, u to the right and v down: an .npz file with the array "flow" of shape
  (height, width, 2), or a Middlebury .flo file. One file serves all inputs; of a folder,
  FLOW/NAME.npz or FLOW/NAME.flo is taken for NAME.jpg, FLOW/a/NAME.npz where the result becomes
  DIR/a/NAME.jpg. The blur of that motion is undone by conjugate gradients. A small --beta
  sharpens more and amplifies noise more: 0.01 suits clean photographs, try 0.05 where grain or
  ripples appear. A photograph on which the solver ran out of steps is written as far as it came,
  called "not converged" and answered with exit code 5; to redo it, give --max-steps 300 or
  --tolerance 1e-3, and --overwrite. With --json, each file tells steps, residual, converged.

exit codes:
  0 all done, or done before; 3 a file is damaged or no image, or MODEL means nothing; 4 a file
  or its flow is missing or cannot be read, or the model is damaged; 5 the network's output was
  unusable for a file, which was written as it was, or the solver did not converge on it;
  1 anything unexpected, a full disk for one; 130 interrupted. Of several, 1 wins, then 3, 4, 5.

examples:
  tfdeblur deblur photo.jpg --out restored/ --model runs/first
  tfdeblur deblur holiday/ --recursive --out restored/ --model runs/first --compare
  tfdeblur deblur 'scans/*.tif' clip.mp4 --out restored/ --model best.keras --suffix _sharp
  tfdeblur deblur huge.png --out restored/ --model runs/first --memory-budget 1000
  tfdeblur deblur photo.png --out restored/ --known-flow flow.npz --compare
  tfdeblur deblur photos/ --out restored/ --known-flow flows/ --beta 0.05 --json
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
    way = parser.add_mutually_exclusive_group(required=True)
    add_model_argument(way, required=False)
    way.add_argument(
        "--known-flow",
        metavar="FLOW",
        help="motion flow file (.npz, .flo), or a folder with one for each photograph: restore "
        "by deconvolution, without a network",
    )
    add_restoring_arguments(parser).add_argument(
        "--passes",
        type=at_least_one,
        default=1,
        metavar="N",
        help="restore the result again, N times in all (default: 1)",
    )
    _add_known_flow_arguments(parser)
    _add_file_arguments(parser)
    add_common_arguments(parser)
    parser.set_defaults(run_command=run, usage_error=parser.error)


def _add_known_flow_arguments(parser: argparse.ArgumentParser) -> None:
    # No defaults here: what was given is told from what was not, see `_refuse_mixed_options`.
    group = parser.add_argument_group("with --known-flow")
    group.add_argument(
        "--beta",
        type=above_zero,
        metavar="B",
        help="how strongly the result is held to the photograph (default: 0.01)",
    )
    group.add_argument(
        "--tolerance",
        type=above_zero,
        metavar="T",
        help="relative residual at which the solver is done (default: 1e-4)",
    )
    group.add_argument(
        "--max-steps",
        type=at_least_one,
        metavar="N",
        help="most steps of the solver; usual are 10 to 40 (default: 100)",
    )
    group.add_argument(
        "--rasterizer",
        choices=("gong2018", "fspecial"),
        help="how the line of a motion becomes weights of pixels (default: gong2018)",
    )


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


_KNOWN_FLOW_OPTIONS = ("beta", "tolerance", "max_steps", "rasterizer")
_MODEL_OPTIONS = ("passes", "tile", "memory_budget", "precision", "self_ensemble")
_MODEL_DEFAULTS = {"passes": 1, "precision": "float32", "self_ensemble": False}


def _refuse_mixed_options(arguments: argparse.Namespace) -> None:
    """Ends with a usage error if an option means nothing for the way that was chosen."""
    if arguments.known_flow is None:
        needed, options = "--known-flow", list(_KNOWN_FLOW_OPTIONS)
    else:
        needed, options = "--model", list(_MODEL_OPTIONS)
    for name in options:
        if getattr(arguments, name) != _MODEL_DEFAULTS.get(name):
            option = "--" + name.replace("_", "-")
            arguments.usage_error(f"argument {option}: works with {needed} only")


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur deblur`."""
    from tfdeblur.pipeline.inputs import find_inputs
    from tfdeblur.pipeline.plan import plan_outputs, prepare_folder, with_flows

    _refuse_mixed_options(arguments)

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
    if arguments.known_flow is not None:
        jobs = with_flows(jobs, arguments.known_flow, arguments.out)
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
    if arguments.known_flow is not None:
        from tfdeblur.pipeline.known_flow import KnownFlow

        given = {name: getattr(arguments, name) for name in _KNOWN_FLOW_OPTIONS}
        return KnownFlow(**{name: value for name, value in given.items() if value is not None})
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
        "not converged": "restored, but not converged",
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
    report: dict[str, Any] = {"model": arguments.model}
    if arguments.known_flow is not None:
        totals["not converged"] = count["not converged"]
        report = {"known_flow": arguments.known_flow}
        for file, result in zip(files, results, strict=True):
            file["steps"] = result.steps
            file["residual"] = result.residual
            file["converged"] = result.converged
    totals["files"] = len(results)
    totals["pixels"] = sum(r.width * r.height * r.frames for r in results)
    totals["seconds"] = round(sum(r.seconds for r in results), 4)
    return {**report, "files": files, "totals": totals, "exit_code": code}
