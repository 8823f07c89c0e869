"""Pictures that move and pictures that do not, told apart by their first bytes."""

import os
import struct
from pathlib import Path
from typing import Any

from tfdeblur.files.video.settings import ANIMATED_SUFFIXES


def is_animation(path: Path) -> bool:
    """Whether a file is an animated picture, by the beginning of its bytes."""
    suffix = path.suffix.lower()
    if suffix in ANIMATED_SUFFIXES:
        return True
    if suffix not in (".png", ".webp"):
        return False
    try:
        with path.open("rb") as file:
            return _says_animated(file)
    except (OSError, struct.error):
        return False  # reading it will say why


def _says_animated(file: Any) -> bool:
    start = file.read(21)
    if start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8X":
        return bool(start[20] & 2)
    if not start.startswith(b"\x89PNG\r\n\x1a\n"):
        return False
    file.seek(8)
    while True:  # of a PNG, the chunk that says so comes before the first picture
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind in (b"acTL", b"IDAT", b"IEND"):
            return kind == b"acTL"
        file.seek(length + 4, os.SEEK_CUR)
