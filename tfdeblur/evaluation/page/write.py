"""Writes the page of a comparison."""

import math
from html import escape
from pathlib import Path
from typing import Any

from tfdeblur.evaluation.outputs.comparison import BLURRED, Comparison, ImageResult
from tfdeblur.evaluation.outputs.shown import TOO_FEW, chance, digits, interval, shown, signed
from tfdeblur.evaluation.outputs.statistics import FEWEST, LEVEL, RESAMPLES, Mean
from tfdeblur.evaluation.outputs.tables import explanation, lacks_intervals, uneven_text
from tfdeblur.evaluation.page.places import folder_of, place_side
from tfdeblur.evaluation.page.template import filled, listed, whole_page


def page_text(comparison: Comparison, page: str | Path) -> str:
    """The page, complete but for the pictures, which `PagePictures` wrote beside it.

    Args:
        comparison: what is shown.
        page: path that the page will have.
    """
    return whole_page(
        title=f"{comparison.data}: {comparison.protocol.name}",
        summary=_summary(comparison),
        above=filled(
            "page.comparison.html",
            MEANS=_means(comparison),
            PAIRS=_pairs(comparison),
            METRICS=_metrics(comparison),
            FAILURES=_failures(comparison),
        ),
        places="Where the errors are largest",
        data=_data(comparison, folder_of(Path(page))),
        scripts=("page.plot.js", "page.js"),
    )


def _data(comparison: Comparison, folder: str) -> dict[str, Any]:
    metrics = list(comparison.protocol.metrics)
    return {
        "folder": folder,
        "truth": True,
        "metrics": [{"name": name, "digits": digits(name)} for name in metrics],
        "systems": comparison.all_systems,
        "confidence": any(image.confidence for image in comparison.images),
        "rows": [_row(comparison, image, metrics) for image in comparison.images],
    }


def _row(comparison: Comparison, image: ImageResult, metrics: list[str]) -> dict[str, Any]:
    systems = comparison.all_systems
    return {
        "n": image.name,
        "w": image.width,
        "h": image.height,
        "side": place_side(image.height, image.width),
        "v": [
            [_number(image.values[system][metric]) for metric in metrics]
            if system in image.values
            else None
            for system in systems
        ],
        "c": [_number(image.confidence.get(system, math.nan)) for system in systems],
        "p": [image.places.get(system, []) for system in systems],
        "m": [image.motion.get(system) for system in systems],
        "k": [k for k in range(1, len(systems)) if f"c{k - 1}" in image.pictures],
        "f": image.pictures.get("sharp", "").removesuffix("-sharp.jpg"),
        "r": {k: v for k, v in image.remarks.items()},
    }


def _number(value: float) -> float | str | None:
    """Six digits, as the table shows four; "inf" by its name, None for no value."""
    if math.isnan(value):
        return None
    return round(value, 6) if math.isfinite(value) else str(value)


def _summary(comparison: Comparison) -> str:
    split = f", split {comparison.split}" if comparison.split else ""
    return (
        f"{comparison.data}{split}: {len(comparison.images)} of {comparison.count} images, "
        f"protocol {comparison.protocol.name}"
    )


def _means(comparison: Comparison) -> str:
    metrics = list(comparison.protocol.metrics)
    rows = []
    for system, found in comparison.means().items():
        first = found[metrics[0]]
        cells = "".join(
            f"<td>{shown(found[m].value, m)}{_small_interval(found[m], m)}</td>" for m in metrics
        )
        source = comparison.systems.get(system, "the input itself")
        rows.append(
            f'<tr><th scope="row">{escape(system)}<small>{escape(source)}</small></th>'
            f"<td>{first.count + first.infinite}</td>{cells}</tr>"
        )
    note = explanation(LEVEL, RESAMPLES)
    if lacks_intervals(comparison):
        few = len(comparison.images) < FEWEST
        note = f"{TOO_FEW.capitalize()}." if few else f"{note} A mean without one: {TOO_FEW}."
    note = f"{uneven_text(comparison)} {note}".strip()
    return _table(["system", "images", *metrics], rows) + f'<p class="note">{escape(note)}</p>'


def _small_interval(mean: Mean, metric: str) -> str:
    return f"<small>{interval(mean, metric)}</small>" if mean.has_interval else ""


def _pairs(comparison: Comparison) -> str:
    rows = []
    for pair in comparison.pairs():
        if not pair.won + pair.lost + pair.tied:
            continue
        cells = (
            pair.metric,
            signed(pair.difference.value, pair.metric),
            interval(pair.difference, pair.metric),
            *(str(pair.won), str(pair.lost), str(pair.tied)),
            chance(pair.p),
        )
        name = f"{pair.second} over {pair.first}"
        rows.append(
            f'<tr><th scope="row">{escape(name)}</th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            + "</tr>"
        )
    heads = [
        "systems",
        "value",
        "mean difference",
        "interval",
        "won",
        "lost",
        "tied",
        "sign test",
    ]
    return _table(heads, rows)


def _table(heads: list[str], rows: list[str]) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _metrics(comparison: Comparison) -> str:
    items = comparison.protocol.metrics.items()
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(says)}</dd>" for name, says in items)


def _failures(comparison: Comparison) -> str:
    lines = [(one.system or BLURRED, f"{one.name}: {one.reason}") for one in comparison.failures]
    return listed("Not scored", lines)
