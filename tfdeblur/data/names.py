"""Names of pairs and images: their order, and which of them are wanted."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which runs of digits compare as numbers: frame 2 before frame 10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts if p]


def image_name_wanted(name: str, only: Sequence[str], exclude: Sequence[str]) -> bool:
    """Whether `name` matches a pattern of `only` (or `only` is empty) and none of `exclude`."""
    if only and not any(fnmatchcase(name, pattern) for pattern in only):
        return False
    return not any(fnmatchcase(name, pattern) for pattern in exclude)
