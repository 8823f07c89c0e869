"""`RestoreFiles`: an Apache Beam transform that restores any number of photographs."""

import dataclasses
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import FileMetadata
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from tfdeblur.beam.settings import ArchiveSettings
from tfdeblur.beam.storage import exists, fetched, is_same, name_of, place_of, put
from tfdeblur.errors import InvalidInput
from tfdeblur.files.inputs import VIDEO_SUFFIXES, Source, is_taken
from tfdeblur.files.passed_over import reason_to_pass_over
from tfdeblur.files.plan import image_ending, plan_outputs, with_white_levels
from tfdeblur.files.results import FileResult, reason_of
from tfdeblur.files.work import restore_files

DONE, FAILED = "done", "failed"


class FileDone(NamedTuple):
    """What became of one file.

    Attributes:
        source, output: paths, as Beam takes them; `output` is "" where there is none.
        status, reason, width, height, seconds, exit_code: as of `files.results.FileResult`;
            `status` is "done", "skipped", "degenerate", "not converged" or "failed".
    """

    source: str
    output: str
    status: str
    reason: str = ""
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    exit_code: int = 0


class RestoreFiles(beam.PTransform):
    """Restores the photographs of a PCollection of paths.

    Args:
        out: folder for the results, of any file system that Beam writes.
        **settings: further fields of `ArchiveSettings`.

    Input elements are paths (str, `FileMetadata` of `MatchFiles`, or files of `ReadMatches`), or
    pairs of a path and where its result belongs below `out`. Without that, its bare name counts.

    Returns:
        PCollections of `FileDone`: `.done`, results that are there, and `.failed`, files that
        have none, with the reason in words.

    A result is written under another name and renamed: what is there under its own is whole. Those
    that exist are skipped, so a pipeline that was killed goes on where it was, and a bundle that
    Beam runs twice does no harm. A model is opened once a worker process. Of two files that would
    have one result, the first by name is restored and the other fails by name.

    Metrics of the namespace "tfdeblur": counters `done`, `skipped`, `failed`, `pixels`, and the
    distribution `milliseconds` of a file.

    Example:
        with beam.Pipeline(options=options) as pipeline:
            files = pipeline | MatchFiles("gs://archive/**.jpg")
            results = files | RestoreFiles("gs://archive-restored")
            results.failed | beam.Map(print)
    """

    def __init__(self, out: str, **settings: Any):
        super().__init__()
        self._settings = ArchiveSettings(out=out, **settings)

    def expand(self, paths):
        """See apache_beam.PTransform."""
        work = beam.ParDo(_Restore(self._settings)).with_outputs(FAILED, main=DONE)
        # Grouped, so that two inputs with one result meet, and work is shared out anew.
        planned = paths | "Name" >> beam.Map(named)
        return planned | "ByResult" >> beam.GroupByKey() | "Restore" >> work


def named(element: Any) -> tuple[str, tuple[str, str]]:
    """The key of a result, its path without an ending, and `(path, relative)` of its file."""
    if isinstance(element, tuple) and not isinstance(element, FileMetadata) and len(element) == 2:
        path, relative = map(str, element)
    else:
        found = getattr(element, "metadata", element)
        path = str(getattr(found, "path", found))
        relative = name_of(path)
    place = PurePosixPath(relative)
    if place.is_absolute() or ".." in place.parts or not place.name:
        raise InvalidInput(
            "where a result belongs must be a path below `out`. Received: "
            f"{relative!r} for {path!r}"
        )
    return str(place.with_suffix("")), (path, str(place))


class _Restore(beam.DoFn):
    """Restores the files that have one result: one, as a rule."""

    def __init__(self, settings: ArchiveSettings):
        self._settings = settings
        self._shared = Shared()
        self._restorer: Any = None

    def process(self, group: tuple[str, Iterable[tuple[str, str]]]) -> Iterator[Any]:
        """See apache_beam.DoFn."""
        taken: dict[str, str] = {}
        for path, relative in sorted(set(group[1])):
            start = time.perf_counter()
            found = self._restored(path, relative, taken)
            found = found._replace(seconds=time.perf_counter() - start)
            _count(found)
            yield beam.pvalue.TaggedOutput(FAILED, found) if found.status == "failed" else found

    def _restored(self, path: str, relative: str, taken: dict[str, str]) -> FileDone:
        place = PurePosixPath(relative)
        if not is_taken(place.name):
            return _failed(path, reason_to_pass_over(place.name))
        targets = [place_of(self._settings.out, name) for name in self._names(place)]
        if any(is_same(path, target) for target in targets):
            return _failed(path, "its result would replace it: choose another `out`, or a `suffix`")
        there = [target for target in targets if target not in taken and exists(target)]
        if there and not self._settings.overwrite:
            taken[there[0]] = path
            return FileDone(path, there[0], "skipped", "already done")
        try:
            with tempfile.TemporaryDirectory(prefix="tfdeblur-") as folder:
                return self._restored_in(Path(folder), path, place, taken)
        except OSError as error:
            reason, code = reason_of(error)
            return _failed(path, reason, code)

    def _names(self, place: PurePosixPath) -> list[str]:
        """Names that the result may have: of pictures that may be animated, their bytes decide."""
        ending = place.suffix
        endings = {image_ending(ending, self._settings.file_format)}
        if ending.lower() in VIDEO_SUFFIXES:
            endings = {ending}
        elif ending.lower() in (".png", ".webp"):
            endings.add(ending)
        stem = place.stem + self._settings.suffix
        return [str(place.with_name(stem + one)) for one in sorted(endings)]

    def _restored_in(
        self, folder: Path, path: str, place: PurePosixPath, taken: dict[str, str]
    ) -> FileDone:
        settings, results = self._settings, folder / "results"
        with fetched(path, folder) as file:
            (job,) = plan_outputs(
                [Source(file, Path(place))],
                results,
                suffix=settings.suffix,
                file_format=settings.file_format,
                strip=settings.strip,
            )
            (job,) = with_white_levels([job], settings.white_level)
            target = place_of(settings.out, job.output.relative_to(results).as_posix())
            if target in taken:
                return _failed(path, f"its result would be that of {taken[target]}")
            taken[target] = path
            restorer = self._open()
            (result,) = restore_files(restorer, [job])
            lost = restorer.take_lost() if self._settings.target is not None else None
            if lost is not None:
                raise lost  # no fault of this file: Beam tries again
            if result.status == "failed":
                return _told(path, "", result)
            put(job.output, target, settings.out)
            return _told(path, target, result)

    def _open(self) -> Any:
        """The restorer, one for all threads of this process."""
        if self._restorer is None:
            self._restorer = self._shared.acquire(self._settings.open)
        return self._restorer

    def __getstate__(self):
        return {**self.__dict__, "_restorer": None}


def _failed(path: str, reason: str, code: int = InvalidInput.exit_code) -> FileDone:
    return FileDone(path, "", "failed", reason, exit_code=code)


def _told(path: str, output: str, result: FileResult) -> FileDone:
    names = {field.name for field in dataclasses.fields(result)} & set(FileDone._fields)
    values = {name: getattr(result, name) for name in names}
    return FileDone(**{**values, "source": path, "output": output})


def _count(found: FileDone) -> None:
    status = found.status if found.status in ("skipped", "failed") else "done"
    Metrics.counter("tfdeblur", status).inc()
    if status == "done":
        Metrics.counter("tfdeblur", "pixels").inc(found.width * found.height)
        Metrics.distribution("tfdeblur", "milliseconds").update(round(1000 * found.seconds))
