"""Options of `tfdeblur train`, and the settings that they give."""

import argparse
from collections.abc import Sequence
from typing import Any

from tfdeblur.cli.common import add_common_arguments, add_patterns, white_level
from tfdeblur.errors import InvalidInput
from tfdeblur.presets import PRESETS

EPILOG = """\
examples:
  tfdeblur train --data pairs/ --run runs/first                      small preset, two CPU cores
  tfdeblur train --data gopro_large/blur --preset paper --vgg vgg19.npz --run runs/paper
  tfdeblur train --data pairs/ --train-exclude 'test-*' --val-only 'test-*' --run runs/split
  tfdeblur train --data photos/ --blur motion-flow --val pairs/ --run runs/synthetic
  tfdeblur train --data pairs/ --blur-photos photos/ --blur-share 0.3 --run runs/mixed
  tfdeblur train --data photos/ --blur dynamic --val pairs/ --run runs/dynamic
  tfdeblur train --model sen --data photos/ --val more-photos/ --run runs/sen    motion flow
  tfdeblur train --model rpgan --sen runs/sen --data pairs/ --blur-photos photos/ --val more/ \\
      --run runs/rpgan
  tfdeblur train --init biskip --data pairs/ --run runs/finetuned    also: --init maxim
  tfdeblur train --preset biskip --data photos/ --val pairs/ --run runs/long    a day or more
  tfdeblur train --run runs/first --resume                           go on where it stopped
  tfdeblur train --run runs/first --resume --epochs 40               go on after its end
  tfdeblur train --run runs/long --resume --epochs 200 --set optimizer.decay_steps=5000     end it

pairs/ holds blur/NAME.png and sharp/NAME.png, or {train,test}/{blur,sharp}/NAME.png, or GOPRO's
own folders, or as REDS, RealBlur and HIDE are published; --pairs and CSV files name any others.
photos/ holds sharp photographs, blurred by a new random motion each time one is used;
what is validated on is always pairs. Ctrl-C stops after the current step and saves it; --resume
continues the same run. The run folder then holds generator.keras (the best so far), panels/ with
pictures, history.csv, logs/ for TensorBoard and run.json with everything that decides the run.

SEN estimates the motion flow of a blurred image. It is trained on photographs, which need no
--blur, on a folder made by `tfdeblur data synthesize`, or on TFDS (motion_flow/mscoco_23);
photographs to validate on (--val, or --val-only among those of --data) are blurred by one motion
each, the same in every run. What is kept is sen.keras.

RP-GAN deconvolves with the flows of a trained SEN and cleans up, level by level. It trains on one
level first, then on a buffer of samples of all levels, which is filled again and again; the log
says when. Its run folder also holds sen.keras and pipeline.json, and is a model as a whole. As
rpgan-paper has it, features of VGG16 are compared: give --vgg FILE. rpgan-small compares pixels,
and features where --set loss.feature_weight is above 0. rpgan-known-small trains on photographs,
--data photos/, with the motions that blurred them: a prior for `deblur --known-flow`.

schemes: letters before the variant, as in table 1 of the paper: S self-paced, A adversarial,
1 or 2 pixel L1 or L2, P perceptual (VGG19); variants BS, S, BS-cR, BS-w/o-R. E.g. SA1P-BS, 2-BS.
"""

