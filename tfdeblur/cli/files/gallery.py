"""`--gallery`: a page of what was restored, written at the end."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.cli.common import load_tensorflow
from tfdeblur.cli.files.settings import FileSettings

if TYPE_CHECKING:
    from tfdeblur.files.results import FileResult

PAGE = "gallery.html"


def gallery_writer(
    files: FileSettings, jobs: Sequence[Any], by: str, verbose: bool
) -> Callable[[Sequence["FileResult"]], None] | None:
    """What writes the page of all results into the folder of them; None where none is wanted.

    Args:
        files: says whether, and where.
        jobs: all of them.
        by: what restores them, for a reader.
        verbose: as of the command.
    """
    if not files.gallery:
        return None
    page = Path(files.out) / PAGE

    def write(results: Sequence["FileResult"]) -> None:
        load_tensorflow(verbose)  # it reads PNG and JPEG
        from tfdeblur.evaluation.page.gallery import write_gallery

        count = write_gallery(page, jobs, results, by)
        print(f"{page}: {count} image{'s' * (count != 1)} before and after", file=sys.stderr)

    return write
