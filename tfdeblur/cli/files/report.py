"""What is told at the end of work on files: a line for people, a JSON object for programs."""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from tfdeblur.errors import EXIT_INTERRUPTED, EXIT_UNEXPECTED, TfdeblurError
from tfdeblur.text import printable

if TYPE_CHECKING:
    from tfdeblur.files.passed_over import PassedOver
    from tfdeblur.files.results import Event, FileResult

_WORDS = {
    "done": "restored",
    "skipped": "done before",
    "degenerate": "left as they were",
    "not converged": "restored, but not converged",
    "failed": "failed",
}
_ONE_PICTURE = "only the first picture of a file is restored"
# What is told of each file, by what the restorer may report.
_REPORTED = (
    ("confidence", ("confidence",)),
    ("stages", ("passes", "levels")),
    ("solver", ("steps", "residual", "converged")),
    ("confidence", ("remark",)),
)


def work_and_report(
    work: Callable[[Callable[["Event"], None]], Any],
    progress: Any,
    exit_code: Callable[[Sequence["FileResult"]], int],
    jobs: int,
    describe: Callable[[Sequence["FileResult"], int], Any] | None,
    gallery: Callable[[Sequence["FileResult"]], None] | None = None,
    precision: str | None = None,
    out: str | None = None,
) -> int:
    """Works through files, and reports what is finished, whatever ends it.

    Args:
        work: restores the files; it is given whom to tell of events.
        progress: shows events, until its `close`.
        exit_code: that of all results.
        jobs: how many files there are.
        describe: what to print as JSON at the end, of results and exit code; None: nothing.
        gallery: writes a page of the results once all is done; None: there is none.
        precision: arithmetic of the network, to be told; None: nothing to tell.
        out: folder of the results, to be told; None: not.

    Returns:
        The exit code of the command.
    """
    results: list[FileResult] = []

    def on_event(event: "Event") -> None:
        progress(event)
        if event.result is not None:
            results.append(event.result)

    code = EXIT_UNEXPECTED
    try:
        work(on_event)
        results = _on_disk(results)
        code = exit_code(results)
        if gallery is not None:
            progress.close()
            gallery(results)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
        raise
    except TfdeblurError as error:
        code = error.exit_code
        raise
    finally:
        progress.close()
        results = _on_disk(results)
        summarise(results, jobs, precision, out)
        if describe is not None:
            print(json.dumps(describe(results, code), indent=2))
    return code


def _on_disk(results: list["FileResult"]) -> list["FileResult"]:
    """Those that are still there; names the others, as their news were good before."""
    from tfdeblur.files.results import present

    now = present(results)
    for before, after in zip(results, now, strict=True):
        if before is not after and before.status != after.status:
            print(f"{after.output.name}: {after.reason}", file=sys.stderr)
    return now


def summarise(
    results: Sequence["FileResult"],
    jobs: int,
    precision: str | None = None,
    out: str | None = None,
) -> None:
    """Prints on stderr how many of `jobs` files ended how, where, and in which arithmetic."""
    count = Counter(result.status for result in results)
    parts = [f"{count[status]} {word}" for status, word in _WORDS.items() if count[status]]
    if len(results) < jobs:
        parts.append(f"{jobs - len(results)} not finished")
    usual = precision in (None, "float32") or count.total() == count["failed"] + count["skipped"]
    how = "" if usual else f" (computed in {precision})"
    where = f"{how}."
    if out is not None and count.total() > count["failed"]:
        # No full stop after a folder: it would be copied with it.
        where = f", in {os.path.join(printable(out), '')}{how}"
    print(f"{jobs} file{'s' * (jobs != 1)}: {', '.join(parts)}{where}", file=sys.stderr)
    if count["skipped"]:
        print(
            "What was done before stays as it is, whichever model and options did it: "
            "--overwrite restores it again.",
            file=sys.stderr,
        )


def as_json(
    restorer: Mapping[str, Any],
    reports: Set[str],
    with_flow: bool,
    passed: Sequence["PassedOver"],
    results: Sequence["FileResult"],
    code: int,
) -> dict[str, Any]:
    """The object that `--json` prints.

    Args:
        restorer: what restored, by name of the option; None where it was not given.
        reports: what that may report, as of `Restores`.
        with_flow: whether flows were asked for.
        passed: files that were found and passed over.
        results: of the files that were finished.
        code: exit code of the command.
    """
    names = [name for report, names in _REPORTED if report in reports for name in names]
    count = Counter(result.status for result in results)
    totals: dict[str, float] = {
        status: count[status] for status in ("done", "skipped", "failed", "degenerate")
    }
    if "solver" in reports:
        totals["not converged"] = count["not converged"]
    totals["files"] = len(results)
    totals["pixels"] = sum(r.width * r.height * r.frames for r in results)
    totals["seconds"] = round(sum(r.seconds for r in results), 4)
    return {
        **{name: value for name, value in restorer.items() if value is not None},
        "files": [_file(result, names, with_flow) for result in results],
        "passed_over": _passed_over(passed, results),
        "totals": totals,
        "exit_code": code,
    }


def _passed_over(
    passed: Sequence["PassedOver"], results: Sequence["FileResult"]
) -> list[dict[str, str]]:
    """Files that were not restored, and parts of files that were left out of their results."""
    stacks = [
        (result.input, f"pictures 2 to {result.pictures} of {result.pictures}: {_ONE_PICTURE}")
        for result in results
        if result.pictures > 1
    ]
    parts = [
        (result.input, f"{result.left_out}: not carried over")
        for result in results
        if result.left_out
    ]
    files = [(one.path, one.reason) for one in passed]
    return [{"input": str(path), "reason": reason} for path, reason in [*files, *stacks, *parts]]


def _file(result: "FileResult", names: Sequence[str], with_flow: bool) -> dict[str, Any]:
    file = {
        "input": str(result.input),
        "output": str(result.output),
        "status": result.status,
        "reason": result.reason,
        "width": result.width,
        "height": result.height,
        "frames": result.frames,
        "seconds": round(result.seconds, 4),
    }
    if with_flow:
        file["flow"] = None if result.flow is None else str(result.flow)
    if result.white_level is not None:
        file["white_level"] = result.white_level
    return file | {name: getattr(result, name) for name in names}
