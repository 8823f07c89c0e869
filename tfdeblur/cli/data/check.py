"""`tfdeblur data check`: whether pairs are what they claim to be."""

import argparse
import json
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.cli.common import (
    add_common_arguments,
    add_patterns,
    load_tensorflow,
    read_settings,
    terminal_columns,
)
from tfdeblur.counter import Counter
from tfdeblur.errors import EXIT_DONE, InvalidInput, NotConverged
from tfdeblur.restorers.open import kind_of
from tfdeblur.text import ERASE_LINE, hanging, shortened, wrapped

if TYPE_CHECKING:
    import numpy as np

    from tfdeblur.data.check.folder import FolderCheck
    from tfdeblur.data.check.pairs import PairCheck
    from tfdeblur.data.check.restored import RestoredPair

DESCRIPTION = """\
Looks for pairs that would teach a network something wrong. From each sharp image to its blurred one
the blur kernel is estimated, place by place:

  middle       as it is to be: the sharp image is the middle of the blur
  off middle   the sharp image is not the middle of the blur: more of the exposure lies on one side
               of it than on the other, as in averages of an even number of frames
  misaligned   the kernel does not reach its origin: one image is shifted
  swapped      the image called sharp is a blur of the other one
  not alike    no kernel leads from one to the other: two different pictures
  undecided    nothing can be said: blurs under 6 pixels, motion that turns back, many motions

With --model every pair is restored as well, whole, which finds more:

  off middle   kernels do not tell, and the sharp picture lies off the restored one, along the
               motion, by more than 3 % of the blur's length
  loses        restored it is further from the sharp picture than blurred
  gains less   than the others, by three standard deviations (taken from the median of absolute
               deviations, over eight pairs or more that nothing else says are wrong) and by 1 dB

It is the model's word: name a strong one, which learnt from pairs of such a camera but not from
these, and look at what it names. Blurs under 6 pixels are told by their gains alone. Ctrl-C while
restoring prints what is finished.

And all pictures are held against each other: those that are there twice, and those of different
splits (or of --against) that show the same scene, which would make a validation mean nothing.
"""

EPILOG = """\
exit codes:
  0 nothing is wrong; 3 something is, and is named; 4 the folder is missing or holds no pairs

examples:
  tfdeblur data check pairs/
  tfdeblur data check pairs/ --against validation/ --json check.json
  tfdeblur data check pairs/ --model maxim
  tfdeblur data check shots/ --pairs '*/*_in.png' '*/*_out.png'
"""


_MEANINGS = (
    "middle: the sharp image is the middle of the blur, as it is to be; the other\n"
    "verdicts are explained by tfdeblur data check --help",
    "blur: how long the motion is, median of places; imbalance: how much more of\n"
    "the exposure lies on one side of the sharp frame than on the other, as a share",
)
_OF_RESTORED = (
    "gain: PSNR of the restored picture less that of the blurred one; off: how far\n"
    "the sharp picture lies off the restored one, as a share of the blur's length"
)
_LEAST = 12  # characters of a name
_BESIDE = 42  # columns that the table takes beside the names, without the reasons
_MORE_BESIDE = 17  # of restored pairs