_SETTINGS = {
    "model": "model",
    "scheme": "loss.scheme",
    "data": "data.train",
    "val": "data.validation",
    "epochs": "run.epochs",
    "steps_per_epoch": "run.steps_per_epoch",
    "batch": "data.batch",
    "crop": "data.crop",
    "crop_late": "data.crop_late",
    "crop_late_from": "data.crop_late_from",
    "noise_share": "data.noise_share",
    "noise_most": "data.noise_most",
    "jpeg_share": "data.jpeg_share",
    "jpeg_least": "data.jpeg_least",
    "seed": "run.seed",
    "strategy": "run.strategy",
    "precision": "run.precision",
    "white_level": "data.white_level",
    "blur": "data.blur",
    "blur_photos": "data.blur_photos",
    "blur_share": "data.blur_share",
    "blur_law": "data.blur_law",
    "blur_extent": "data.blur_extent",
    "blur_strength": "data.blur_strength",
    "vgg": "loss.vgg",
    "init": "run.init",
    "sen": "rpgan.sen",
}
_LISTS = {
    "pairs": "data.pairs",
    "train_only": "data.train_only",
    "train_exclude": "data.train_exclude",
    "val_only": "data.validation_only",
}


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Adds the arguments of `tfdeblur train`."""
    parser = commands.add_parser(
        "train",
        help="train a network on pairs of blurred and sharp images",
        description="Train a deblurring network on pairs of blurred and sharp images.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run", required=True, metavar="DIR", help="run folder, written to")
    parser.add_argument(
        "--data", metavar="DIR|NAME", help="folder of pairs or photographs, or a TFDS name"
    )
    parser.add_argument("--val", metavar="DIR|NAME", help="validation pairs (default: test split)")
    both = "both may also be CSV files with the columns blur and sharp"
    add_patterns(parser, "--data and --val", both, default=None)
    parser.add_argument(
        "--white-level",
        type=white_level,
        metavar="auto|full|N",
        help="level of 16-bit PNG and TIFF that is white; auto: as the files say, else the most of "
        "8, 10, 12, 14 or 16 bits that they use together; full: 65535 (default: auto)",
    )
    for option, text in {
        "--train-only": "train on pairs whose name matches (repeatable)",
        "--train-exclude": "leave these pairs out of training (repeatable)",
        "--val-only": "validate on pairs whose name matches (repeatable)",
    }.items():
        parser.add_argument(option, action="append", metavar="GLOB", help=text)
    parser.add_argument(
        "--model",
        choices=["biskip", "maxim", "sen", "rpgan"],
        help="what to train: biskip and maxim deblur, sen estimates motion flow, rpgan deblurs "
        "with the flows of a trained sen (default: biskip)",
    )
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help="named settings: paper (GPU, 300 epochs), small (2 CPU cores, default), demo; "
        "sen-paper, sen-small (default of sen), rpgan-paper, rpgan-small (default of rpgan), "
        "rpgan-known-small; maxim-small (default of maxim); biskip-finetune, maxim-finetune "
        "(defaults with --init); for a day or more on two cores: biskip, biskip-fast, sen, rpgan",
    )
    parser.add_argument(
        "--sen", metavar="RUN|FILE", help="trained SEN that estimates the flows for rpgan"
    )
    parser.add_argument(
        "--scheme",
        help="losses and variant of Bi-Skip (small: S2-BS, paper: SA1P-BS); those with a P, six of "
        "table 1's twelve, compare features of VGG19: --vgg",
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="epochs of the whole run")
    parser.add_argument(
        "--steps-per-epoch",
        type=int,
        metavar="N",
        help="updates per epoch; 0: one pass over the data",
    )
    parser.add_argument("--batch", type=int, metavar="N", help="images per step, all replicas")
    parser.add_argument("--crop", type=int, metavar="PIXELS", help="side of training crops")
    parser.add_argument("--seed", type=int, metavar="N", help="of weights and data (default: 0)")
    parser.add_argument(
        "--init",
        metavar="MODEL",
        help="begin with the weights of a preset (biskip, maxim), a run or a .keras file; the "
        "network is the same as there",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the last backup, also longer (--epochs) or at another rate",
    )
    parser.add_argument(
        "--new-data",
        action="store_true",
        help="with --resume: go on although the contents of --data have changed",
    )
    parser.add_argument(
        "--strategy",
        choices=["auto", "one", "mirrored", "multiworker"],
        help="devices: auto takes all GPUs, mirrored all devices of this machine, multiworker the "
        "cluster in TF_CONFIG (default: auto)",
    )
    parser.add_argument(
        "--precision",
        choices=["float32", "mixed_bfloat16", "auto"],
        help="arithmetic of the networks; auto: mixed_bfloat16 where the machine is fast in it "
        "(small: mixed_bfloat16, paper: float32)",
    )
    parser.add_argument(
        "--vgg",
        metavar="FILE|imagenet|none",
        help="weights of VGG19 for the letter P, of VGG16 for rpgan (.npz or .h5)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="any other setting, e.g. --set optimizer.ema=0.999 (repeatable)",
    )
    parser.add_argument(
        "--show-config", action="store_true", help="print all settings as JSON and stop"
    )
    _add_blur(parser)
    _add_crops(parser)
    add_common_arguments(parser)
    return parser


def _add_blur(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("blurring while training").add_argument
    add(
        "--blur",
        choices=["motion-flow", "dynamic"],
        help="--data holds sharp photographs: blur them, by straight motions (motion-flow) or as "
        "in the world, by shakes and moving objects, with noise and JPEG (dynamic; its settings "
        "are --set dynamic.NAME=VALUE)",
    )
    add("--blur-photos", metavar="DIR", help="photographs to mix with the pairs of --data")
    add(
        "--blur-share",
        type=float,
        metavar="S",
        help="share of the samples that are --blur-photos (default: 0.5)",
    )
    add(
        "--blur-law",
        choices=["gong2018", "physical"],
        help="of motion-flow: as in the published data, or as a camera turns and zooms "
        "(default: gong2018)",
    )
    add(
        "--blur-extent",
        type=float,
        metavar="PIXELS",
        help="ceiling on the motions across and down (default: 23)",
    )
    add("--blur-strength", choices=["strong", "mild"], help="range of motions (default: strong)")


def _add_crops(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("crops that grow, and damage of pairs").add_argument
    add(
        "--crop-late",
        type=int,
        metavar="PIXELS",
        help="side of the crops late in the run, larger than --crop; a step costs as much more as "
        "they have more pixels (default: 0, they stay)",
    )
    add(
        "--crop-late-from",
        type=float,
        metavar="S",
        help="share of the run's steps after which crops are of --crop-late (default: 0.75)",
    )
    for option, kind, metavar, text in (
        (
            "noise-share",
            float,
            "S",
            "share of the crops of pairs whose blurred half gets noise; "
            "photographs that are blurred while training have their own (default: 0)",
        ),
        (
            "noise-most",
            float,
            "SIGMA",
            "largest standard deviation of it, of the range 1: 0.02 is 5 levels of 255 (default: "
            "0.03)",
        ),
        ("jpeg-share", float, "S", "share of them that are compressed as JPEG (default: 0)"),
        ("jpeg-least", int, "Q", "lowest quality of it, the highest is 95 (default: 60)"),
    ):
        add(f"--{option}", type=kind, metavar=metavar, help=text)


def settings_of(arguments: argparse.Namespace, without: Sequence[str] = ()) -> dict[str, Any]:
    """Settings by dotted name that the command line gives; `--set` comes last.

    Args:
        arguments: of `tfdeblur train`, or of a command that takes some of its options.
        without: options of that command that have the name of one here and mean something else.

    Raises:
        InvalidInput: if a `--set` has no equals sign.
    """
    settings: dict[str, Any] = {}
    for option, name in _SETTINGS.items():
        value = getattr(arguments, option, None)
        if value is not None and option not in without:
            settings[name] = value
    for option, name in _LISTS.items():
        if getattr(arguments, option, None):
            settings[name] = tuple(getattr(arguments, option))
    for item in arguments.set:
        name, equals, value = item.partition("=")
        if not equals:
            raise InvalidInput(f"`--set` must be SECTION.KEY=VALUE. Received: --set {item}")
        settings[name.strip()] = value.strip()
    return settings
