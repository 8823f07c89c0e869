"""A comparison as text: for people, CSV, Markdown and a LaTeX table."""

import csv
import io
import math

from tfdeblur.evaluation.narrow import in_blocks
from tfdeblur.evaluation.outputs.comparison import BLURRED, Comparison
from tfdeblur.evaluation.outputs.shown import (
    NONE,
    TOO_FEW,
    cell,
    chance,
    interval,
    one_line,
    shown,
    signed,
    with_interval,
)
from tfdeblur.evaluation.outputs.statistics import Mean
from tfdeblur.text import hanging, wrapped

_EXPLAINED = (
    "Means over images, with {level:.0%} bootstrap intervals over images ({resamples} resamples). "
    "Frames of one video are not independent: where there are several sequences, read the "
    "interval over sequences."
)


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
        f"## {cell(comparison.data)}, protocol {comparison.protocol.name}",
        "",
        f"| system | images | {' | '.join(metrics)} |",
        f"|---|---|{'---|' * len(metrics)}",
    ]
    for system, found in means.items():
        cells = [with_interval(shown(found[m].value, m), found[m], m) for m in metrics]
        lines.append(f"| {cell(system)} | {_images_of(found[metrics[0]])} | {' | '.join(cells)} |")
    uneven = uneven_text(comparison)
    lines += ["", cell(uneven)] if uneven else []
    lines += ["", *_pairs_of(comparison), ""]
    lines += [f"- {TOO_FEW}"] if lacks_intervals(comparison) else []
    lines += [f"- `{name}`: {says}" for name, says in comparison.protocol.metrics.items()]
    if comparison.failures:
        lines += ["", "Not scored:", ""]
        lines += [
            f"- {cell(bad.system or 'pair')}, {cell(bad.name)}: {cell(bad.reason)}"
            for bad in comparison.failures
        ]
    return "\n".join([*lines, ""])


def _pairs_of(comparison: Comparison) -> list[str]:
    lines = [
        "| systems | value | mean difference | interval | won, lost, tied | sign test |",
        "|---|---|---|---|---|---|",
    ]
    for pair in comparison.pairs():
        found, metric = pair.difference, pair.metric
        lines.append(
            f"| {cell(pair.second)} over {cell(pair.first)} | {metric} | "
            f"{signed(found.value, metric)} | {interval(found, metric)} | "
            f"{pair.won}, {pair.lost}, {pair.tied} | {chance(pair.p)} |"
        )
    return lines


def latex_text(comparison: Comparison) -> str:
    """A table of the means, complete, that needs no package: the best values are bold.

    The best of the systems that have all images: means over others are not to be compared.
    """
    metrics = list(comparison.protocol.metrics)
    means = comparison.means()
    best = {metric: _best(comparison, means, metric) for metric in metrics}
    uneven = uneven_text(comparison)
    split = f", split {comparison.split}" if comparison.split else ""
    lines = [
        f"% {one_line(comparison.data)}{split}, protocol {comparison.protocol.name}, "
        f"{len(comparison.images)} of {comparison.count} images",
        *([f"% {one_line(uneven)} Bold: of the systems with all images."] if uneven else []),
        rf"\begin{{tabular}}{{lr{'r' * len(metrics)}}}",
        r"\hline",
        rf"system & images & {' & '.join(map(_latex, metrics))} \\",
        r"\hline",
    ]
    for system, found in means.items():
        cells = [str(_images_of(found[metrics[0]]))]
        for metric in metrics:
            text = shown(found[metric].value, metric).replace(NONE, "--")
            is_best = comparison.is_whole(system, metric) and text == best[metric]
            cells.append(rf"\textbf{{{text}}}" if is_best else text)
        lines.append(f"{_latex(system)} & {' & '.join(cells)} \\\\")
    return "\n".join([*lines, r"\hline", r"\end{tabular}", ""])