def add_parser(commands: Any) -> None:
    """Adds the arguments of `tfdeblur data check`."""
    parser = commands.add_parser(
        "check",
        help="find pairs that are misaligned, swapped, off the middle of the blur, or there twice",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("pairs", metavar="PAIRS", help="folder of pairs, or a CSV file of them")
    what = "look for its pictures in this folder of pairs, or CSV file, too"
    add("--against", metavar="DIR", help=what)
    add_patterns(parser, "PAIRS and --against", dest="patterns")
    add(
        "--model",
        metavar="MODEL",
        help="restore every pair, too, with this preset, folder or .keras file (as evaluate "
        "--model), and name pairs that it speaks against; a picture of 1280x720 takes 5 s with "
        "maxim and 0.3 s with biskip, on two cores",
    )
    for option, verb in (("only", "check only"), ("exclude", "leave out")):
        add(
            f"--{option}",
            action="append",
            default=[],
            metavar="PATTERN",
            help=f"{verb} pairs whose name matches, '*' stands for anything; may be repeated",
        )
    add("--json", type=Path, metavar="FILE", help="write all that was found and measured")
    add_common_arguments(parser)
    parser.set_defaults(run_command=run)


@dataclass(frozen=True)
class CheckSettings:
    """What is to be checked."""

    pairs: str
    against: str | None
    only: tuple[str, ...]
    exclude: tuple[str, ...]
    patterns: tuple[str, ...]
    model: str | None
    json: Path | None
    verbose: bool


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur data check`."""
    settings = read_settings(CheckSettings, arguments)
    path = settings.json
    if path is not None and (path.is_dir() or not os.access(path.absolute().parent, os.W_OK)):
        raise InvalidInput(
            "`--json` must name a file in a folder that exists and can be written to. "
            f"Received: json={str(path)!r}"
        )
    if settings.model is not None:
        kind_of(settings.model)
    load_tensorflow(settings.verbose)
    from tfdeblur.data.check.folder import check_folder, restore_pairs

    # Opened first: a broken model is not to be told after all pairs were looked at.
    restore = None if settings.model is None else _restorer(settings.model)
    found = check_folder(
        settings.pairs,
        settings.against,
        only=settings.only,
        exclude=settings.exclude,
        patterns=settings.patterns,
        on_progress=_progress,
    )
    try:
        if restore is not None:
            with Counter(len(found.files), "pairs restored") as counter:
                restore_pairs(found, restore, counter.step)
    finally:
        _finish(found, path)
    return EXIT_DONE if found.is_good else InvalidInput.exit_code


def _finish(found: "FolderCheck", path: Path | None) -> None:
    """Prints what was found, and writes it."""
    from tfdeblur.image.atomic import write_atomically

    print(_text(found, terminal_columns()))
    if path is not None:
        text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        write_atomically(path, (text + "\n").encode())


def _restorer(model: str) -> "Callable[[np.ndarray], np.ndarray]":
    """Restores uint8 images with a model; its nonsense is an error, not a picture to judge by."""
    from tfdeblur.image.codec import to_uint8
    from tfdeblur.restorers.open import open_restorer
    from tfdeblur.restorers.protocol import DegenerateOutputWarning

    restorer = open_restorer(model)

    def restore(image: "np.ndarray") -> "np.ndarray":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateOutputWarning)
            restored = restorer(image)
        if restored.degenerate:
            raise NotConverged(f"what {model} made of it was unusable")
        return to_uint8(restored.image)

    return restore


def _progress(done: int, count: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(ERASE_LINE if done == count else f"{ERASE_LINE}{done}/{count} pairs")
        sys.stderr.flush()


def _text(found: "FolderCheck", columns: int | None) -> str:
    """The table and what it means; on a terminal reasons stand below their rows, wrapped."""
    width = max([len(pair.name) for pair in found.pairs] + [4])
    beside = _BESIDE + _MORE_BESIDE * bool(found.restored)
    if columns is not None:
        width = min(width, max(_LEAST, columns - beside))
    more = "  gain, dB   off" if found.restored else ""
    lines = [f"{'pair':<{width}}  {'verdict':<10}  blur, px  imbalance{more}  reason"]
    for pair in sorted(found.pairs, key=lambda pair: not found.is_bad(pair)):
        row, reason = _row(pair, found.restored.get(pair.name), width)
        whole = f"{row}  {reason}".rstrip()
        if columns is None or len(whole) < columns:
            lines.append(whole)
        else:
            lines += [row.rstrip(), hanging("    ", reason, columns)]
    meanings = (*_MEANINGS, _OF_RESTORED) if found.restored else _MEANINGS
    lines += [wrapped(text, columns) for text in meanings]
    for head, pictures in (("there twice", found.equal), ("the same scene", found.alike)):
        lines += [f"{head}: {two.first} and {two.second}" for two in pictures]
    lines += [
        wrapped(f"not checked: {name}: {why}", columns, "  ")
        for name, why in found.failures.items()
    ]
    bad = sum(map(found.is_bad, found.pairs))
    open_ = sum(pair.verdict == "undecided" and not found.is_bad(pair) for pair in found.pairs)
    verdict = (
        f"{bad} of {len(found.pairs)} pairs are wrong, {open_} undecided; {len(found.equal)} "
        f"pictures are there twice, {len(found.alike)} scenes in two splits"
    )
    lines.append(wrapped(verdict, columns))
    return "\n".join(lines)


def _row(pair: "PairCheck", restored: "RestoredPair | None", width: int) -> tuple[str, str]:
    """The line of a pair, and the reason; what its kernels say of it comes first."""
    side = "" if pair.imbalance is None else f"{abs(pair.imbalance):.3f}"
    verdict, reason = pair.verdict, pair.reason
    more = ""
    if restored is not None:
        gain = "" if restored.gain is None else f"{restored.gain:+.2f}"
        offset = "" if restored.offset is None else f"{restored.offset:.3f}"
        more = f"  {gain:>8} {offset:>5}"
        if restored.is_bad:
            verdict = verdict if pair.is_bad else restored.verdict
            reason = f"{reason}; {restored.reason}" if pair.is_bad else restored.reason
    name = shortened(pair.name, width)
    return f"{name:<{width}}  {verdict:<10}  {pair.length:8.1f}  {side:>9}{more}", reason
