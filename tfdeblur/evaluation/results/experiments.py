"""Sections of the page of results that are about experiments."""

from collections.abc import Iterator, Mapping
from typing import Any

from tfdeblur.errors import DataError
from tfdeblur.evaluation.outputs.shown import cell, shown


def experiment_sections(reports: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """One section for each report of an experiment, with the published rows it came with.

    Args:
        reports: name of a file -> its values.

    Raises:
        DataError: if a report lacks what reports hold.
    """
    for name, report in sorted(reports.items(), key=lambda item: (item[1]["experiment"], item[0])):
        try:
            yield "\n".join(_section(name, report))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{name} is a damaged report: {error!r}.") from error


def _section(name: str, report: dict[str, Any]) -> Iterator[str]:
    data, machine = report["data"], report["machine"]
    split = f", split {data['split']}" if data["split"] else ""
    yield f"## Experiment `{report['experiment']}`: {cell(report['title'])}"
    yield ""
    yield f"### {cell(data['name'])}{split}: {len(report['images'])} of {data['count']} images"
    yield ""
    published = [
        (f"*{cell(variant)}: {cell(one['source'])}*", row)
        for one in report["references"]
        for variant, row in one["rows"].items()
    ]
    ours = [(cell(variant), row) for variant, row in report["mean"]["rows"].items()]
    metrics = list(dict.fromkeys(m for _, row in (*ours, *published) for m in row))
    yield f"| variant | {' | '.join(metrics)} |"
    yield "|---" * (len(metrics) + 1) + "|"
    for rows, mark in ((ours, ""), (published, "*")):
        for variant, row in rows:
            cells = [f"{mark}{_shown(row[m], m)}{mark}" if m in row else "" for m in metrics]
            yield f"| {variant} | {' | '.join(cells)} |"
    yield ""
    for metric, says in report["metrics"].items():
        yield f"- `{metric}`: {cell(says)}"
    for key, value in report["summary"].items():
        yield f"- {cell(key)}: {cell(_said(value))}"
    for note in report["notes"]:
        yield f"- {cell(note)}"
    yield (
        f"- {cell(report['model'])}: measured {report['created'][:10]} on "
        f"{machine.get('cpu', '?')}, {machine.get('cores', '?')} cores, TensorFlow "
        f"{machine.get('tensorflow', '?')} ({name})"
    )
    yield ""


def _shown(value: Any, metric: str) -> str:
    return f"{value:.2f}" if metric == "seconds" else shown(float(value), metric)


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
