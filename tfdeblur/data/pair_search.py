"""Which files of a folder belong together: the layouts that pairs are published in."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tfdeblur.data.names import natural_key
from tfdeblur.errors import DataError
from tfdeblur.near import did_you_mean_path

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
# Names of folders, in any case; the first of each that exists is taken.
BLURRED_FOLDERS = ("blur", "blurred", "blurry", "input", "lq")
SHARP_FOLDERS = ("sharp", "target", "gt", "groundtruth", "hq")
SPLIT_FOLDERS = ("train", "val", "valid", "validation", "test")
LAYOUTS = """\
Accepted layouts (blur may also be named blurred, blurry, input or lq; sharp also target, gt,
groundtruth or hq; in any case):
  DIR/{blur,sharp}/NAME.png               pairs by file name, suffixes may differ
  DIR/{blur,sharp}/SEQUENCE/NAME.png      the same, with folders within
  DIR/{blur,gt}/{blur,gt}_NAME.png        names with their role before or after (RealBlur)
  DIR/{NAME_blur,NAME_sharp}.png          both in one folder, by such names, or NAME_M, NAME_S
  DIR/{train,test}/...                    any of these, with splits
  DIR/{train,val}_{blur,sharp}/...        the same in the names of the folders (REDS)
  DIR/{train,test}/SEQUENCE/{blur,sharp}/NNNNNN.png  GOPRO_Large as published
  DIR/{train,test,GT}/NAME.png            HIDE as published
  --pairs 'blur/*.png' 'sharp/*.png'      any other, by two patterns; or a CSV file of pairs
