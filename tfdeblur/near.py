"""What somebody may have meant by a name that is not known (standard library only)."""

import difflib
import os
from collections.abc import Iterable
from itertools import islice

from tfdeblur.text import printable

_CUTOFF = 0.6  # of difflib: how much of two names must be the same, in order
_MOST_NAMES = 5000  # of a folder that are looked at: errors are not to take seconds


def near_names(
    name: str, known: Iterable[str], most: int = 1, cutoff: float = _CUTOFF
) -> list[str]:
    """Those of the known names that are most like `name`, whatever the case of their letters."""
    folded = {one.casefold(): one for one in known}
    return [folded[one] for one in difflib.get_close_matches(name.casefold(), folded, most, cutoff)]


def did_you_mean(name: str, known: Iterable[str], most: int = 1, cutoff: float = _CUTOFF) -> str:
    """The end of an error: " Did you mean biskip?"; "" where no known name is near."""
    near = near_names(name, known, most, cutoff)
    return f" Did you mean {', '.join(near)}?" if near else ""


def near_path(path: str | os.PathLike[str], *, folders: bool = False) -> str | None:
    """The path that is there and most like one that is not; None where there is none.

    Args:
        path: as it was given; what is near is told in the same way, relative if it is.
        folders: whether only folders will do.
    """
    given = os.path.expanduser(os.path.normpath(os.fspath(path)))
    above, name = os.path.split(given)
    if not name or os.path.lexists(given):
        return None
    if above and not os.path.isdir(above):
        corrected = near_path(above, folders=True)
        if corrected is None:
            return None
        above = corrected
        if _fits(os.path.join(above, name), folders):
            return os.path.join(above, name)
    near = near_names(name, _names(above or os.curdir, folders))
    return os.path.join(above, near[0]) if near else None


def did_you_mean_path(path: str | os.PathLike[str], *, folders: bool = False) -> str:
    """The same as the end of an error: " Did you mean runs/first?"; "" where nothing is near."""
    near = near_path(path, folders=folders)
    return f" Did you mean {printable(near)}?" if near else ""


def _names(folder: str, folders: bool) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            few = islice(entries, _MOST_NAMES)
            return sorted(one.name for one in few if not folders or one.is_dir())
    except OSError:
        return []


def _fits(path: str, folders: bool) -> bool:
    return os.path.isdir(path) if folders else os.path.lexists(path)
