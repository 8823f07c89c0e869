"""Finds input files: single files, folders, and patterns that the shell did not expand."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tfdeblur.errors import DataError, InvalidInput, TfdeblurError
from tfdeblur.files.passed_over import PassedOver, extra_suffixes, reason_to_pass_over
from tfdeblur.files.video.settings import ANIMATED_SUFFIXES, CONTAINERS
from tfdeblur.near import did_you_mean_path

WRITTEN_SUFFIXES = frozenset(".png .jpg .jpeg .jpe .bmp .tif .tiff .webp".split())
VIDEO_SUFFIXES = frozenset(CONTAINERS) | ANIMATED_SUFFIXES

_MAGIC = frozenset("*?[")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_UNFINISHED = ".part"  # a video that was being written is called NAME.part.mp4


@dataclass(frozen=True)
class Source:
    """One input file, or the reason why an input is none.

    Attributes:
        path: the file.
        relative: where its result belongs below the output folder. The bare name of a file
            that was named; the path below the folder, or below the fixed part of the
            pattern, of a file that was found.
        named: whether it was given by name; then it is tried whatever its suffix is.
        error: None, or why there is nothing to restore here.
    """

    path: Path
    relative: Path
    named: bool = False
    error: TfdeblurError | None = None


def find_inputs(
    inputs: Iterable[str | os.PathLike],
    *,
    recursive: bool = False,
    leave_out: str | os.PathLike | None = None,
    passed_over: list[PassedOver] | None = None,
) -> list[Source]:
    """Lists the files that `inputs` mean, in the order given, sorted within a folder.

    Args:
        inputs: files, folders, or patterns with `*`, `?`, `[...]` and `**`. A name that exists
            is never read as a pattern. In folders and patterns, hidden files and files that
            are neither images nor videos by suffix are passed over.
        recursive: whether subfolders are entered, those behind symbolic links too; each
            folder is entered once, so loops of links end.
        leave_out: a folder that is not entered on the way (the results of an earlier run);
            given in `inputs` itself, it is.
        passed_over: appended to: the files that were passed over for their suffix.

    Returns:
        Sources, each file once. An input that means no file becomes a source with an `error`:
        `DataError` where nothing is there, `InvalidInput` where it is not usable.
    """
    seen = set() if leave_out is None else {os.path.realpath(leave_out)}
    found: dict[str, Source] = {}
    over: list[Path] = []
    for one in inputs:
        given = os.fspath(one)
        path = Path(given)
        if _URL.match(given) and not os.path.lexists(given):
            sources = [_named(given)]
        elif given and path.is_dir():
            sources = _in_folder(path, recursive, set(seen), over)
        elif _MAGIC.intersection(given) and not os.path.lexists(given):
            sources = _of_pattern(path, recursive, seen, over)
        else:
            sources = [_named(given)]
        for source in sources:
            found.setdefault(os.path.abspath(source.path), source)
    if passed_over is not None:
        once = {os.path.abspath(path): path for path in over}
        passed_over += [
            PassedOver(path, reason_to_pass_over(path.name))
            for key, path in once.items()
            if key not in found
        ]
    return list(found.values())


def _named(given: str) -> Source:
    path = Path(given)
    error: TfdeblurError | None = None
    if not given:
        error = DataError("An input must be a file, a folder or a pattern. Received: input=''")
    elif _URL.match(given) and not os.path.lexists(given):
        error = DataError(f"{given}: this is a URL. Download it first, and give the file.")
    elif not os.path.lexists(given):
        error = DataError(f"There is no such file or folder.{did_you_mean_path(given)}")
    elif path.exists() and not path.is_file():
        error = InvalidInput("It is neither a file nor a folder; give a regular file.")
    return Source(path, Path(path.name), True, error)


def _in_folder(folder: Path, recursive: bool, seen: set[str], over: list[Path]) -> list[Source]:
    seen.discard(os.path.realpath(folder))  # named by the user: entered even if it is --out
    sources = list(_walk(folder, folder, recursive, seen, over))
    if not sources:
        suffixes = " ".join(sorted(WRITTEN_SUFFIXES | VIDEO_SUFFIXES))
        text = f"The folder holds no images or videos ({suffixes})."
        if not recursive:
            text += " To enter its subfolders, give --recursive (recursive=True)."
        sources = [Source(folder, Path(folder.name), True, InvalidInput(text))]
    return sources


def _of_pattern(pattern: Path, recursive: bool, seen: set[str], over: list[Path]) -> list[Source]:
    magic = [bool(_MAGIC.intersection(part)) for part in pattern.parts]
    base = Path(*pattern.parts[: magic.index(True)])
    sources = []
    for path in _expand(base, pattern.parts[magic.index(True) :], seen):
        if not path.is_dir():
            if is_taken(path.name):
                sources.append(Source(path, path.relative_to(base)))
            elif _is_other(path):
                over.append(path)
        elif recursive:
            sources.extend(_walk(path, base, True, set(seen), over))
    if not sources:
        error = DataError("The pattern matches no image and no video.")
        sources = [Source(pattern, Path("pattern"), True, error)]
    return sources


def is_taken(name: str) -> bool:
    """Whether files of this name are restored: images and videos by suffix, in plain sight."""
    stem, suffix = os.path.splitext(name)
    suffix = suffix.lower()
    ours = suffix in WRITTEN_SUFFIXES or suffix in VIDEO_SUFFIXES
    known = ours or suffix in extra_suffixes()  # which asks Pillow what it reads
    return known and not name.startswith(".") and not stem.endswith(_UNFINISHED)


def _is_other(path: Path) -> bool:
    """Whether somebody may have meant it: a file in plain sight that is not ours to read."""
    hidden = path.name.startswith(".") or path.stem.endswith(_UNFINISHED)
    return path.is_file() and not hidden and not is_taken(path.name)


def _is_of_a_page(folder: Path) -> bool:
    """Whether it holds the pictures of a page beside it (`--gallery`, `evaluate --html`)."""
    page, ending, rest = folder.name.rpartition("_pictures")
    return bool(ending) and not rest and folder.with_name(f"{page}.html").is_file()


def _walk(
    folder: Path, base: Path, recursive: bool, seen: set[str], over: list[Path]
) -> Iterator[Source]:
    """Files of `folder`, then those of its subfolders, each in order of name."""
    seen.add(os.path.realpath(folder))
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        text = f"The folder cannot be read: {error.strerror}."
        yield Source(folder, folder.relative_to(base), True, InvalidInput(text))
        return
    folders = {name for name in names if (folder / name).is_dir()}
    for name in names:
        path = folder / name
        # A broken link is kept: it is named like an image, so its loss is worth a report.
        if name not in folders and is_taken(name) and (path.is_file() or path.is_symlink()):
            yield Source(path, path.relative_to(base))
        elif name not in folders and _is_other(path):
            over.append(path)
    for name in sorted(folders) if recursive else ():
        path = folder / name
        if name.startswith(".") or _is_of_a_page(path):
            continue
        if os.path.realpath(path) not in seen:
            yield from _walk(path, base, True, seen, over)


def _expand(base: Path, parts: Sequence[str], seen: set[str]) -> Iterator[Path]:
    """Paths below `base` that match `parts`, sorted; unlike `glob`, safe from loops of links."""
    if not parts:
        yield base
        return
    first, rest = parts[0], parts[1:]
    if first == "**":
        yield from _expand(base, rest or ("*",), seen)
        inner = seen | {os.path.realpath(base)}
        parts_below, first = tuple(parts), "*"
    else:
        inner, parts_below = seen, tuple(rest)
    try:
        names = sorted(os.listdir(base))
    except OSError:
        return
    for name in names:
        path = base / name
        if name.startswith(".") and not first.startswith("."):
            continue
        if not fnmatch(name, first) or (parts_below and not path.is_dir()):
            continue
        if not path.is_dir() or os.path.realpath(path) not in inner:
            yield from _expand(path, parts_below, inner)
