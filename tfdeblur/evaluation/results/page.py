"""The page of results, as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from tfdeblur.evaluation.outputs.shown import TOO_FEW, cell, counted, shown, signed, with_interval
from tfdeblur.evaluation.outputs.statistics import (
    FEWEST,
    LEVEL,
    RESAMPLES,
    Mean,
    compare_two,
    sequence_of,
    summarize,
)
from tfdeblur.evaluation.results.experiments import experiment_sections
from tfdeblur.evaluation.results.published import Column, columns_of
from tfdeblur.evaluation.results.tables import BLURRED, System, Table, tables_of

_HEAD = f"""\
# Results

Made by `tfdeblur results FILE.json ... --out FILE.md` from reports of `tfdeblur evaluate --json`
and `tfdeblur experiment`; not written by hand. Compare numbers of the same name only, and on the
same images. In brackets: {LEVEL:.0%} bootstrap intervals ({RESAMPLES} resamples), over whole
sequences where there are several.{{legend}}
"""
_LEGEND = """ *In italics*: what papers report, measured by others, on the
images that are named there."""
NONE_PUBLISHED = "no published column has these images"


def results_text(reports: Mapping[str, dict[str, Any]]) -> str:
    """The page.

    Args:
        reports: name of a file -> its values, as `read_report` returns them.

    Raises:
        DataError: if a report lacks what reports hold.
    """
    evaluations = {name: one for name, one in reports.items() if "experiment" not in one}
    experiments = {name: one for name, one in reports.items() if "experiment" in one}
    all_tables = tables_of(evaluations)
    others: list[Any] = [_columns(table) for table in all_tables]
    others += [one.get("references", []) for one in experiments.values()]
    parts = [_HEAD.format(legend=_LEGEND if any(others) else "")]
    for protocol, found in groupby(all_tables, lambda table: table.protocol):
        tables = list(found)
        parts += [f"## Protocol `{protocol}`", "", *_metrics(tables), ""]
        parts += ["\n".join(_section(table)) for table in tables]
    return "\n".join([*parts, *experiment_sections(experiments)])


def _columns(table: Table) -> list[Column]:
    """The published columns that stand beside a table."""
    return columns_of(table.protocol, table.data, table.images)


def _metrics(tables: Sequence[Table]) -> Iterator[str]:
    """What the numbers are: by the last table that has them, should reports differ in words."""
    for name, says in {k: v for table in tables for k, v in table.metrics.items()}.items():
        yield f"- `{name}`: {cell(says)}"
    yield "- `seconds`: wall time for an image, ours without the first call of each size"


def _section(table: Table) -> Iterator[str]:
    split = f", split {table.split}" if table.split else ""
    done = len(table.images)
    of = "" if table.count in (None, done) else f"{done} of "
    yield f"### {cell(table.data)}{split}: {of}{counted(table.count if of else done, 'image')}"
    yield ""
    metrics, columns = list(table.metrics), _columns(table)
    gains = [f"gain, {metrics[0]}"] if table.blurred else []
    heads = ["system", "images", *gains, *metrics, "seconds"]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for system in table.systems:
        yield f"| {' | '.join(_row(table, system, metrics))} |"
    for column in columns:
        for cells in _published(table, column, metrics):
            yield f"| {' | '.join(cells)} |"
    yield ""
    for note in [*table.notes, *_few(table), *_infinite(table), *_remarks(columns)]:
        yield f"- {cell(note)}"
    yield ""


def _row(table: Table, system: System, metrics: Sequence[str]) -> list[str]:
    cells = [cell(system.name), str(len(system.scores))]
    if table.blurred:
        cells.append("" if system.name == BLURRED else _gain(table, system, metrics[0]))
    for metric in metrics:
        mean = _mean(system, metric)
        empty = not mean.count and not mean.infinite
        cells.append("" if empty else with_interval(shown(mean.value, metric), mean, metric))
    return [*cells, "" if system.seconds is None else f"{system.seconds:.2f}"]


def _gain(table: Table, system: System, metric: str) -> str:
    """Mean difference to the input, its interval, and how many images were won."""
    before, after = (
        {name: scores[metric] for name, scores in found.items() if metric in scores}
        for found in (table.blurred, system.scores)
    )
    sequences = {name: sequence_of(name) for name in table.images}
    pair = compare_two((BLURRED, before), (system.name, after), metric, sequences)
    common = pair.won + pair.lost + pair.tied
    gain = with_interval(signed(pair.difference.value, metric), pair.difference, metric)
    return f"{gain}, {pair.won} of {common} won"


def _mean(system: System, metric: str) -> Mean:
    values = {name: one[metric] for name, one in system.scores.items() if metric in one}
    return summarize(list(values.values()), [sequence_of(name) for name in values])


def _published(table: Table, column: Column, metrics: Sequence[str]) -> Iterator[list[str]]:
    for row in column.rows:
        # A proxy has the columns of what it stands for, under names of its own.
        values = {
            name.replace("kohler_", f"{table.protocol}_"): v for name, v in row.values.items()
        }
        lone = "; ".join(f"{name} {value}" for name, value in values.items() if name not in metrics)
        said = f"{row.method}: {row.source}" + (f" ({lone})" if lone else "")
        cells = [f"*{cell(said)}*", f"{column.images:,}" if column.images else ""]
        cells += [""] if table.blurred else []
        numbers = [f"*{values[m]}*" if m in values else "" for m in metrics]
        yield [*cells, *numbers, f"*{row.seconds}*" if row.seconds else ""]


def _few(table: Table) -> Iterator[str]:
    if any(0 < len(system.scores) < FEWEST for system in table.systems):
        yield TOO_FEW


def _infinite(table: Table) -> Iterator[str]:
    for system in table.systems:
        if count := _mean(system, next(iter(table.metrics))).infinite:
            exact = counted(count, "image")
            yield f"{system.name}: {exact} equal to the sharp one, left out of the mean PSNR"


def _remarks(columns: Sequence[Column]) -> Iterator[str]:
    if not columns:
        yield NONE_PUBLISHED
    for column in columns:
        yield f"published: {column.data}" + (f". {column.remark}" if column.remark else "")
