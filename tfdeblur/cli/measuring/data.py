"""Which images are measured: the options that `evaluate` and the experiments share."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from tfdeblur.cli.common import add_patterns, at_least_one, white_level

ALL_SPLITS = "all"


def add_data_arguments(
    parser: argparse.ArgumentParser,
    what: str = "folder of pairs, or a TFDS data set",
    limit: int | None = None,
) -> argparse._ArgumentGroup:
    """Adds `--data` and which part of it is taken.

    Args:
        parser: where to.
        what: help of `--data`.
        limit: default of `--limit`; None takes all.

    Returns:
        The group, for more of them.
    """
    group = parser.add_argument_group("data")
    group.add_argument("--data", required=True, metavar="DIR|NAME", help=what)
    group.add_argument(
        "--split",
        default="test",
        help=f"which part of the data, or {ALL_SPLITS}; a folder without splits is taken whole "
        "(default: test)",
    )
    add_pairs(group)
    for option, verb in (("only", "measure only"), ("exclude", "leave out")):
        group.add_argument(
            f"--{option}",
            action="append",
            default=[],
            metavar="PATTERN",
            help=f"{verb} pairs whose name matches, '*' stands for anything; may be repeated",
        )
    add_limit(group, limit)
    return group


def add_pairs(group: argparse._ActionsContainer) -> None:
    """Adds how the files of a folder of pairs are named, and what white is in them."""
    add_patterns(group)
    group.add_argument(
        "--white-level",
        type=white_level,
        default="auto",
        metavar="auto|full|N",
        help="level of 16-bit PNG and TIFF that is white; auto: as the files say, else the most of "
        "8, 10, 12, 14 or 16 bits that they use together; full: 65535 (default: auto)",
    )


def add_limit(group: argparse._ActionsContainer, limit: int | None = None) -> None:
    """Adds `--limit`."""
    group.add_argument(
        "--limit",
        type=at_least_one,
        default=limit,
        metavar="N",
        help=f"the first N pairs (default: {limit or 'all'})",
    )


@dataclass(frozen=True)
class DataSettings:
    """Which images are measured: the options of `add_data_arguments`.

    Attributes:
        data: folder, or name of a TFDS data set.
        split: as it was given, `ALL_SPLITS` for all.
        only, exclude: patterns of names that are taken, or left out.
        limit: int, the first so many; None: all.
        pairs: patterns of blurred and sharp files; empty: by the layout.
        white_level: "auto", "full" or a level of 16 bits.
    """

    data: str
    split: str
    only: tuple[str, ...]
    exclude: tuple[str, ...]
    limit: int | None
    pairs: tuple[str, ...]
    white_level: str | int

    @property
    def split_asked(self) -> str | None:
        """The split that was named; None for all of them."""
        return None if self.split == ALL_SPLITS else self.split


def split_taken(data: str, split: str | None) -> str | None:
    """The split for the report: a folder without splits has none, whatever was asked for."""
    from tfdeblur.data.folders import splits_in
    from tfdeblur.data.pair_lists import is_list

    folder = Path(data).expanduser()
    if not split or not (folder.is_dir() or is_list(folder)):
        return split
    return split if (folder / split).is_dir() or split in splits_in(folder) else None
