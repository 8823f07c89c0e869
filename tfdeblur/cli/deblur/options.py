"""Options of `tfdeblur deblur`, its help, and which options mean something for which model."""

import argparse

from tfdeblur.cli.common import above_zero, add_common_arguments, at_least_one
from tfdeblur.cli.deblur import archive_options
from tfdeblur.cli.files.options import (
    add_beside_arguments,
    add_file_arguments,
    add_input_arguments,
    add_video_arguments,
)
from tfdeblur.cli.restoring import add_model_argument, add_restoring_arguments

DESCRIPTION = """\
Restores motion-blurred photographs and videos of any size, from 1x1 pixel up: with the network that
is shipped, with your own (--model), or without one where the motion of each pixel is known
(--known-flow).

Files are written whole or not at all. A bad file is named on stderr with the reason and the
rest is done. Running the same command again goes on where the last run stopped: results that
exist are skipped. Input files are never changed.
"""

EPILOG = """\
what is kept:
  16-bit PNG and TIFF stay 16-bit, gray stays gray, JPEG stays JPEG (quality 95). Colour profile,
  EXIF (date, place, camera), XMP and resolution are carried over; --strip leaves them out.
  Photographs with an EXIF turn are written upright, and their EXIF data say so. Where some of a
  photograph is transparent, what is seen and the transparency are restored alike. Of 16-bit files
  that hold 10 or 12 bits, white is found out (--white-level) and levels come back as they were.
  Raw files of cameras (extra raw: pip install 'tfdeblur[raw]') are developed with the camera's
  white balance, to 16-bit PNG; HEIC (extra heif) and AVIF become PNG. Other files of a folder, and
  all but the first picture of a file of several, are passed over by name, in --json as well.
  A file that was given by name lands in DIR under that name,
  or as NAME_sharp.jpg if it lies in DIR itself; the folders below a folder that was given are
  kept: photos/a/x.png with INPUT photos becomes DIR/a/x.png. Two inputs that would meet in one
  result are refused before any work.

videos (mp4, m4v, mov, mkv, webm, avi):
  Every frame keeps its time, also where the rate varies; size, rotation, depth, colour tags,
  chapters and metadata stay; sound, subtitles and other tracks are copied bit for bit. What cannot
  be kept is told, or the video is refused in words. 8-bit videos become H.264 (VP9 in WebM, Motion
  JPEG in AVI), deeper ones HEVC (AV1 in WebM, FFV1 in AVI), at a quality that costs at most 0.1 dB
  of a result of 30 dB; files become several times larger for that: --video-quality 18 makes
  smaller ones, --video-quality lossless the largest. While a video is being restored it is called
  NAME.part.mp4; that is kept where the run is interrupted, or where the video is cut off or
  damaged. An interrupted video starts anew. Animated GIF, WebP and PNG keep durations and loops.

models:
  Without --model the default preset restores; `tfdeblur presets` tells what it gains and costs.
  A Bi-Skip run restores a photograph in one go. An RP-GAN run (its folder holds pipeline.json)
  works in three steps: it estimates how far every pixel moved while the shutter was open, undoes
  that blur by deconvolution, and lets a network clean up, the last two several times (--levels).
  All of it again on the result is a global iteration (--passes 2); it ends early, and says so,
  where another one would not help.

motion flow and confidence (RP-GAN):
  --flow writes that motion: NAME.flow.npz holds the array "flow" of shape (height, width, 2),
  (u, v) in pixels of the upright photograph, u to the right and v down, u >= 0: a motion and its
  opposite blur alike. NAME.flow.png draws it as lines on the photograph and as colours.
  The confidence is measured, not guessed by a network: the result is blurred again with the
  estimated motion and compared with the photograph. 1: that explains the photograph fully;
  0: no better than the photograph itself would. Near 0, do not trust the result; near 1 is no
  proof, as a wrong motion can explain much, too. Of a photograph that is sharp already little is
  left to explain: a low confidence is then no fault. It is printed for each file; --confidence
  writes it pixel by pixel, as NAME.confidence.png.
  With --passes, both are those of the first pass: of the blur of the photograph itself.
  Of videos, restored frame by frame, the mean over the frames is printed; --flow and
  --confidence write nothing for them, --compare shows the frame that changed most.

known motion flow:
  With --known-flow, FLOW takes the place of the estimate: it holds for every pixel of the upright
  photograph how far it moved, in an .npz file as above or a Middlebury .flo file. One file serves
  all inputs; of a folder, FLOW/NAME.npz, FLOW/NAME.flo or what --flow wrote, FLOW/NAME.flow.npz
  or .flow.flo, is taken for NAME.jpg, FLOW/a/NAME.npz where the result becomes DIR/a/NAME.jpg.
  With an RP-GAN model the rest is done as ever. Without --model the blur is undone by conjugate
  gradients alone. A small --beta sharpens more and amplifies noise more: 0.01 suits clean
  photographs, try 0.05 where grain or ripples appear.

not converged:
  A photograph on which the solver ran out of steps is written as far as it came, called "not
  converged" with its relative residual, and answered with exit code 5; to redo it, give
  --max-steps 300 or a larger --tolerance, and --overwrite. With --json, each file tells steps,
  residual, converged.

exit codes:
  0 all done, or done before; 2 an option means nothing for this model; 3 a file is damaged or no
  image, or MODEL means nothing; 4 a file or its flow is missing or cannot be read, or the model
  is damaged; 5 the network's output was unusable for a file, which was written as it was, or the
  solver did not converge on it; 1 anything unexpected, a full disk for one; 130 interrupted.
  Of several, 1 wins, then 3, 4, 5.

examples:
  tfdeblur deblur photo.jpg --out .
  tfdeblur deblur holiday/ --out restored/ --gallery
  tfdeblur deblur holiday/ --recursive --out restored/ --model runs/first --compare
  tfdeblur deblur 'scans/*.tif' clip.mp4 --out restored/ --model best.keras --suffix _sharp
  tfdeblur deblur huge.png --out restored/ --model runs/first --memory-budget 1000
  tfdeblur deblur photo.jpg --out restored/ --model runs/rpgan --flow --confidence --compare
  tfdeblur deblur photos/ --out again/ --model runs/rpgan --known-flow restored/
  tfdeblur deblur photo.png --out restored/ --known-flow flow.npz --compare
  tfdeblur deblur photos/ --out restored/ --known-flow flows/ --beta 0.05 --json
  tfdeblur deblur archive/ --recursive --out restored/ --beam DirectRunner \\
      --beam-option direct_num_workers=2 --beam-option direct_running_mode=multi_processing
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds all arguments of the command."""
    add_input_arguments(parser)
    add_model_argument(parser)
    parser.add_argument(
        "--known-flow",
        metavar="FLOW",
        help="motion flow file (.npz, .flo), or a folder with one for each photograph: in the "
        "place of the one that an RP-GAN model estimates; without --model, restore by "
        "deconvolution, without a network",
    )
    add_restoring_arguments(parser).add_argument(
        "--passes",
        type=at_least_one,
        default=1,
        metavar="N",
        help="restore the result again, N times in all; with RP-GAN, its global iterations, "
        "N at most (default: 1)",
    )
    _add_rp_gan_arguments(parser)
    _add_solver_arguments(parser)
    add_beside_arguments(parser, between=", with RP-GAN every level and pass")
    add_file_arguments(parser)
    add_video_arguments(parser)
    archive_options.add_arguments(parser)
    add_common_arguments(parser)


