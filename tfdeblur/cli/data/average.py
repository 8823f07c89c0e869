"""`tfdeblur data average`: consecutive sharp frames, averaged to blurred ones."""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfdeblur.cli.common import (
    above_zero,
    add_common_arguments,
    at_least_one,
    load_tensorflow,
    read_settings,
    results_folder,
)
from tfdeblur.cli.data.making import make_all
from tfdeblur.errors import EXIT_DONE, InvalidInput

DESCRIPTION = """\
Averages consecutive sharp frames to a blurred image; the middle frame is its sharp partner. Take
an odd number of frames, as GOPRO did (7, 11, 13): an even one has no middle frame.

FRAMES is a folder of numbered images (NAME-000001.png, ...; where a number is missing a new
sequence begins) or a video (mp4, avi, mov, mkv). Writes DIR/{blur,sharp}/avgN-NAME.png, named
after the first of the N frames. Running the same command again goes on where the last run stopped.
Of a video that is cut off or damaged, which is told, pairs are made of what can be read.
"""

EPILOG = """\
exit codes:
  0 all made, or made before; 3 a frame or the video is damaged, or a bad argument; 4 FRAMES is
  missing or holds too few; 1 anything unexpected, a full disk for one; 130 interrupted

examples:
  tfdeblur data average frames/ --out pairs/ --count 7
  tfdeblur data average clip-240fps.mp4 --out pairs/ --count 11 --step 5 --gamma 2.2
"""


def add_parser(commands: Any) -> None:
    """Adds the arguments of `tfdeblur data average`."""
    parser = commands.add_parser(
        "average",
        help="average consecutive frames of a fast camera",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("frames", metavar="FRAMES", help="folder of numbered images, or a video")
    what = "folder for the pairs"
    add("--out", required=True, type=results_folder, metavar="DIR", help=what)
    add("--count", type=at_least_one, default=7, metavar="N", help="frames a pair (default: 7)")
    add(
        "--step",
        type=at_least_one,
        metavar="N",
        help="frames from the beginning of a pair to that of the next (default: --count)",
    )
    add(
        "--gamma",
        type=above_zero,
        metavar="G",
        help="average light, level^G, as with 2.2 for a camera's response (default: the levels)",
    )
    add(
        "--rounding",
        choices=("nearest", "down"),
        default="nearest",
        help="of the mean to 8 bits (default: nearest)",
    )
    add("--recursive", action="store_true", help="enter subfolders; a/x-1.png becomes a-x-1")
    add_common_arguments(parser)
    parser.set_defaults(run_command=run, goes_on=True)


@dataclass(frozen=True)
class AverageSettings:
    """What `tfdeblur data average` is to do: `frames` to `out`, as `Averaging` takes the rest."""

    frames: str
    out: str
    count: int
    step: int | None
    gamma: float | None
    rounding: str
    recursive: bool
    verbose: bool


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur data average`."""
    return _average(read_settings(AverageSettings, arguments))


def _average(settings: AverageSettings) -> int:
    # FFmpeg would describe a broken video a second time, in its own words.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    count, out = settings.count, settings.out
    if count < 2:
        raise InvalidInput(f"`--count` must be at least 2 frames. Received: --count {count}")
    if count % 2 == 0:
        print(_without_middle(count), file=sys.stderr)
    load_tensorflow(settings.verbose)
    from tfdeblur.data.average_folder import Averaging, average_folder, find_sequences, starts

    fault = _fault_of_video(settings.frames)
    if fault:  # before it may be found that it has too few frames
        print(f"warning: {fault} Pairs are made of what can be read.", file=sys.stderr)
    sequences = find_sequences(settings.frames, count, recursive=settings.recursive, leave_out=out)
    averaging = Averaging(count, settings.step or count, settings.gamma, settings.rounding)
    total = sum(len(starts(sequence, averaging)) for sequence in sequences)
    code = make_all(average_folder(sequences, out, averaging), total)
    return code or (InvalidInput.exit_code if fault else EXIT_DONE)


def _fault_of_video(frames: str) -> str:
    """What is wrong with a video; "" of a folder, and of what is no video, which is told later."""
    from tfdeblur.data.average_folder import is_video
    from tfdeblur.files.video.reader import fault_of

    if not is_video(frames):
        return ""
    try:
        return fault_of(Path(frames).expanduser())
    except InvalidInput:
        return ""


def _without_middle(count: int) -> str:
    """The warning of an even number of frames."""
    odd = f"{count - 1} or {count + 1}" if count > 2 else "3"
    return (
        f"warning: {count} frames have no middle one. The sharp partner is frame {count // 2 + 1} "
        "of them, half a frame later than the blur: networks learn to shift what moves. Take "
        f"--count {odd} instead, unless you rebuild pairs that were published so."
    )
