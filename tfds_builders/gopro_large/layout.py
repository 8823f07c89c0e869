"""Finds the frames of GOPRO_Large in any of the layouts it is passed around in."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tfdeblur.errors import DataError
from tfds_builders.file_tree import FileTree

LAYOUTS = """\
Accepted layouts, as a folder or as a zip archive, with or without a folder GOPRO_Large around:
  {train,test}/GOPRdddd_dd_dd/{blur,blur_gamma,sharp}/NNNNNN.png   as published
  {train,test}/{blur,sharp}/GOPRdddd_dd_dd-NNNNNN.png              flat
  {train,test}/{input,target}/GOPRdddd_dd_dd-NNNNNN.png            repack of linear blur"""

# Frames of each sequence. Source: the sequence lists that SRN-DeblurNet (train) and
# DeblurGAN (test) published; they sum to the 2,103 and 1,111 of the authors' page.
PUBLISHED = {
    "train": {
        **dict.fromkeys(
            "GOPR0372_07_00 GOPR0374_11_02 GOPR0379_11_00 GOPR0384_11_01 GOPR0384_11_02 "
            "GOPR0384_11_03 GOPR0384_11_04 GOPR0385_11_00 GOPR0386_11_00 GOPR0857_11_00 "
            "GOPR0868_11_01 GOPR0868_11_02 GOPR0871_11_01 GOPR0881_11_00 GOPR0884_11_00".split(),
            100,
        ),
        **{"GOPR0372_07_01": 75, "GOPR0374_11_00": 150, "GOPR0374_11_01": 80},
        **{"GOPR0374_11_03": 48, "GOPR0378_13_00": 110, "GOPR0380_11_00": 60},
        "GOPR0477_11_00": 80,
    },
    "test": {
        **dict.fromkeys(
            "GOPR0384_11_00 GOPR0384_11_05 GOPR0385_11_01 GOPR0396_11_00 GOPR0854_11_00 "
            "GOPR0868_11_00 GOPR0869_11_00 GOPR0871_11_00 GOPR0881_11_01".split(),
            100,
        ),
        **{"GOPR0410_11_00": 134, "GOPR0862_11_00": 77},
    },
}

_FILE = re.compile(
    r"(?:.*/)?(?P<split>train|test)/(?:(?:GoPro|GOPRO)/)?(?:(?P<sequence>GOPR\w+)/)?"
    r"(?P<role>blur|blur_gamma|sharp|input|target)/(?P<stem>[^/]+)\.png"
)
_FLAT_NAME = re.compile(r"(GOPR\d{4}_\d{2}_\d{2})[-_](\d+)")
_ROLES = {"input": "blur", "target": "sharp"}


@dataclass(frozen=True)
class Frame:
    """One pair of files.

    Args:
        name: `SEQUENCE-NNNNNN`, or the file's stem where that tells neither.
        sequence: such as "GOPR0384_11_00", "" if unknown.
        number: frame number in the sequence, -1 if unknown.
        blur, sharp: paths in the tree.
    """

    name: str
    sequence: str
    number: int
    blur: str
    sharp: str


def find_frames(tree: FileTree, blur_role: str) -> dict[str, list[Frame]]:
    """Pairs the files of a copy of GOPRO_Large.

    Args:
        tree: the copy, in one of the `LAYOUTS`.
        blur_role: "blur" or "blur_gamma".

    Returns:
        Frames in order by split; splits without frames are left out.

    Raises:
        DataError: if nothing is found, there is no blur of this kind, or partners are missing
            (all of them are named).
    """
    from tfdeblur.data.folders import raise_problems

    files: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
    problems = []
    for name in tree.names:
        if not (match := _FILE.fullmatch(name)):
            continue
        split, sequence, role, stem = match.group("split", "sequence", "role", "stem")
        roles = files[split, sequence or "", stem]
        role = _ROLES.get(role, role)
        if role in roles:
            problems.append(f"{tree.where(name)} is there twice: also as {roles[role]}")
        roles[role] = name
    if not files:
        raise DataError(f"{tree.path} holds no frames of GOPRO_Large.\n{LAYOUTS}")
    if not any(blur_role in roles for roles in files.values()):
        raise DataError(
            f"{tree.path} holds no {blur_role} frames. The repacks ({{input,target}}) have the "
            "linear blur only: take gopro_large/blur, or the authors' own archive."
        )
    frames: dict[str, list[Frame]] = {"train": [], "test": []}
    for (split, sequence, stem), roles in sorted(files.items()):
        if blur_role in roles and "sharp" in roles:
            frames[split].append(_frame(sequence, stem, roles[blur_role], roles["sharp"]))
        elif missing := [role for role in (blur_role, "sharp") if role not in roles]:
            there = tree.where(next(iter(roles.values())))
            problems.append(f"{there} has no partner: {missing[0]} is missing")
    raise_problems(f"{tree.path} is not ready for use", problems)
    return {split: found for split, found in frames.items() if found}


def what_is_missing(frames: Mapping[str, Sequence[Frame]]) -> str:
    """Compares the frames with the published counts; returns "" where they agree."""
    lines = []
    for split, published in PUBLISHED.items():
        found = frames.get(split, ())
        counts = Counter(frame.sequence for frame in found)
        if counts == published:
            continue
        lines.append(f"  {split}: {len(found)} of {sum(published.values())} frames")
        for sequence in sorted(counts.keys() | published.keys()):
            count, expected = counts[sequence], published.get(sequence, 0)
            if count != expected:
                lines.append(f"    {sequence or 'unknown sequence'}: {count} of {expected}")
    return "\n".join(lines)


def _frame(sequence: str, stem: str, blur: str, sharp: str) -> Frame:
    if sequence:
        return Frame(
            f"{sequence}-{stem}", sequence, int(stem) if stem.isdigit() else -1, blur, sharp
        )
    if match := _FLAT_NAME.fullmatch(stem):
        return Frame(f"{match[1]}-{match[2]}", match[1], int(match[2]), blur, sharp)
    return Frame(stem, "", -1, blur, sharp)
