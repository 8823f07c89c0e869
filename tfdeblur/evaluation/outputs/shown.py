"""Values, intervals and names as tables show them, in every format."""

import math

from tfdeblur.evaluation.outputs.statistics import FEWEST, Mean

NONE = "–"  # in the place of a number
TOO_FEW = f"too few images for an interval: fewer than {FEWEST}"


def digits(metric: str) -> int:
    """Decimals that are shown of a metric: 2 of decibels and pixels, 4 of likeness."""
    return 2 if any(kind in metric for kind in ("psnr", "gain", "flow", "error", "epe")) else 4


def shown(value: float, metric: str) -> str:
    """A value for people; a dash where there is none, as of images too small for a metric."""
    if math.isnan(value):
        return NONE
    return f"{value:.{digits(metric)}f}" if math.isfinite(value) else str(value)


def signed(value: float, metric: str) -> str:
    """A difference for people."""
    text = shown(value, metric)
    return text if text.startswith(("-", NONE)) else f"+{text}"


def interval(mean: Mean, metric: str) -> str:
    """The interval over sequences where there is one, else over images; a dash where none is."""
    if math.isnan(mean.value) or not mean.has_interval:
        return NONE
    low, high = mean.low_by_sequence, mean.high_by_sequence
    if low is None or high is None:
        low, high = mean.low, mean.high
    return f"{shown(low, metric)} to {shown(high, metric)}"


def with_interval(text: str, mean: Mean, metric: str) -> str:
    """A mean as it is shown, and its interval in brackets where there is one."""
    return f"{text} ({interval(mean, metric)})" if mean.has_interval else text


def chance(p: float) -> str:
    """The p of a test: those too small to mean more than "hardly by chance" as a bound."""
    return f"p = {p:.2g}" if p >= 1e-12 else "p < 1e-12"


def counted(count: int, what: str) -> str:
    """A number of things: "1 image", "3 images"."""
    return f"{count} {what}" + ("" if count == 1 else "s")


def one_line(text: str) -> str:
    """A text without line breaks."""
    return " ".join(text.split())


def cell(text: str) -> str:
    """A text as a cell of a Markdown table."""
    return one_line(text).replace("|", r"\|")