def _add_rp_gan_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("with RP-GAN models")
    group.add_argument(
        "--levels",
        type=at_least_one,
        metavar="N",
        help="turns of deconvolution and network in each pass: the first N that the model was "
        "trained for (default: all of them)",
    )
    group.add_argument(
        "--no-early-stop",
        action="store_true",
        help="do all passes, also where another one does not seem to help",
    )


def _add_solver_arguments(parser: argparse.ArgumentParser) -> None:
    # No defaults here: what was given is told from what was not, and models bring their own.
    group = parser.add_argument_group("deconvolution (--known-flow, RP-GAN models)")
    group.add_argument(
        "--tolerance",
        type=above_zero,
        metavar="T",
        help="relative residual at which the solver is done (default: 1e-4, or the model's)",
    )
    group.add_argument(
        "--max-steps",
        type=at_least_one,
        metavar="N",
        help="most steps of the solver; usual are 10 to 40 (default: 100, or the model's)",
    )
    group.add_argument(
        "--beta",
        type=above_zero,
        metavar="B",
        help="without --model: how strongly the result is held to the photograph (default: 0.01)",
    )
    group.add_argument(
        "--rasterizer",
        choices=("gong2018", "fspecial"),
        help="without --model: how the line of a motion becomes weights of pixels "
        "(default: gong2018)",
    )
