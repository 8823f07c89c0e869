"""The page of results, as Markdown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from tfdeblur.evaluation.results.published import Column, Fit, Published, columns_of
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
NOT_COMPARED = "means over those images, not over the ones above: do not compare the two tables"
SHOWN = (Fit.BESIDE, Fit.APART)


def results_text(reports: Mapping[str, dict[str, Any]], *, published: bool = True) -> str:
    """The page.

    Args:
        reports: name of a file -> its values, as `read_report` returns them.
        published: whether what papers report stands there, too.

    Raises:
        DataError: if a report lacks what reports hold.
    """
    evaluations = {name: one for name, one in reports.items() if "experiment" not in one}
    experiments = {name: one for name, one in reports.items() if "experiment" in one}
    if not published:
        experiments = {name: {**one, "references": []} for name, one in experiments.items()}
    all_tables = tables_of(evaluations)
    ways = SHOWN if published else ()
    others: list[Any] = [_columns(table, how) for table in all_tables for how in ways]
    others += [one.get("references", []) for one in experiments.values()]
    parts = [_HEAD.format(legend=_LEGEND if any(others) else "")]
    for protocol, found in groupby(all_tables, lambda table: table.protocol):
        tables = list(found)
        parts += [f"## Protocol `{protocol}`", "", *_metrics(tables), ""]
        for table in tables:
            beside, apart = (_columns(table, how) if published else [] for how in SHOWN)
            notes = _remarks(beside, apart) if published else ()
            parts += ["\n".join([*_section(table, beside, notes), *_apart(apart)])]
    return "\n".join([*parts, *experiment_sections(experiments)])


def _metrics(tables: Sequence[Table]) -> Iterator[str]:
    """What the numbers are: by the last table that has them, should reports differ in words."""
    for name, says in {k: v for table in tables for k, v in table.metrics.items()}.items():
        yield f"- `{name}`: {cell(says)}"
    yield "- `seconds`: wall time for an image, ours without the first call of each size"


def _columns(table: Table, how: Fit) -> list[Column]:
    """The published columns that belong to a table in this way."""
    return columns_of(table.protocol, table.data, table.images, how)


def _section(table: Table, beside: Sequence[Column], remarks: Iterable[str]) -> Iterator[str]:
    split = f", split {table.split}" if table.split else ""
    done = len(table.images)
    of = "" if table.count in (None, done) else f"{done} of "
    yield f"### {cell(table.data)}{split}: {of}{counted(table.count if of else done, 'image')}"
    yield ""
    metrics = list(table.metrics)
    gains = [f"gain, {metrics[0]}"] if table.blurred else []
    heads = ["system", "images", *gains, *metrics, "seconds"]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for system in table.systems:
        yield f"| {' | '.join(_row(table, system, metrics))} |"
    for column in beside:
        for cells in _published(table, column, metrics):
            yield f"| {' | '.join(cells)} |"
    yield ""
    for note in [*table.notes, *_few(table), *_infinite(table), *remarks]:
        yield f"- {cell(note)}"
    yield ""


def _apart(columns: Sequence[Column]) -> Iterator[str]:
    """Tables of what was published, for whoever measured something else."""
    for column in columns:
        yield f"#### Published, measured on other images: {cell(column.data)}"
        yield ""
        metrics = list(dict.fromkeys(name for row in column.rows for name in row.values))
        heads = ["method", "images", *metrics, "seconds"]
        yield f"| {' | '.join(heads)} |"
        yield "|---" * len(heads) + "|"
        for row in column.rows:
            cells = [f"*{cell(f'{row.method}: {row.source}')}*", _count(column)]
            cells += [*_numbers(row.values, metrics), _seconds(row)]
            yield f"| {' | '.join(cells)} |"
        yield ""
        yield f"- {NOT_COMPARED}"
        yield from [f"- {cell(column.remark)}"] if column.remark else []
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
        cells = [f"*{cell(said)}*", _count(column), *([""] if table.blurred else [])]
        yield [*cells, *_numbers(values, metrics), _seconds(row)]


def _count(column: Column) -> str:
    return f"{column.images:,}" if column.images else ""


def _numbers(values: Mapping[str, str], metrics: Sequence[str]) -> list[str]:
    return [f"*{values[m]}*" if m in values else "" for m in metrics]


def _seconds(row: Published) -> str:
    return f"*{row.seconds}*" if row.seconds else ""


def _few(table: Table) -> Iterator[str]:
    if any(0 < len(system.scores) < FEWEST for system in table.systems):
        yield TOO_FEW


def _infinite(table: Table) -> Iterator[str]:
    for system in table.systems:
        if count := _mean(system, next(iter(table.metrics))).infinite:
            exact = counted(count, "image")
            yield f"{system.name}: {exact} equal to the sharp one, left out of the mean PSNR"


def _remarks(beside: Sequence[Column], apart: Sequence[Column]) -> Iterator[str]:
    if not beside and not apart:
        yield NONE_PUBLISHED
    for column in beside:
        yield f"published: {column.data}" + (f". {column.remark}" if column.remark else "")
