"""Systems side by side: folders of anybody's finished images, and models."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.cli.common import PREPARING, load_tensorflow, tell_on_terminal, terminal_columns
from tfdeblur.cli.evaluate.settings import EvaluateSettings
from tfdeblur.cli.measuring.data import split_taken
from tfdeblur.cli.measuring.progress import ReportProgress
from tfdeblur.cli.restoring import refused
from tfdeblur.errors import EXIT_DONE, InvalidInput, NotConverged
from tfdeblur.restorers.open import kind_of, open_restorer
from tfdeblur.restorers.options import OptionRefused
from tfdeblur.restorers.precision import precision_of_all

if TYPE_CHECKING:
    from tfdeblur.evaluation.outputs.comparison import Comparison

_MOST_NAMED = 20  # failures that are named on the terminal; --json has all


def run(settings: EvaluateSettings) -> int:
    """Scores all systems and writes what was asked for; returns the exit code."""
    _check(settings)
    named = _named(settings)
    for kind, where in named.values():
        if kind == "model":
            kind_of(where)
    tell_on_terminal(f"loading {', '.join(settings.models) or 'what measures images'} ...")
    load_tensorflow(settings.verbose)
    progress = Progress()
    try:
        progress.comparison = _compare(settings, named, progress)
    except KeyboardInterrupt:
        if progress.comparison is not None and progress.comparison.images:
            _finish(progress, settings)
        raise
    return _finish(progress, settings)


def _check(settings: EvaluateSettings) -> None:
    """Raises InvalidInput for options that mean nothing here."""
    if settings.protocol == "flow":
        raise InvalidInput(
            "`--protocol flow` measures one --model by itself. Leave out --outputs, other models, "
            "--csv, --markdown, --latex and --html."
        )
    for name, value in {**settings.blur.given(), "panels": settings.panels}.items():
        if value is not None:
            flag = "--" + name.replace("_", "-")
            raise InvalidInput(
                f"`{flag}` does not go with systems side by side. Leave it out"
                + ("; --html makes a page of pictures." if name == "panels" else ".")
            )


def _named(settings: EvaluateSettings) -> dict[str, tuple[str, str]]:
    """Name of a system -> what it is ("outputs" or "model") and where."""
    named: dict[str, tuple[str, str]] = {}
    for kind, given in (("outputs", settings.outputs), ("model", settings.models)):
        for text in given:
            name, where = _split(text)
            if name in named or name == "blurred":
                raise InvalidInput(
                    f"`--{kind}` must give every system a name of its own, other than 'blurred', "
                    f"which is the input. Received: {name!r}"
                    f"{' again' if name in named else ''}. Name it: --{kind} NAME={where}"
                )
            named[name] = kind, where
    return named


def _split(text: str) -> tuple[str, str]:
    """`NAME=DIR`, or a folder or model that is called by its own last part."""
    name, equals, where = text.partition("=")
    if equals and name and where and not Path(text).expanduser().exists():
        return name, where
    return Path(text).expanduser().absolute().name, text


def _compare(
    settings: EvaluateSettings, named: dict[str, tuple[str, str]], progress: "Progress"
) -> "Comparison":
    from tfdeblur.evaluation.outputs.protocols import PROTOCOLS, choose, with_white
    from tfdeblur.evaluation.outputs.run import compare_systems
    from tfdeblur.evaluation.outputs.systems import Folder, Model
    from tfdeblur.evaluation.page.pictures import PagePictures

    data, protocol = settings.data, PROTOCOLS[settings.protocol or "gopro"]
    all_cases = protocol.find(data.data, data.split_asked, data.pairs)
    chosen = choose(all_cases, data.only, data.exclude, data.limit)
    cases = with_white(chosen, data.white_level)
    restorers = {
        name: _restorer(where, settings) for name, (kind, where) in named.items() if kind == "model"
    }
    systems = {
        name: Model(where, restorers[name]) if name in restorers else Folder(where)
        for name, (_, where) in named.items()
    }
    tell_on_terminal(PREPARING)
    recorded = settings.recorded() | {"precision": precision_of_all(restorers)}
    return compare_systems(
        *(protocol, all_cases, cases, systems, progress),
        data=data.data,
        split=split_taken(data.data, data.split_asked),
        settings=recorded if settings.models else {},
        on_image=None if settings.html is None else PagePictures(settings.html, list(named)),
    )


def _restorer(model: str, settings: EvaluateSettings) -> Callable[..., Any]:
    try:
        return open_restorer(model, settings.options.given())
    except OptionRefused as error:
        raise refused(error, model) from None


def _finish(progress: "Progress", settings: EvaluateSettings) -> int:
    """Prints and writes everything, finished or not; returns the exit code."""
    from tfdeblur.evaluation.outputs import tables
    from tfdeblur.evaluation.page.places import folder_of
    from tfdeblur.evaluation.page.write import page_text
    from tfdeblur.image.atomic import write_atomically

    progress.close()
    comparison = progress.comparison
    if comparison is None:
        return EXIT_DONE
    # Files first: whoever reads the table may close it early (head, less).
    if settings.json is not None:
        comparison.write_json(settings.json)
    for path, text in (
        (settings.csv, tables.csv_text),
        (settings.markdown, tables.markdown_text),
        (settings.latex, tables.latex_text),
        (settings.html, lambda found: page_text(found, str(settings.html))),
    ):
        if path is not None:
            write_atomically(path, text(comparison).encode())
    columns = terminal_columns()
    print(tables.terminal_text(comparison, columns))
    print()
    print(tables.summary_text(comparison, columns))
    for path in (settings.json, settings.csv, settings.markdown, settings.latex):
        if path is not None:
            print(f"written: {path}")
    if settings.html is not None:
        print(f"written: {settings.html}, and its pictures beside it: {folder_of(settings.html)}/")
    return _exit_code(comparison)


def _exit_code(comparison: "Comparison") -> int:
    """Says on stderr how many failed, and of what kind."""
    if comparison.failures:
        kinds = [failure.kind for failure in comparison.failures]
        counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        print(f"not scored: {counted}", file=sys.stderr)
        return InvalidInput.exit_code
    if any("degenerate" in r for image in comparison.images for r in image.remarks.values()):
        return NotConverged.exit_code
    return EXIT_DONE


class Progress(ReportProgress):
    """Pairs done and the time left; failures are named as they come, the first twenty."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.comparison: Comparison | None = None

    def __call__(self, report: Any, fraction: float = 0.0) -> None:
        """Shows how far the comparison is."""
        self.comparison = report
        self._name(report.failures)
        self._show(report, fraction)

    def _name(self, failures: list[Any]) -> None:
        for bad in failures[self._told : _MOST_NAMED]:
            whose = f"{bad.system}: " if bad.system else ""
            self._write(f"not scored: {whose}{bad.name}: {bad.reason}\n")
        if self._told <= _MOST_NAMED < len(failures):
            self._write("not scored: more; --json names all\n")
        self._told = len(failures)

    def _line(self, report: Any, fraction: float) -> str:
        return f"{len(report.images)}/{report.count} pairs"