Sharp photographs alone can be trained on: `tfdeblur train --blur motion-flow`."""

_BLURRED_MARKS = ("blurred", "blurry", "blur", "input", "lq", "m")
_SHARP_MARKS = ("groundtruth", "sharp", "target", "gt", "hq", "s")


@dataclass(frozen=True)
class Pair:
    """One blurred image and its sharp partner.

    Args:
        name: file stem; `SEQUENCE-STEM` where there are folders within; `SPLIT-...` before it
            where several splits are read at once.
        blurred: path of the blurred image.
        sharp: path of the sharp image, same size in pixels.
    """

    name: str
    blurred: Path
    sharp: Path


@dataclass
class Search:
    """What a search has found so far; problems are gathered and reported together.

    Attributes:
        blur_folder: name of the folder with the blurred images; None: one of `BLURRED_FOLDERS`.
    """

    blur_folder: str | None
    pairs: list[Pair] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def search_folder(folder: Path, split: str | None, search: Search) -> None:
    """Adds the pairs of whichever layout `folder` has.

    Raises:
        DataError: if there is no such folder or split, or it has no known layout.
    """
    if not folder.is_dir():
        kind = "is not a folder" if folder.exists() else "does not exist"
        raise DataError(
            f"`folder` must be a folder of pairs, but it {kind}. Received: {folder}."
            f"{did_you_mean_path(folder, folders=True)}"
        )
    if _add_place(folder, "", search):
        if split is not None:
            logger.info("%s has no splits: all its pairs are used for %r.", folder, split)
        return
    splits = split_places(folder, search)
    if split is not None and split not in splits and (folder / split).is_dir():
        splits[split] = (folder / split,)  # by a name that is not usual
    elif split is not None and splits and split not in splits:
        raise DataError(
            f"`split` must be one of {[*splits]} in {folder}. Received: split={split!r}"
        )
    wanted = [split] if split in splits else [*splits]
    for name in wanted:
        _add_split(splits[name], f"{name}-" if len(wanted) > 1 else "", search)
    if not wanted:
        _add_split((folder,), "", search)


def split_places(folder: Path, search: Search) -> dict[str, tuple[Path, ...]]:
    """The splits of a folder: each with its folder, or those of its two roles."""
    splits = {name: _split_places(folder, name, search) for name in SPLIT_FOLDERS}
    return {name: places for name, places in splits.items() if places}


def _split_places(folder: Path, name: str, search: Search) -> tuple[Path, ...]:
    """The folder of a split; or two, of its blurred and of its sharp images; or none."""
    sharp = next((one for one in _folders(folder) if one.name.lower() == "gt"), None)
    inner = folder / name
    if inner.is_dir():
        # HIDE: the sharp images of all splits are in one folder beside them.
        is_hide = sharp is not None and not _has_roles(inner, search)
        return (inner, sharp) if is_hide and sharp is not None else (inner,)
    return _roles(folder, search, f"{name}_") or ()


def _add_split(places: tuple[Path, ...], prefix: str, search: Search) -> None:
    """Adds the pairs of one split: of one layout, or one folder per sequence as GOPRO has it."""
    if len(places) == 2:
        return _add_roles(places, prefix, search, spare_sharp=places[1].name.lower() == "gt")
    (folder,) = places
    if _add_place(folder, prefix, search):
        return None
    for name in SPLIT_FOLDERS:  # REDS: train/train_blur, train/train_sharp
        if roles := _roles(folder, search, f"{name}_"):
            return _add_roles(roles, prefix, search)
    sequences = [entry for entry in _folders(folder) if _has_roles(entry, search)]
    if not sequences:
        raise DataError(f"{folder} holds no folders of blurred and sharp images.\n{LAYOUTS}")
    for sequence in sequences:
        _add_place(sequence, f"{prefix}{sequence.name}-", search)
    return None


def _has_roles(folder: Path, search: Search) -> bool:
    prefixes = ("", *(f"{name}_" for name in SPLIT_FOLDERS))
    return any(_roles(folder, search, prefix) for prefix in prefixes) or bool(_in_one(folder))


def _add_place(folder: Path, prefix: str, search: Search) -> bool:
    """Adds the pairs of two folders of roles, or of one folder; says whether it is such a place."""
    if roles := _roles(folder, search):
        _add_roles(roles, prefix, search)
        return True
    pairs = _in_one(folder)
    search.pairs += [Pair(prefix + name, *files) for name, files in pairs.items()]
    return bool(pairs)


def _roles(folder: Path, search: Search, prefix: str = "") -> tuple[Path, Path] | None:
    """Returns the folders of blurred and of sharp images in `folder`, if both are there."""
    there = {entry.name.lower(): entry for entry in reversed(_folders(folder))}
    names = [prefix + name for name in BLURRED_FOLDERS]
    if search.blur_folder:
        names = [prefix + search.blur_folder.lower(), search.blur_folder.lower()]
    blurred = [there[name] for name in names if name in there]
    sharp = [there[prefix + name] for name in SHARP_FOLDERS if prefix + name in there]
    return (blurred[0], sharp[0]) if blurred and sharp else None


def _add_roles(
    roles: tuple[Path, ...], prefix: str, search: Search, spare_sharp: bool = False
) -> None:
    """Adds the pairs of a folder of blurred and one of sharp images, matched by file name.

    Args:
        roles: the two folders.
        prefix: of the names.
        search: where to.
        spare_sharp: whether sharp images may be there that belong to others; then folders within
            that of the blurred ones need not be within theirs.
    """
    blurred, sharp = (_by_name(role, search, flat=spare_sharp) for role in roles)
    if not blurred.keys() & sharp.keys():
        told = [
            _unmarked(files, marks)
            for files, marks in ((blurred, _BLURRED_MARKS), (sharp, _SHARP_MARKS))
        ]
        if told[0] and told[1]:
            blurred, sharp = told
    for name in sorted(blurred.keys() | sharp.keys(), key=natural_key):
        if name in blurred and name in sharp:
            search.pairs.append(Pair(prefix + name, blurred[name], sharp[name]))
        elif name in blurred:
            search.problems.append(f"{blurred[name]} has no sharp partner. Looked in: {roles[1]}")
        elif not spare_sharp:
            search.problems.append(f"{sharp[name]} has no blurred partner. Looked in: {roles[0]}")
    if not blurred and not sharp:
        search.problems.append(f"{roles[0]} and {roles[1]} hold no images")


def _by_name(folder: Path, search: Search, flat: bool) -> dict[str, Path]:
    """Images by stem, those of folders within by FOLDER-STEM (or by stem, if `flat`)."""
    files: dict[str, Path] = {}
    for entry in images_below(folder):
        parts = (entry.stem,) if flat else (*entry.relative_to(folder).parent.parts, entry.stem)
        name = "-".join(parts)
        if name in files:
            search.problems.append(
                f"{entry} and {files[name].name} have the same name up to the suffix. "
                "Keep one of them"
            )
        files[name] = entry
    return files


def images_below(folder: Path) -> list[Path]:
    """The images of a folder and of those within it, in order; hidden ones are left out."""
    found = []
    for entry in visible(folder):
        if entry.is_dir():
            found += images_below(entry) if not entry.is_symlink() else []
        elif entry.suffix.lower() in IMAGE_SUFFIXES:
            found.append(entry)
    return found


def _unmarked(files: dict[str, Path], marks: Iterable[str]) -> dict[str, Path]:
    """The files by name without the mark of their role; empty where that tells them not apart."""
    told = {unmarked(name, marks) or name: path for name, path in files.items()}
    return told if len(told) == len(files) else {}


def unmarked(name: str, marks: Iterable[str]) -> str | None:
    """A name without its mark: `1` of blur_1, 1_blur, 1-blur; None where it has none."""
    either = "|".join(marks)
    found = re.fullmatch(rf"(?:(.*)-)?(?:{either})[_-](.+)|(.+)[_-](?:{either})", name, re.I)
    if found is None:
        return None
    return found[3] or "-".join(filter(None, (found[1], found[2])))


def _in_one(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Pairs that lie in one folder, NAME_blur.png beside NAME_sharp.png; empty if others do too."""
    files = [one for one in visible(folder) if one.suffix.lower() in IMAGE_SUFFIXES]
    blurred = {key: one for one in files if (key := unmarked(one.stem, _BLURRED_MARKS))}
    sharp = {key: one for one in files if (key := unmarked(one.stem, _SHARP_MARKS))}
    if not files or len(blurred) + len(sharp) != len(files) or blurred.keys() != sharp.keys():
        return {}
    return {key: (blurred[key], sharp[key]) for key in blurred}


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in visible(folder) if entry.is_dir()]


def visible(folder: Path) -> list[Path]:
    """What a folder holds, in order of names, but for hidden files."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
