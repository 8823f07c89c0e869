"""Reads reports that were written as JSON, and makes them fit to be shown elsewhere."""

import json
import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from tfdeblur.errors import DataError

FORMAT = 1  # of the reports that are understood
# An absolute path within a sentence: two parts at least, no blanks.
_PATH = re.compile(r"(?<![\w./\\~])(?:~|[A-Za-z]:)?(?:[/\\][\w.+@=-]+){2,}")


def read_report(path: str | Path) -> dict[str, Any]:
    """The JSON values of a report, paths of the machine cut down to their last parts.

    Args:
        path: file that `evaluate --json` or an experiment wrote.

    Raises:
        DataError: if it cannot be read, or is no such report.
    """
    path = Path(path).expanduser()
    try:
        values = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}.") from error
    if not isinstance(values, dict) or not {"format", "data", "images"} <= values.keys():
        raise DataError(
            f"{path} is no report. Give files that `tfdeblur evaluate --json` wrote, or the JSON "
            "file of `tfdeblur experiment`."
        )
    if values["format"] != FORMAT:
        raise DataError(
            f"{path} is a report of format {values['format']!r}; this version reads {FORMAT}."
        )
    if not values["images"]:
        raise DataError(f"{path} holds no image: nothing was measured. Leave it out.")
    return portable(values)


def without_seconds(value: Any) -> Any:
    """JSON values whose wall times are None, wherever they stand."""
    if isinstance(value, dict):
        timed = ("seconds", "first_call_seconds")
        return {k: None if k in timed else without_seconds(one) for k, one in value.items()}
    return [without_seconds(one) for one in value] if isinstance(value, list) else value


def portable(value: Any) -> Any:
    """JSON values without paths of a machine: of an absolute path its last part is left.

    A text that is an absolute path as a whole may hold blanks; one within a sentence ends at the
    first. Relative paths stay: they say nothing of a machine.
    """
    if isinstance(value, dict):
        return {key: portable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [portable(one) for one in value]
    if not isinstance(value, str):
        return value
    for kind in (PurePosixPath, PureWindowsPath):
        whole = kind(value)
        if (whole.is_absolute() or value.startswith("~")) and whole.name and ": " not in value:
            return whole.name
    return _PATH.sub(lambda found: re.split(r"[/\\]", found[0])[-1], value)
