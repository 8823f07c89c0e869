"""`tfdeblur data synthesize`: a folder of photographs, blurred by random motions."""

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tfdeblur.cli.common import add_common_arguments, load_tensorflow, read_settings, results_folder
from tfdeblur.counter import Counter
from tfdeblur.errors import EXIT_INTERRUPTED, EXIT_UNEXPECTED, TfdeblurError

DESCRIPTION = """\
Blurs each photograph of a folder by random motions, with the operator that deblurring inverts.

Writes DIR/{blur,sharp}/NAME-KK.png and the motion of every pixel, DIR/flow/NAME-KK.npz, which
`tfdeblur train --data DIR` takes as it is. The border in which the blur takes in pixels beyond
the photograph is cut off. Running the same command again goes on where the last run stopped; the
files are the same, however often it was stopped and however many processes there were.
"""

EPILOG = """\
DIR also holds synthesis.json, the settings, and pairs.csv: for each pair its photograph, its seed,
and the factor by which its motion was scaled down to --max-extent.

exit codes:
  0 all done, or done before; 3 a photograph is damaged or too small, or a setting is wrong or
  differs from the run that began DIR; 4 a photograph cannot be read; 1 anything unexpected, a
  full disk for one; 130 interrupted. Of several, 1 wins, then 3, 4.

examples:
  tfdeblur data synthesize photos/ --out pairs/ --max-extent 46 --per-image 10
  tfdeblur data synthesize photos/ --out pairs/ --law physical --strength mild --test-images 200
  tfdeblur data synthesize photos/ --out pairs/ --blur camera-shake --noise 0.01 --jpeg 90
"""


