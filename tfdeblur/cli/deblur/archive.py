"""`tfdeblur deblur --beam`: the files are restored by a pipeline of Apache Beam."""

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfdeblur.cli.common import load_tensorflow
from tfdeblur.cli.deblur.archive_options import PipelineSettings
from tfdeblur.cli.deblur.settings import DeblurSettings
from tfdeblur.errors import DataError, TfdeblurError
from tfdeblur.restorers.open import kind_of

_SHOWN = 20  # failed files that are named


def restore_archive(settings: DeblurSettings, pipeline: PipelineSettings) -> int:
    """Runs the pipeline and tells what became of the files.

    Returns:
        The exit code of the command, the gravest of all files.

    Raises:
        TfdeblurError: if Apache Beam is not installed, or the pipeline fails.
    """
    kind_of(settings.model)
    load_tensorflow(settings.verbose)
    try:
        from tfdeblur.beam import storage
    except ModuleNotFoundError as error:
        raise TfdeblurError(str(error)) from error
    elements, named = _elements(settings)
    folder = storage.place_of(settings.files.out, storage.BEGUN)
    try:
        log = storage.place_of(folder, "failed")
        counts = _run(settings, pipeline, elements, log) if elements else {}
        named += [json.loads(line) for line in storage.lines(folder, "failed*")]
    finally:
        storage.remove(folder)
    return _told(counts, named)


def _elements(settings: DeblurSettings) -> tuple[list[Any], list[dict[str, Any]]]:
    """Paths and patterns of the pipeline, and inputs that are none."""
    from tfdeblur.beam import storage
    from tfdeblur.files.inputs import find_inputs
    from tfdeblur.files.passed_over import PassedOver, tell
    from tfdeblur.files.results import reason_of

    files = settings.files
    passed: list[PassedOver] = []
    local = [one for one in files.inputs if storage.is_local(one)]
    leave_out = files.out if storage.is_local(files.out) else None
    sources = find_inputs(local, recursive=files.recursive, leave_out=leave_out, passed_over=passed)
    if passed:
        print(tell(passed), file=sys.stderr)
    failed = []
    for source in sources:
        if source.error is not None:
            reason, code = reason_of(source.error)
            failed.append(_named(source.path, reason, code))
    there = [one for one in sources if one.error is None]
    elements: list[Any] = [(str(one.path), one.relative.as_posix()) for one in there]
    for pattern in (one for one in files.inputs if not storage.is_local(one)):
        elements += storage.matched(pattern)
    return elements, failed


def _run(
    settings: DeblurSettings, wanted: PipelineSettings, elements: Sequence[Any], log: str
) -> dict[str, int]:
    """Runs the pipeline; its counters by name."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from tfdeblur.beam import RestoreFiles

    if not settings.verbose:  # its workers tell of every step that they begin and end
        logging.getLogger("apache_beam").setLevel(logging.WARNING)
    files = settings.files
    options = PipelineOptions(
        [f"--runner={wanted.runner}", *(f"--{one}" for one in wanted.options)]
    )
    transform = RestoreFiles(
        files.out,
        model=settings.model,
        options=settings.options,
        suffix=files.suffix,
        file_format=files.format,
        strip=files.strip,
        white_level=files.white_level,
        overwrite=files.overwrite,
    )
    try:
        pipeline = beam.Pipeline(options=options)
        results = pipeline | "Files" >> beam.Create(elements) | transform
        unsound = results.done | "Unsound" >> beam.Filter(lambda one: one.exit_code)
        told = (results.failed, unsound) | "Told" >> beam.Flatten()
        texts = told | "Text" >> beam.Map(lambda one: json.dumps(one._asdict()))
        _ = texts | beam.io.WriteToText(log, num_shards=1)
        done = pipeline.run()
        done.wait_until_finish()
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise DataError(
            f"The pipeline failed: {reason[-1] if reason else type(error).__name__}. Results "
            "written before are kept; run the same command again to go on."
        ) from error
    found = done.metrics().query()["counters"]
    ours = [one for one in found if one.key.metric.namespace == "tfdeblur"]
    return {one.key.metric.name: int(one.result or 0) for one in ours}


def _named(path: Path, reason: str, code: int) -> dict[str, Any]:
    return {"source": str(path), "status": "failed", "reason": reason, "exit_code": code}


def _told(counts: dict[str, int], named: Sequence[dict[str, Any]]) -> int:
    from tfdeblur.files.results import gravest

    for one in named[:_SHOWN]:
        print(f"{one['status']}: {one['source']}: {one['reason']}", file=sys.stderr)
    if len(named) > _SHOWN:
        print(f"... and {len(named) - _SHOWN} more", file=sys.stderr)
    done, skipped = counts.get("done", 0), counts.get("skipped", 0)
    failed = sum(one["status"] == "failed" for one in named)
    megapixels = counts.get("pixels", 0) / 1e6
    print(
        f"{done} restored ({megapixels:.1f} MP), {skipped} done before, {failed} failed.",
        file=sys.stderr,
    )
    return gravest({int(one["exit_code"]) for one in named})
