"""Progress of `tfdeblur experiment` on stderr: images, the part of the one in work, time left."""

from typing import Any

from tfdeblur.cli.measuring.progress import ReportProgress, images_done


class Progress(ReportProgress):
    """Images of one data set have about one size, so each counts the same."""

    def _line(self, report: Any, fraction: float) -> str:
        line = f"{images_done(report)}/{report.count} images"
        return line + (f", {fraction:.0%} of the next" if 0 < fraction < 1 else "")
