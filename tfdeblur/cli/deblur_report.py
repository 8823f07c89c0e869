"""What `tfdeblur deblur` tells at its end: a line for people, a JSON object for programs."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfdeblur.errors import EXIT_DONE

if TYPE_CHECKING:
    from tfdeblur.pipeline.results import FileResult

_WORDS = {
    "done": "restored",
    "skipped": "done before",
    "degenerate": "left as they were",
    "not converged": "restored, but not converged",
    "failed": "failed",
}
_SOLVER = ("steps", "residual", "converged")
_RP_GAN = ("confidence", "passes", "levels", *_SOLVER, "remark")


def summarise(results: Sequence["FileResult"], jobs: int, code: int) -> None:
    """Prints on stderr how many of `jobs` files ended how."""
    count = Counter(result.status for result in results)
    parts = [f"{count[status]} {word}" for status, word in _WORDS.items() if count[status]]
    if len(results) < jobs:
        parts.append(f"{jobs - len(results)} not finished")
    print(f"{jobs} file{'s' * (jobs != 1)}: {', '.join(parts)}.", file=sys.stderr)
    if code == EXIT_DONE and count["skipped"] and not count["done"]:
        print("To restore again what exists, give --overwrite.", file=sys.stderr)


def as_json(
    results: Sequence["FileResult"], arguments: argparse.Namespace, rp_gan: bool, code: int
) -> dict[str, Any]:
    """The object that `--json` prints.

    Args:
        results: of the files that were finished.
        arguments: of the command.
        rp_gan: whether the model is one.
        code: exit code of the command.
    """
    names = _RP_GAN if rp_gan else _SOLVER if arguments.model is None else ()
    count = Counter(result.status for result in results)
    totals: dict[str, float] = {
        status: count[status] for status in ("done", "skipped", "failed", "degenerate")
    }
    if names:
        totals["not converged"] = count["not converged"]
    totals["files"] = len(results)
    totals["pixels"] = sum(r.width * r.height * r.frames for r in results)
    totals["seconds"] = round(sum(r.seconds for r in results), 4)
    given = {name: getattr(arguments, name) for name in ("model", "known_flow")}
    return {
        **{name: value for name, value in given.items() if value is not None},
        "files": [_file(result, names, arguments.flow) for result in results],
        "totals": totals,
        "exit_code": code,
    }


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
    return file | {name: getattr(result, name) for name in names}
