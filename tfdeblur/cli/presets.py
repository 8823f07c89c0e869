"""`tfdeblur presets`: what is shipped, and how a network becomes a preset."""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfdeblur.cli.common import (
    add_common_arguments,
    load_tensorflow,
    read_settings,
    terminal_columns,
)
from tfdeblur.cli.measuring.data import add_limit
from tfdeblur.cli.presets_measure import MeasureSettings, measure
from tfdeblur.cli.presets_table import table
from tfdeblur.cli.restoring import known_preset
from tfdeblur.errors import EXIT_DONE, DataError, InvalidInput
from tfdeblur.models.preset_card import Card, check_files, read_card
from tfdeblur.models.shipped import (
    CARD_FILE,
    DEFAULT_PRESET,
    README_FILE,
    holds_preset,
    shipped_folder,
    shipped_presets,
)
from tfdeblur.text import wrapped

DESCRIPTION = """\
Lists the networks that are shipped with tfdeblur, ready to restore with: what each gains, costs and
weighs. With NAME, tells all about one of them. Or makes a preset of a network of yours (--make).

A preset is a folder, here one of the package's own, that holds a network as the code and the
arguments that build it (network.json), its weights as float16 (weights.npz), a card (card.json)
with hashes of both, and the card in words (README.md).
"""

EPILOG = """\
what the columns mean:
  S/MP            seconds for a million pixels, on the processor that is named below the table
  MB              size of the weights, 10^6 bytes
  GAIN            dB of PSNR (8-bit RGB) over the blurred images, by data set

a preset of your own:
  --make takes a trained network (a run folder, a .keras file, another preset), writes --out, and
  loads it once as a check. --card is a file of JSON; name, description and licences are needed:
    {"name": "mine", "description": "for scans of slides", "licences": ["CC0-1.0"],
     "gains_db": {"scans": 2.1}, "seconds_per_megapixel": {"Xeon, 2 cores": 3.4},
     "precision": {"bfloat16": "costs 0.02 dB"}, "source": {"architecture": "Bi-Skip"},
     "training": {"data": "900 scans", "command": "tfdeblur train ..."}}
  What is measured later may be written into card.json by hand; what bfloat16 costs is written by
  --measure-bfloat16 PAIRS --write, also beside the networks of a run. Where it is below 0.01 dB,
  `deblur`, `evaluate` and `serve` take bfloat16 by themselves if the processor has it. The folder
  is a model like any other: --model DIR. Folders in tfdeblur/weights of the source tree are
  shipped.

exit codes:
  0 done; 2 usage; 3 a bad argument or card, or a pair that cannot be measured; 4 a preset or model
  is missing or damaged; 130 interrupted

examples:
  tfdeblur presets
  tfdeblur presets maxim
  tfdeblur presets --json
  tfdeblur presets maxim --measure-bfloat16 pairs/
  tfdeblur presets --make runs/first --out my-preset --card card.json --add LICENSE
  tfdeblur deblur photo.jpg --out restored/ --model my-preset
"""


def add_parser(commands) -> None:
    """Adds the arguments of `tfdeblur presets`."""
    parser = commands.add_parser(
        "presets",
        help="list the networks that are shipped, or make one of your own",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="a shipped preset, or the folder of any"
    )
    parser.add_argument("--json", action="store_true", help="print the cards as JSON")
    group = parser.add_argument_group("making a preset")
    group.add_argument("--make", metavar="MODEL", help="run folder, .keras file or preset")
    group.add_argument("--out", metavar="DIR", help="folder to write; it must not exist")
    group.add_argument("--card", metavar="FILE", help="what is to be known of it, see below")
    group.add_argument(
        "--add",
        action="append",
        metavar="FILE",
        help="copy into it, such as LICENSE or a README.md of your own (repeatable)",
    )
    _add_measuring(parser)
    add_common_arguments(parser)
    parser.set_defaults(run_command=run, parser=parser)


