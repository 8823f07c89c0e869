"""`tfdeblur data check`: whether pairs are what they claim to be."""

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.cli.common import (
    add_common_arguments,
    load_tensorflow,
    read_settings,
    terminal_columns,
)
from tfdeblur.errors import EXIT_DONE, InvalidInput
from tfdeblur.text import ERASE_LINE, hanging, shortened, wrapped

if TYPE_CHECKING:
    from tfdeblur.data.check.folder import FolderCheck

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

And all pictures are held against each other: those that are there twice, and those of different
splits (or of --against) that show the same scene, which would make a validation mean nothing.
"""

EPILOG = """\
exit codes:
  0 nothing is wrong; 3 something is, and is named; 4 the folder is missing or holds no pairs

examples:
  tfdeblur data check pairs/
  tfdeblur data check pairs/ --against validation/ --json check.json
"""


_MEANINGS = (
    "middle: the sharp image is the middle of the blur, as it is to be; the other\n"
    "verdicts are explained by tfdeblur data check --help",
    "blur: how long the motion is, median of places; imbalance: how much more of\n"
    "the exposure lies on one side of the sharp frame than on the other, as a share",
)
_LEAST = 12  # characters of a name
_BESIDE = 42  # columns that the table takes beside the names, without the reasons


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
    add("pairs", metavar="PAIRS", help="folder of pairs")
    add("--against", metavar="DIR", help="look for its pictures in this folder of pairs, too")
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
    load_tensorflow(settings.verbose)
    from tfdeblur.data.check.folder import check_folder
    from tfdeblur.image.atomic import write_atomically

    found = check_folder(
        settings.pairs,
        settings.against,
        only=settings.only,
        exclude=settings.exclude,
        on_progress=_progress,
    )
    print(_text(found, terminal_columns()))
    if path is not None:
        text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        write_atomically(path, (text + "\n").encode())
    return EXIT_DONE if found.is_good else InvalidInput.exit_code


def _progress(done: int, count: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(ERASE_LINE if done == count else f"{ERASE_LINE}{done}/{count} pairs")
        sys.stderr.flush()


def _text(found: "FolderCheck", columns: int | None) -> str:
    """The table and what it means; on a terminal reasons stand below their rows, wrapped."""
    width = max([len(pair.name) for pair in found.pairs] + [4])
    if columns is not None:
        width = min(width, max(_LEAST, columns - _BESIDE))
    lines = [f"{'pair':<{width}}  {'verdict':<10}  blur, px  imbalance  reason"]
    for pair in sorted(found.pairs, key=lambda pair: not pair.is_bad):
        side = "" if pair.imbalance is None else f"{abs(pair.imbalance):.3f}"
        name = shortened(pair.name, width)
        row = f"{name:<{width}}  {pair.verdict:<10}  {pair.length:8.1f}  {side:>9}"
        whole = f"{row}  {pair.reason}".rstrip()
        if columns is None or len(whole) < columns:
            lines.append(whole)
        else:
            lines += [row.rstrip(), hanging("    ", pair.reason, columns)]
    lines += [wrapped(text, columns) for text in _MEANINGS]
    for head, pictures in (("there twice", found.equal), ("the same scene", found.alike)):
        lines += [f"{head}: {two.first} and {two.second}" for two in pictures]
    lines += [
        wrapped(f"not checked: {name}: {why}", columns, "  ")
        for name, why in found.failures.items()
    ]
    bad = sum(pair.is_bad for pair in found.pairs)
    open_ = sum(pair.verdict == "undecided" for pair in found.pairs)
    verdict = (
        f"{bad} of {len(found.pairs)} pairs are wrong, {open_} undecided; {len(found.equal)} "
        f"pictures are there twice, {len(found.alike)} scenes in two splits"
    )
    lines.append(wrapped(verdict, columns))
    return "\n".join(lines)