def add_parser(commands: Any) -> None:
    """Adds the arguments of `tfdeblur data synthesize`."""
    parser = commands.add_parser(
        "synthesize",
        help="blur photographs by random motions",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("photographs", metavar="SHARP_DIR", help="folder of sharp photographs")
    what = "folder for the pairs"
    add("--out", required=True, type=results_folder, metavar="DIR", help=what)
    add("--recursive", action="store_true", help="enter subfolders; a/x.png becomes a-x")
    add(
        "--workers",
        type=int,
        metavar="N",
        help="processes; 0: none but this one (default: one a core)",
    )
    add("--json", action="store_true", help="print one JSON object on stdout, and nothing else")
    _add_blur(parser)
    _add_amounts(parser)
    add_common_arguments(parser)
    parser.set_defaults(run_command=run, goes_on=True)


def _add_blur(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("blur").add_argument
    add(
        "--blur",
        choices=("motion-flow", "camera-shake"),
        default="motion-flow",
        help="straight lines, or curved paths of a shaken camera, which have no flow/ "
        "(default: motion-flow)",
    )
    add(
        "--law",
        choices=("gong2018", "physical"),
        default="gong2018",
        help="of the motions: as in the published data, or as a camera turns and zooms "
        "(default: gong2018)",
    )
    add(
        "--strength",
        choices=("strong", "mild"),
        default="strong",
        help="range of the motions (default: strong)",
    )
    add(
        "--max-extent",
        type=float,
        default=23,
        metavar="PIXELS",
        help="ceiling on the motion across and down; what exceeds it is scaled down (default: 23)",
    )
    what = "standard deviation, of the range 1: 0.02 is 5 levels of 255"
    add("--noise", type=float, default=0.0, metavar="S", help=what)
    add(
        "--saturation",
        type=float,
        default=1.0,
        metavar="F",
        help="light is clipped as in an exposure F times as long (default: 1, none)",
    )
    add("--jpeg", type=int, metavar="Q", help="pass through JPEG of quality 1 to 100")


def _add_amounts(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how many").add_argument
    add("--per-image", type=int, default=10, metavar="N", help="pairs a photograph (default: 10)")
    add("--include-sharp", action="store_true", help="one pair more of each, without blur")
    add(
        "--test-images",
        type=int,
        default=0,
        metavar="N",
        help="photographs to set apart: DIR/test and DIR/train (default: 0, no splits)",
    )
    add("--limit", type=int, default=0, metavar="N", help="only the first N photographs")
    add("--seed", type=int, default=0, metavar="N", help="of all random numbers (default: 0)")


@dataclass(frozen=True)
class SynthesizeSettings:
    """What `tfdeblur data synthesize` is to do; `SynthesisSettings` are made of `drawing`."""

    photographs: str
    out: str
    recursive: bool
    workers: int | None
    json: bool
    drawing: Mapping[str, Any]
    verbose: bool

    @classmethod
    def read(cls, arguments: argparse.Namespace) -> "SynthesizeSettings":
        """Of the parsed options."""
        from tfdeblur.data.synthesis_record import SynthesisSettings

        names = {field.name for field in dataclasses.fields(SynthesisSettings)} - {"jpeg_quality"}
        drawing = {name: getattr(arguments, name) for name in names}
        return read_settings(cls, arguments, drawing={**drawing, "jpeg_quality": arguments.jpeg})


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur data synthesize`."""
    return _synthesize(SynthesizeSettings.read(arguments))


def _synthesize(settings: SynthesizeSettings) -> int:
    from tfdeblur.data.photographs import find_photographs, refuse_pairs
    from tfdeblur.data.synthesis_record import SynthesisSettings
    from tfdeblur.data.synthesize_folder import FolderSynthesis

    folder, out = settings.photographs, settings.out
    photographs = find_photographs(folder, recursive=settings.recursive, leave_out=out)
    refuse_pairs(folder, photographs)
    drawing = SynthesisSettings(**settings.drawing)
    load_tensorflow(settings.verbose)
    return _work(FolderSynthesis(photographs, out, drawing), settings)


def _work(job: Any, settings: SynthesizeSettings) -> int:
    from tfdeblur.files.work import exit_code

    outcomes: list[Any] = []
    named: set[str] = set()
    start = time.perf_counter()
    code = EXIT_UNEXPECTED
    try:
        with Counter(len(job.pending), "pairs") as counter:
            setup = partial(load_tensorflow, settings.verbose)
            for outcome in job.run(settings.workers, setup):
                outcomes.append(outcome)
                counter.step()
                # What is wrong with a photograph is wrong with each of its pairs.
                if outcome.reason and outcome.task.photograph.name not in named:
                    named.add(outcome.task.photograph.name)
                    counter.say(f"failed: {outcome.reason}")
        code = exit_code(outcomes)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
        raise
    except TfdeblurError as error:
        code = error.exit_code
        raise
    finally:  # whatever ended the loop, what is finished is reported
        report = _report(job, outcomes, time.perf_counter() - start, code)
        print(_summary(report["totals"], len(named)), file=sys.stderr)
        if settings.json:
            print(json.dumps(report, indent=2))
    return code


def _report(job: Any, outcomes: list[Any], seconds: float, code: int) -> dict[str, Any]:
    failed = [outcome for outcome in outcomes if outcome.reason]
    totals = {
        "pairs": len(job.tasks),
        "made": len(outcomes) - len(failed),
        "done_before": len(job.tasks) - len(job.pending),
        "failed": len(failed),
        "seconds": round(seconds, 3),
    }
    failures = [
        {"pair": outcome.task.key, "photograph": outcome.task.photograph.name, "reason": text}
        for outcome in failed
        for text in [outcome.reason]
    ]
    return {
        "out": str(job.out),
        "settings": dataclasses.asdict(job.settings),
        "failed": failures,
        "totals": totals,
        "exit_code": code,
    }


def _summary(totals: dict[str, Any], photographs: int) -> str:
    parts = [f"{totals['made']} made"]
    if totals["done_before"]:
        parts.append(f"{totals['done_before']} done before")
    if totals["failed"]:
        of = f" of {photographs} photograph{'s' * (photographs != 1)}"
        parts.append(f"{totals['failed']} failed{of}")
    left = totals["pairs"] - totals["made"] - totals["done_before"] - totals["failed"]
    if left:
        parts.append(f"{left} not finished")
    return f"{totals['pairs']} pairs: {', '.join(parts)}."
