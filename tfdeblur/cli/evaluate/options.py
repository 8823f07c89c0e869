"""Options of `tfdeblur evaluate`, and its help."""

import argparse
from pathlib import Path

from tfdeblur.cli.common import above_zero, add_common_arguments, at_least_one
from tfdeblur.cli.measuring.data import add_data_arguments
from tfdeblur.cli.parser import Parser
from tfdeblur.cli.restoring import add_model_argument, add_restoring_arguments

PROTOCOLS = ("gopro", "kohler", "kohler_proxy", "realblur", "flow")

DESCRIPTION = """\
Restores every blurred image and compares it with its sharp partner, before and after.

What is measured:

  psnr_rgb_u8    dB, 8-bit RGB (clipped, rounded); what the GOPRO tables print
  ssim_gauss     per channel, Gaussian window 11, sigma 1.5, valid region
  ssim_matlab3d  height x width x RGB volume, edges repeated; what most GOPRO tables print
  seconds        wall time of one call; the first call of each image size is not counted
                 (such an image is restored twice)
  confidence     of an RP-GAN, 0 to 1: how well re-blurring the result explains the input; with
                 several passes that of the first, which undoes the blur of the photograph itself

Each is one value per image; the last row is the mean over images. Compare numbers of the same
name only. A bad pair (broken file, sizes that differ, smaller than 11x11) is named on stderr, the
rest is done, and the exit code is 3. Ctrl-C reports what is finished.

A SEN estimates the motion flow of every blurred image, which is compared with the true one:

  flow_mse         pixels^2; what the motion-flow paper's table 1 prints
  end_point_error  pixels, mean distance of the end points
  sign_free_epe    pixels, the same to the nearer of (u, v) and (-u, -v), which blur alike

and with the one flow that comes nearest to all true ones, which an estimate must beat.

With --outputs, several --model, another protocol, --csv, --markdown, --latex or --html, systems
are set side by side: means with 95 % intervals (bootstrap, over images and over sequences), every
two systems paired (mean difference, images won, sign test), and four values more:

  ssim_uniform   per channel, 7x7 means, sample variances; scikit-image's default
  ms_ssim        five scales, per channel; as tf.image has it; 161 pixels a side or more
  cw_ssim        complex wavelets, luminance; 224 pixels a side or more
  saliency       correlation of image-signature saliency maps with the sharp image's

An output that is missing, broken, gray, transparent, of another size or of 16 bits, two files for
one image, and files that belong to none, are named; the rest is scored; the exit code is 3.
"""

EPILOG = """\
data:
  a folder: DIR/{blur,sharp}/NAME.png, DIR/{train,test}/{blur,sharp}/NAME.png, or GOPRO_Large,
  REDS, RealBlur and HIDE as published; any other by two patterns (--pairs); a CSV file with the
  columns blur and sharp; or the name of a TFDS data set (gopro_large/blur).
  for a SEN: a folder made by `tfdeblur data synthesize`; or a folder of sharp photographs, each
  blurred by one motion, the same in every run; or a TFDS data set with flows
  (motion_flow/mscoco_23).

exit codes:
  0 all measured; 3 a pair could not be measured, or a bad argument; 4 data or model missing;
  5 the model's output was unusable for an image (the blurred one was counted); 130 interrupted

examples:
  tfdeblur evaluate --data pairs/                                    the preset that is shipped
  tfdeblur evaluate --model runs/first --data pairs/
  tfdeblur evaluate --model best.keras --data GOPRO_Large --split test --json scores.json
  tfdeblur evaluate --model runs/first --data pairs/ --only 'test-*' --limit 3 --panels pictures/
  tfdeblur evaluate --data shots/ --pairs '*/*_in.png' '*/*_out.png'
  tfdeblur evaluate --model runs/rpgan --data pairs/ --passes 3 --json three-passes.json
  tfdeblur evaluate --outputs theirs=results/ --data pairs/ --html scores.html
  tfdeblur evaluate --outputs a/ --outputs b/ --model maxim --data pairs/ --latex table.tex
  tfdeblur evaluate --outputs results/ --data kohler/ --protocol kohler
  tfdeblur evaluate --model runs/sen --data photos/ --blur-extent 46 --panels pictures/
"""


def add_arguments(parser: Parser) -> None:
    """Adds all arguments of the command."""
    add_model_argument(parser, several=True)
    parser.add_argument(
        "--outputs",
        action="append",
        default=[],
        metavar="[NAME=]DIR",
        help="folder of finished images, of any system, one for each blurred image and of its "
        "name; may be repeated",
    )
    parser.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        help="what to measure on whole images; gopro: any pairs, image by image; kohler: against "
        "the stacks of frames of Köhler's benchmark; kohler_proxy: against one of them; realblur: "
        "aligned first; flow: SEN's motion flows, also of the SEN within an RP-GAN (default: flow "
        "for a SEN, else gopro)",
    )
    add_data_arguments(parser, "folder of pairs (for a SEN: --help-all), or a TFDS data set")
    _add_blur_arguments(parser)
    _add_pass_arguments(add_restoring_arguments(parser))
    _add_output_arguments(parser)
    parser.described = ("--data", "--split", "--json", "--html")
    add_common_arguments(parser)


def _add_blur_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "blurring photographs (protocol flow, where --data is a folder of sharp photographs)"
    )
    group.add_argument(
        "--blur-law",
        choices=("gong2018", "physical"),
        help="of the motions: as in the published data, or as a camera turns and zooms "
        "(default: gong2018)",
    )
    group.add_argument(
        "--blur-extent",
        type=above_zero,
        metavar="PIXELS",
        help="ceiling on the motions across and down (default: 23)",
    )
    group.add_argument(
        "--blur-strength", choices=("strong", "mild"), help="range of motions (default: strong)"
    )


def _add_pass_arguments(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--passes",
        type=at_least_one,
        metavar="N",
        help="restore each result again, N times in all; with RP-GAN, its global iterations, N at "
        "most (default: 1)",
    )
    group.add_argument(
        "--levels",
        type=at_least_one,
        metavar="N",
        help="of RP-GAN, in each pass: the first N that it was trained for (default: all of them)",
    )
    group.add_argument(
        "--no-early-stop",
        action="store_true",
        help="of RP-GAN: do all passes, also where another one does not seem to help",
    )


def _add_output_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output (besides the table on stdout)")
    group.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write all numbers, settings and machine facts; an older file is replaced",
    )
    for option, what in (
        ("csv", "one row per image and system"),
        ("markdown", "tables of means and of every two systems"),
        ("latex", "a whole table, a tabular that needs no package"),
        ("html", "a page to look at, with its pictures in a folder NAME_pictures beside NAME.html"),
    ):
        kind = _page if option == "html" else Path
        group.add_argument(f"--{option}", type=kind, metavar="FILE", help=f"write {what}")
    group.add_argument(
        "--panels",
        type=Path,
        metavar="DIR",
        help="write blurred | restored | sharp as DIR/NAME.png, whole pixels; for flows blurred | "
        "estimated | true | error (sign-free, brightest at the longest motion); older ones are "
        "replaced",
    )


def _page(text: str) -> Path:
    """The file of a page; browsers show one without a suffix as its source."""
    path = Path(text)
    return path if path.suffix or not path.name else path.with_suffix(".html")