def _add_measuring(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("measuring what bfloat16 costs")
    group.add_argument(
        "--measure-bfloat16",
        metavar="PAIRS",
        help="restore the blurred images of a folder of pairs (its test split, if it has one) "
        "twice, in float32 and in bfloat16, and tell how many dB that loses",
    )
    add_limit(group)
    group.add_argument("--write", action="store_true", help="write the result into card.json")


@dataclass(frozen=True)
class MakeSettings:
    """A preset that is to be made: `make` a model, `out`, `card` and `add` files, `verbose`."""

    make: str
    out: str
    card: str
    add: tuple[str, ...] | None
    verbose: bool


@dataclass(frozen=True)
class ListSettings:
    """What is to be told: of `name`, or None of all that are shipped; `json` or for people."""

    name: str | None
    json: bool


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur presets`."""
    settings = _read(arguments)
    if isinstance(settings, MakeSettings):
        return _make(settings)
    if isinstance(settings, MeasureSettings):
        return measure(settings)
    if settings.name is not None:
        return _show(settings.name, settings.json)
    return _list(settings.json)


def _read(arguments: argparse.Namespace) -> MakeSettings | MeasureSettings | ListSettings:
    """The options, read once; ends with a usage error if they do not go together."""
    error = arguments.parser.error
    given = [name for name in ("out", "card", "add") if getattr(arguments, name) is not None]
    measures = arguments.measure_bfloat16 is not None
    for name in ("limit", "write"):
        if getattr(arguments, name) and not measures:
            error(f"argument --{name}: goes with --measure-bfloat16 only")
    if measures:
        if arguments.name is None or arguments.make is not None or given:
            error("argument --measure-bfloat16: needs NAME, and does not go with --make")
        return read_settings(MeasureSettings, arguments)
    if arguments.make is None:
        if given:
            error(f"argument --{given[0]}: goes with --make only")
        return read_settings(ListSettings, arguments)
    for name in ("out", "card"):
        if name not in given:
            error(f"argument --make: needs --{name} as well")
    if arguments.name is not None or arguments.json:
        error("argument --make: goes with neither NAME nor --json")
    return read_settings(MakeSettings, arguments)


def _list(as_json: bool) -> int:
    cards, bad = [], []
    for folder in filter(None, map(shipped_folder, shipped_presets())):
        try:
            cards.append(_entry(folder))
        except DataError as error:
            bad.append(error)
    if as_json:
        print(json.dumps(cards, indent=2, ensure_ascii=False))
    elif cards:
        print(table(cards))
    else:
        print("No presets are shipped in this installation.")
    for reason in bad:
        print(f"tfdeblur: error: {reason}", file=sys.stderr)
    return DataError.exit_code if bad else EXIT_DONE


def _entry(folder: Path) -> Card:
    """The card, with where it is; of presets that have none (copies of runs), the name alone."""
    card = read_card(folder) if holds_preset(folder) else {}
    default = folder == shipped_folder(DEFAULT_PRESET)
    # By the name that --model takes, also where a folder was renamed.
    return {**card, "name": folder.name, "default": default, "folder": str(folder)}


def _show(name: str, as_json: bool) -> int:
    folder = shipped_folder(name)
    if folder is None:
        if not name or not holds_preset(name):
            known_preset(name)  # tells what there is
        folder = Path(name)
    entry = _entry(folder)
    # Of a preset with parts, such as the SEN of an RP-GAN, all of them.
    for card_file in sorted(folder.rglob(CARD_FILE)) if holds_preset(folder) else ():
        check_files(card_file.parent, read_card(card_file.parent))
    if as_json:
        print(json.dumps(entry, indent=2, ensure_ascii=False))
        return EXIT_DONE
    try:
        text = (folder / README_FILE).read_text("utf-8").rstrip()
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / README_FILE} cannot be read: {error}") from error
    print(_for_terminal(text, terminal_columns()))
    return EXIT_DONE


def _for_terminal(text: str, columns: int | None) -> str:
    """Markdown with its prose wrapped anew; tables, code and headings stay as they are."""
    if columns is None:
        return text
    lines: list[str] = []
    prose: set[int] = set()  # numbers of lines
    in_code = False
    for line in text.split("\n"):
        in_code ^= line.startswith("```")
        laid_out = in_code or not line.strip() or line.startswith(("|", "#", "    ", "```"))
        if not laid_out and not _is_item(line) and len(lines) - 1 in prose:
            lines[-1] += " " + line.strip()
            continue
        if not laid_out:
            prose.add(len(lines))
        lines.append(line)
    for number in prose:
        lines[number] = wrapped(lines[number], columns, "  " * _is_item(lines[number]))
    return "\n".join(lines)


def _is_item(line: str) -> bool:
    return line.lstrip().startswith(("- ", "* "))


def _make(settings: MakeSettings) -> int:
    card = _read_facts(settings.card)
    load_tensorflow(settings.verbose)
    from tfdeblur.models.load import PIPELINE_FILE, SEN_PRESET, load_network
    from tfdeblur.models.place import find_place
    from tfdeblur.models.preset_files import save_preset
    from tfdeblur.restorers.blind.load import load_blind

    files, place, parts = list(settings.add or ()), find_place(settings.make), {}
    if place.folder is not None and place.holds(PIPELINE_FILE):
        parts[SEN_PRESET], network, _ = load_blind(place)
        files.append(str(place.folder / PIPELINE_FILE))
    else:
        network = load_network(place)
    folder = save_preset(network, settings.out, card, files=files, parts=parts)
    print("Made and checked. Restore a photograph with:", file=sys.stderr)
    print(f"  tfdeblur deblur PHOTO --out DIR --model {settings.out}", file=sys.stderr)
    print(folder)
    return EXIT_DONE


def _read_facts(path: str) -> Any:
    from tfdeblur.models.preset_card import check_facts

    try:
        return check_facts(json.loads(Path(path).read_text("utf-8")))
    except OSError as error:
        raise InvalidInput(f"`--card` must be a file of JSON. {path}: {error.strerror}") from error
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from error
    except ValueError as error:
        raise InvalidInput(f"`--card` must be a file of JSON. {path}: {error}") from error