def _best(comparison: Comparison, means: dict[str, dict[str, Mean]], metric: str) -> str | None:
    """The best mean as it is shown, of systems that have all images; None if these are not two."""
    values = [
        found[metric].value for name, found in means.items() if comparison.is_whole(name, metric)
    ]
    values = [value for value in values if not math.isnan(value)]
    return shown(max(values), metric) if len(values) > 1 else None


def uneven_text(comparison: Comparison) -> str:
    """That means are over different images, and what to read instead; "" where all have all."""
    main = comparison.protocol.main
    partial = [name for name in comparison.systems if not comparison.is_whole(name, main)]
    if not partial:
        return ""
    counts = ", ".join(f"{name} has {len(comparison.values(name, main))}" for name in partial)
    return (
        f"Means are over different images, and not to be compared: {counts} of "
        f"{len(comparison.images)}. Read the differences instead ({partial[0]} over {BLURRED}, "
        "...), which are over the images that both have."
    )


def _images_of(mean: Mean) -> int:
    """How many images a system was scored on."""
    return mean.count + mean.infinite


def terminal_text(comparison: Comparison, columns: int | None = None) -> str:
    """Means and pairs of systems, fixed width, for people.

    Args:
        comparison: what is shown.
        columns: of the terminal: what does not fit comes below; None: it is one table.
    """
    main = comparison.protocol.main
    lines = [*_means_of(comparison, columns), ""]
    if uneven := uneven_text(comparison):
        lines += [wrapped(uneven, columns), ""]
    for pair in comparison.pairs():
        if pair.metric != main:
            continue
        head = f"{pair.second} over {pair.first}: "
        if not pair.won + pair.lost + pair.tied:
            lines.append(f"{head}no image that both have")
            continue
        gain = f"{signed(pair.difference.value, main)} dB"
        text = (
            f"{head}{with_interval(gain, pair.difference, main)}, won {pair.won}, "
            f"lost {pair.lost}, tied {pair.tied}, sign test {chance(pair.p)}"
        )
        lines.append(hanging("", text, columns).replace("\n", "\n  "))
    return "\n".join(lines)


def _means_of(comparison: Comparison, columns: int | None) -> list[str]:
    metrics = list(comparison.protocol.metrics)
    means = comparison.means()
    width = max(len(name) for name in [*means, "system"])
    head = f"{'system':<{width}}  images  " + "  ".join(f"{metric:>13}" for metric in metrics)
    counts = {name: str(_images_of(mean[metrics[0]])) for name, mean in means.items()}
    cells = {name: [shown(mean[m].value, m) for m in metrics] for name, mean in means.items()}
    if columns is not None and len(head) >= columns:
        rows = [[name, counts[name], *cells[name]] for name in means]
        return in_blocks(["system", "images", *metrics], rows, columns)
    lines = [head, "-" * len(head)]
    for name in means:
        numbers = "  ".join(f"{cell:>13}" for cell in cells[name])
        lines.append(f"{name:<{width}}  {counts[name]:>6}  {numbers}")
    return lines


def summary_text(comparison: Comparison, columns: int | None = None) -> str:
    """What a reader must know about the table, wrapped where it is wider than the terminal."""
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
    if lacks_intervals(comparison):
        facts["intervals"] = TOO_FEW
    infinite = sum(
        found[comparison.protocol.main].infinite for found in comparison.means().values()
    )
    if infinite:
        facts["exact"] = f"{infinite} results equal their sharp images; left out of mean PSNR"
    width = max(map(len, facts)) + 2
    return "\n".join(hanging(f"{name:<{width}}", text, columns) for name, text in facts.items())


def lacks_intervals(comparison: Comparison) -> bool:
    """Whether a mean is of too few images to have an interval; one of none has nothing to lack."""
    means = [mean for found in comparison.means().values() for mean in found.values()]
    return any(mean.count and not mean.has_interval for mean in means)


def explanation(level: float, resamples: int) -> str:
    """What the intervals are."""
    return _EXPLAINED.format(level=level, resamples=resamples)


def _latex(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {character: f"\\{character}" for character in "&%$#_{}"}
    return "".join(special.get(character, character) for character in one_line(text))
