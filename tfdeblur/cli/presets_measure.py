"""`tfdeblur presets NAME --measure-bfloat16 PAIRS`: what bfloat16 costs a model, for its card."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfdeblur.cli.common import load_tensorflow
from tfdeblur.cli.measuring.progress import ReportProgress, exit_code, images_done
from tfdeblur.errors import EXIT_DONE, InvalidInput


@dataclass(frozen=True)
class MeasureSettings:
    """What is to be measured.

    Attributes:
        name: preset, or folder of a model.
        measure_bfloat16: folder of pairs, or name of a data set.
        limit: the first so many; None: all.
        write: whether to write the result into the card.
        json: whether to print JSON.
        verbose: whether to log details.
    """

    name: str
    measure_bfloat16: str
    limit: int | None
    write: bool
    json: bool
    verbose: bool


class _Progress(ReportProgress):
    """Pairs done, in which arithmetic."""

    def __call__(self, report: Any, fraction: float = 0.0) -> None:
        if self.report is not None and report is not self.report:
            self._told = 0  # the second report begins
        super().__call__(report, fraction)

    def _line(self, report: Any, fraction: float) -> str:
        return f"{images_done(report)}/{report.count} pairs in {report.settings['precision']}"


def measure(settings: MeasureSettings) -> int:
    """Measures, prints, and writes the card if that is asked for; returns the exit code."""
    from tfdeblur.models.place import find_place

    folder = find_place(settings.name).folder
    if settings.write and folder is None:
        raise InvalidInput(
            "`--write` needs a model that is a folder: its card lies in it. "
            f"Received: {settings.name}"
        )
    load_tensorflow(settings.verbose)
    from tfdeblur.evaluation.bfloat16 import measure_bfloat16
    from tfdeblur.evaluation.card_cost import write_bfloat16_cost
    from tfdeblur.evaluation.gopro import find_evaluation_pairs

    data = settings.measure_bfloat16
    pairs = find_evaluation_pairs(data, "test", settings.limit)
    progress = _Progress()
    found = measure_bfloat16(settings.name, pairs, progress, data=data)
    progress.close()
    print(json.dumps(found.to_dict(), indent=2) if settings.json else found.table())
    codes = [exit_code(report) for report in (found.float32, found.bfloat16)]
    code = max(codes)
    if settings.write and folder is not None:
        if code != EXIT_DONE:
            raise InvalidInput(
                "Nothing is written into the card: not every image was restored and measured."
            )
        # Of its place the name of the folder alone: a card travels.
        how = f"{found.text()} Measured on {Path(data).name}."
        path = write_bfloat16_cost(folder, round(found.mean_db, 5), how)
        if not settings.json:
            print(f"written: {path}")
    return code
