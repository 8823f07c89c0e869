"""Values, intervals and names as tables show them, in every format."""

import math

from tfdeblur.evaluation.outputs.statistics import Mean


def digits(metric: str) -> int:
    """Decimals that are shown of a metric: 2 of decibels and pixels, 4 of likeness."""
    return 2 if any(kind in metric for kind in ("psnr", "gain", "flow", "error", "epe")) else 4


def shown(value: float, metric: str) -> str:
    """A value for people."""
    return f"{value:.{digits(metric)}f}" if math.isfinite(value) else str(value)


def signed(value: float, metric: str) -> str:
    """A difference for people."""
    text = shown(value, metric)
    return text if text.startswith("-") else f"+{text}"


def interval(mean: Mean, metric: str) -> str:
    """The interval over sequences where there is one, else over images."""
    low, high = mean.low_by_sequence, mean.high_by_sequence
    if low is None or high is None:
        low, high = mean.low, mean.high
    return f"{shown(low, metric)} to {shown(high, metric)}"


def one_line(text: str) -> str:
    """A text without line breaks."""
    return " ".join(text.split())


def cell(text: str) -> str:
    """A text as a cell of a Markdown table."""
    return one_line(text).replace("|", r"\|")
