"""`tfdeblur results`: the page of results, made of reports."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfdeblur.cli.common import add_common_arguments, read_settings
from tfdeblur.errors import EXIT_DONE, InvalidInput

DESCRIPTION = """\
Makes one page of tables (Markdown) of reports that `tfdeblur evaluate --json` and `tfdeblur
experiment` wrote: by protocol and data set, with intervals, and beside them what papers report
on the same data set under the same protocol names. Reports on the same images are put into one
table, whose order does not depend on that of the files. Nothing is measured here; the numbers are
those of the reports.
"""

EPILOG = """\
exit codes:
  0 done; 2 usage; 3 a bad argument; 4 a file is missing or no report; 130 interrupted

examples:
  tfdeblur results ours.json theirs.json
  tfdeblur results scores/*.json --no-published --out results.md
  tfdeblur results scores/*.json --keep docs/results/ --out docs/results.md
"""


@dataclass(frozen=True)
class ResultsSettings:
    """What `tfdeblur results` is to do.

    Attributes:
        reports: files of JSON.
        out: file for the page; None prints it.
        keep: folder for copies of the reports; None makes none.
        no_seconds: whether to leave out wall times.
        no_published: whether to leave out what papers report.
        verbose: whether to log details.
    """

    reports: tuple[Path, ...]
    out: Path | None
    keep: Path | None
    no_seconds: bool
    no_published: bool
    verbose: bool


def add_parser(commands: Any) -> None:
    """Adds the arguments of `tfdeblur results`."""
    parser = commands.add_parser(
        "results",
        help="make a page of tables of reports, beside published columns",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "reports", nargs="+", type=Path, metavar="FILE.json", help="reports, in any order"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write the page; an older one is replaced (default: print it)",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="write copies of the reports, of whose absolute paths the last parts alone are left, "
        "to be published with the page: they make the same one",
    )
    parser.add_argument(
        "--no-seconds",
        action="store_true",
        help="leave out wall times, from the copies as well: those of a machine that did other "
        "work meanwhile say nothing",
    )
    parser.add_argument(
        "--no-published",
        action="store_true",
        help="leave out what papers report. Those numbers stand in the table of a data set whose "
        "name and images are theirs, and in a table of their own where one of both is",
    )
    add_common_arguments(parser)
    parser.set_defaults(run_command=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur results`."""
    return _make(read_settings(ResultsSettings, arguments))


def _make(settings: ResultsSettings) -> int:
    from tfdeblur.evaluation.results.page import results_text
    from tfdeblur.evaluation.results.read import read_report, without_seconds
    from tfdeblur.image.atomic import write_atomically

    found: dict[str, dict[str, Any]] = {}
    for path in settings.reports:
        if path.name in found:
            raise InvalidInput(
                "The reports must have names of their own, which tell them apart on the page. "
                f"Received: {path.name} twice. Rename one."
            )
        report = read_report(path)
        found[path.name] = without_seconds(report) if settings.no_seconds else report
    text = results_text(found, published=not settings.no_published)
    if settings.keep is not None:
        from tfdeblur.evaluation.report_parts import make_folder, write_json

        make_folder(settings.keep)
        for name, report in found.items():
            write_json(report, settings.keep / name)
        print(f"written: {len(found)} reports in {settings.keep}")
    if settings.out is None:
        print(text)
        return EXIT_DONE
    write_atomically(settings.out, text.encode())
    print(f"written: {settings.out}")
    return EXIT_DONE
