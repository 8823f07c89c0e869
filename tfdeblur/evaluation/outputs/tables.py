"""A comparison as text: for people, CSV, Markdown and rows of a LaTeX table."""

import csv
import io
import math

from tfdeblur.evaluation.outputs.comparison import BLURRED, Comparison
from tfdeblur.evaluation.outputs.statistics import Mean, Paired

_EXPLAINED = (
    "Means over images, with {level:.0%} bootstrap intervals over images ({resamples} resamples). "
    "Frames of one video are not independent: where there are several sequences, read the "
    "interval over sequences."
)


def digits(metric: str) -> int:
    """Decimals that are shown of a metric: 2 of decibels, 4 of likeness."""
    return 2 if "psnr" in metric else 4


def shown(value: float, metric: str) -> str:
    """A value for people."""
    return f"{value:.{digits(metric)}f}" if math.isfinite(value) else str(value)


def interval(mean: Mean, metric: str) -> str:
    """The interval over sequences where there is one, else over images."""
    low, high = mean.low_by_sequence, mean.high_by_sequence
    if low is None or high is None:
        low, high = mean.low, mean.high
    return f"{shown(low, metric)} to {shown(high, metric)}"


def csv_text(comparison: Comparison) -> str:
    """One row per image and system: name, sequence, size, system, values, gain, confidence."""
    metrics = list(comparison.protocol.metrics)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heads = ["image", "sequence", "height", "width", "system", *metrics, "gain_db"]
    writer.writerow([*heads, "confidence", "remark"])
    for image in comparison.images:
        for system, values in image.values.items():
            row = [image.name, image.sequence, image.height, image.width, system]
            numbers = [repr(float(values[metric])) for metric in metrics]
            more = [image.confidence.get(system, ""), image.remarks.get(system, "")]
            writer.writerow([*row, *numbers, repr(comparison.gain_db(image, system)), *more])
    return out.getvalue()


def markdown_text(comparison: Comparison) -> str:
    """The means, the pairs of systems and what failed, as Markdown."""
    metrics = list(comparison.protocol.metrics)
    means = comparison.means()
    lines = [
        f"## {_cell(comparison.data)}, protocol {comparison.protocol.name}",
        "",
        f"| system | images | {' | '.join(metrics)} |",
        f"|---|---|{'---|' * len(metrics)}",
    ]
    for system, found in means.items():
        cells = [f"{shown(found[m].value, m)} ({interval(found[m], m)})" for m in metrics]
        counted = found[metrics[0]].count + found[metrics[0]].infinite
        lines.append(f"| {_cell(system)} | {counted} | {' | '.join(cells)} |")
    lines += ["", *_pairs_of(comparison), ""]
    lines += [f"- `{name}`: {says}" for name, says in comparison.protocol.metrics.items()]
    if comparison.failures:
        lines += ["", "Not scored:", ""]
        lines += [
            f"- {_cell(bad.system or 'pair')}, {_cell(bad.name)}: {_cell(bad.reason)}"
            for bad in comparison.failures
        ]
    return "\n".join([*lines, ""])


def _pairs_of(comparison: Comparison) -> list[str]:
    lines = [
        "| systems | value | mean difference | interval | won, lost, tied | sign test |",
        "|---|---|---|---|---|---|",
    ]
    for pair in comparison.pairs():
        lines.append(
            f"| {_cell(pair.second)} over {_cell(pair.first)} | {pair.metric} | "
            f"{_signed(pair)} | {interval(pair.difference, pair.metric)} | "
            f"{pair.won}, {pair.lost}, {pair.tied} | p = {pair.p:.2g} |"
        )
    return lines


def latex_text(comparison: Comparison) -> str:
    """One row per system with the best values bold, and a comment with the facts."""
    metrics = list(comparison.protocol.metrics)
    means = comparison.means()
    best = {
        metric: max(
            (round(found[metric].value, digits(metric)) for found in means.values()), default=0.0
        )
        for metric in metrics
    }
    split = f", split {comparison.split}" if comparison.split else ""
    lines = [
        f"% {_one_line(comparison.data)}{split}, protocol {comparison.protocol.name}, "
        f"{len(comparison.images)} of {comparison.count} images",
        f"% system & {' & '.join(metrics)}".replace("_", r"\_"),
    ]
    for system, found in means.items():
        cells = []
        for metric in metrics:
            text = shown(found[metric].value, metric)
            is_best = round(found[metric].value, digits(metric)) == best[metric]
            cells.append(rf"\textbf{{{text}}}" if is_best and len(means) > 1 else text)
        lines.append(f"{_latex(system)} & {' & '.join(cells)} \\\\")
    return "\n".join([*lines, ""])


def terminal_text(comparison: Comparison) -> str:
    """Means and pairs of systems, fixed width, for people."""
    metrics = list(comparison.protocol.metrics)
    means = comparison.means()
    width = max(len(name) for name in [*means, "system"])
    head = f"{'system':<{width}}  images  " + "  ".join(f"{metric:>13}" for metric in metrics)
    lines = [head, "-" * len(head)]
    for system, found in means.items():
        first = found[metrics[0]]
        cells = "  ".join(f"{shown(found[metric].value, metric):>13}" for metric in metrics)
        lines.append(f"{system:<{width}}  {first.count + first.infinite:>6}  {cells}")
    main = comparison.protocol.main
    lines.append("")
    for pair in comparison.pairs():
        if pair.metric == main and pair.won + pair.lost + pair.tied:
            lines.append(
                f"{pair.second} over {pair.first}: {_signed(pair)} dB "
                f"({interval(pair.difference, main)}), won {pair.won}, lost {pair.lost}, "
                f"tied {pair.tied}, sign test p = {pair.p:.2g}"
            )
    return "\n".join(lines)


def summary_text(comparison: Comparison) -> str:
    """What a reader must know about the table."""
    facts = {
        "data": f"{comparison.data}{f', split {comparison.split}' if comparison.split else ''}: "
        f"{len(comparison.images)} of {comparison.count} images",
        "protocol": comparison.protocol.name,
        **comparison.protocol.metrics,
        BLURRED: "the input itself",
        **comparison.systems,
    }
    lossy = {
        system: sum(system in image.remarks for image in comparison.images)
        for system in comparison.systems
    }
    for system, count in lossy.items():
        if count:
            facts[f"{system}:"] = f"{count} images with a remark; --json and --csv have them"
    infinite = sum(
        found[comparison.protocol.main].infinite for found in comparison.means().values()
    )
    if infinite:
        facts["exact"] = f"{infinite} results equal their sharp images; left out of mean PSNR"
    width = max(map(len, facts)) + 2
    return "\n".join(f"{name:<{width}}{text}" for name, text in facts.items())


def explanation(level: float, resamples: int) -> str:
    """What the intervals are."""
    return _EXPLAINED.format(level=level, resamples=resamples)


def _signed(pair: Paired) -> str:
    text = shown(pair.difference.value, pair.metric)
    return text if text.startswith("-") else f"+{text}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _one_line(text).replace("|", r"\|")


def _latex(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {character: f"\\{character}" for character in "&%$#_{}"}
    return "".join(special.get(character, character) for character in _one_line(text))
