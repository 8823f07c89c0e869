"""`--gallery`: a page of what was restored, written at the end."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.cli.common import load_tensorflow
from tfdeblur.cli.files.settings import FileSettings

if TYPE_CHECKING:
    from tfdeblur.evaluation.page.gallery import Shown
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
    if not files.gallery and not files.gallery_beside:
        return None
    page = Path(files.out) / PAGE

    def write(results: Sequence["FileResult"]) -> None:
        load_tensorflow(verbose)  # it reads PNG and JPEG
        from tfdeblur.evaluation.page.gallery import write_gallery

        shown = write_gallery(page, jobs, results, by, files.gallery_beside)
        print(_told(page, shown), file=sys.stderr)

    return write


def _told(page: Path, shown: "Shown") -> str:
    if not shown.images:
        told = [f": {name}: {why}" for name, why in shown.missing[:1]]
        told += [f"; and {len(shown.missing) - 1} more"] if len(shown.missing) > 1 else []
        return f"{page} was not written, as there is no image to show{''.join(told)}"
    of = f", {shown.before} of them from earlier runs" if shown.before else ""
    others = ", ".join(f"{count} of {label}" for label, count in shown.beside.items())
    beside = f"; beside them {others}" if others else ""
    return f"{page}: {shown.images} image{'s' * (shown.images != 1)} before and after{of}{beside}"
