"""Options of commands that restore files: what goes in, what lies beside it, how it is named."""

import argparse
import os

from tfdeblur.cli.common import results_folder, white_level
from tfdeblur.errors import InvalidInput
from tfdeblur.files.video.settings import CODECS, LOSSLESS, VideoSettings
from tfdeblur.near import did_you_mean_path


def add_input_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what to restore, and where to."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="image, video, folder, or pattern in quotes ('photos/**/*.jpg')",
    )
    parser.add_argument(
        "--out",
        required=True,
        type=results_folder,
        metavar="DIR",
        help="folder for the results",
    )


def add_beside_arguments(
    parser: argparse.ArgumentParser, *, between: str = "", motion_of: str = ""
) -> None:
    """Adds what is written beside each result.

    Args:
        between: what --compare shows between blurred and sharp, beside the result.
        motion_of: which models have a motion to write.
    """
    group = parser.add_argument_group("beside each result")
    group.add_argument(
        "--compare",
        action="store_true",
        help=f"write NAME.compare.png: blurred | restored{between}, and | sharp where a folder "
        "sharp/ beside holds the same name",
    )
    group.add_argument(
        "--compare-at",
        type=_place,
        metavar="X,Y",
        help="of --compare: column and row of the place to enlarge, pixels (default: where a "
        "viewer looks first, of what was changed)",
    )
    group.add_argument(
        "--gallery",
        action="store_true",
        help="write DIR/gallery.html, a page of all results: before and after under a slider, what "
        "was changed most, enlarged; its pictures lie in DIR/gallery_pictures",
    )
    group.add_argument(
        "--gallery-beside",
        action="append",
        default=[],
        metavar="DIR",
        help="as --gallery, and show beside each result that of the same name in DIR, a folder of "
        "earlier results (of another model, say); another ending will do (repeatable)",
    )
    group.add_argument(
        "--flow",
        action="store_true",
        help=f"{motion_of}write the motion flow that was undone, NAME.flow.npz, and its picture "
        "NAME.flow.png",
    )
    group.add_argument(
        "--flow-format",
        choices=("npz", "flo"),
        help="of --flow: npz, or Middlebury's flo, which other programs read (default: npz)",
    )
    group.add_argument(
        "--confidence",
        action="store_true",
        help=f"{motion_of}write NAME.confidence.png: how well the result explains the photograph, "
        "from 0 (dark) to 1 (bright), pixel by pixel",
    )


def add_file_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds which files are entered, how results are named, and the report."""
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
        "--strip",
        action="store_true",
        help="leave colour profile, EXIF, XMP, texts and resolution of the input out; "
        "without its profile, a photograph of wide colours is shown wrongly",
    )
    group.add_argument(
        "--white-level",
        type=white_level,
        default="auto",
        metavar="auto|full|N",
        help="level of 16-bit PNG and TIFF that is white; auto: as the file says, else the most of "
        "8, 10, 12, 14 or 16 bits that the 16-bit files of a folder use; full: 65535 "
        "(default: auto)",
    )
    group.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object about all files on stdout, and nothing else there; none where "
        "the command is refused before the first file, which stderr says",
    )


def add_video_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds how videos are written."""
    group = parser.add_argument_group("videos")
    group.add_argument(
        "--video-codec",
        choices=tuple(CODECS),
        help="of restored videos (default: h264; hevc for more than 8 bits; vp9 or av1 in WebM)",
    )
    group.add_argument(
        "--video-quality",
        type=_quality,
        metavar="Q",
        help="constant rate factor of the codec, 0 (best) to 51, or 63 for vp9 and av1; or "
        f"{LOSSLESS}: the very frames that were restored, in files many times larger (default: "
        "as good as costs 0.1 dB of a result of 30 dB at most)",
    )


def _place(text: str) -> tuple[int, int]:
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"must be X,Y in pixels, such as 640,360, not {text!r}")
    return int(parts[0]), int(parts[1])


def _quality(text: str) -> int | str:
    if text == LOSSLESS:
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be a whole number or {LOSSLESS}, not {text!r}"
        ) from None


def video_settings(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> VideoSettings:
    """Of the parsed options; ends with a usage error if they mean nothing."""
    try:
        return VideoSettings(arguments.video_codec, arguments.video_quality)
    except InvalidInput as error:
        parser.error(f"argument --video-quality: {error}")


def refuse_contradictions(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Ends with a usage error if an option has nothing to shape, or names no folder to read."""
    if arguments.compare_at is not None and not arguments.compare:
        parser.error("argument --compare-at: works with --compare only")
    if arguments.flow_format is not None and not arguments.flow:
        parser.error("argument --flow-format: works with --flow only")
    seen = {os.path.realpath(arguments.out): "is --out, whose results are shown anyway"}
    for folder in arguments.gallery_beside:
        where = os.path.realpath(folder)
        why = seen.get(where) or _no_folder(folder)
        if why:
            parser.error(f"argument --gallery-beside: {folder} {why}")
        seen[where] = "was named before"


def _no_folder(path: str) -> str:
    """Why nothing can be found there; "" if it is a folder."""
    if os.path.isdir(path):
        return ""
    if os.path.exists(path):
        return "is a file: it must be a folder"
    return f"does not exist.{did_you_mean_path(path, folders=True)}"
