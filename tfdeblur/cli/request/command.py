"""`tfdeblur request`: restores photographs and videos with a model that a service holds."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from tfdeblur.cli.common import load_tensorflow, tell_on_terminal
from tfdeblur.cli.files.gallery import gallery_writer
from tfdeblur.cli.files.jobs import jobs_left, plan_jobs
from tfdeblur.cli.files.report import as_json, work_and_report
from tfdeblur.cli.request.options import DESCRIPTION, EPILOG, add_arguments
from tfdeblur.cli.request.settings import RequestSettings
from tfdeblur.errors import EXIT_UNEXPECTED, DataError, ServiceUnreachable, TfdeblurError


def add_parser(commands) -> None:
    """Adds the arguments of `tfdeblur request`."""
    parser = commands.add_parser(
        "request",
        help="restore photographs, folders and videos with a model that a service holds",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.set_defaults(run_command=run, parser=parser, goes_on=True)


def run(arguments: argparse.Namespace) -> int:
    """Runs `tfdeblur request`."""
    settings = RequestSettings.read(arguments)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what it would say is in our error
    jobs, passed = plan_jobs(settings.files)
    left = jobs_left(jobs, settings.files.overwrite)
    if left:
        tell_on_terminal(f"connecting to {settings.target} ...")
    load_tensorflow(settings.verbose)
    if not left:
        return _request(None, jobs, passed, settings, 1)
    files = settings.files
    if any(job.is_video for job in left) and (files.flow or files.confidence):
        text = "Videos: no files of --flow and --confidence are written for them."
        print(text, file=sys.stderr)
    with _connect(settings) as client:
        return _request(client, jobs, passed, settings, min(settings.concurrency, len(left)))


def _connect(settings: RequestSettings):
    """A client whose model was seen to be there: else every file would fail for one reason."""
    try:
        from export.client.calls import tls_credentials
        from export.client.client import DeblurClient
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("grpc", "tensorflow_serving"):
            raise
        raise TfdeblurError(
            f"The package {error.name!r} is needed for this: pip install grpcio "
            "tensorflow-serving-api"
        ) from error

    files = (settings.tls_ca, settings.tls_certificate, settings.tls_key)
    tls = settings.tls or any(files)
    client = DeblurClient(
        settings.target,
        settings.model,
        version=settings.model_version,
        label=settings.label,
        payload=None if settings.payload == "auto" else settings.payload,
        timeout=settings.timeout,
        retries=settings.retries,
        credentials=tls_credentials(*files) if tls else None,
        max_pixels=settings.max_pixels,
        concurrency=settings.concurrency,
    )
    try:
        _look(client, settings)
    except BaseException:
        client.close()
        raise
    return client


def _look(client, settings: RequestSettings) -> None:
    if settings.wait is not None:
        client.wait_ready(settings.wait)
    metadata = client.metadata()
    motion = settings.files.flow or settings.files.confidence
    if motion and "serving_flow" not in metadata.signatures:
        raise DataError(
            f"{settings.target}, model {settings.model!r} estimates no motion: --flow and "
            "--confidence need an RP-GAN model. Received: signatures "
            f"{', '.join(metadata.signatures)}"
        )
    where = f"{settings.target}, model {settings.model!r}"
    print(f"{where}, version {metadata.version}", file=sys.stderr)


def _request(
    client,
    jobs: Sequence[Any],
    passed: Sequence[Any],
    settings: RequestSettings,
    concurrency: int,
) -> int:
    from export.client.files import request_files
    from tfdeblur.cli.files.progress import Progress

    def describe(results: Sequence[Any], code: int) -> dict[str, Any]:
        served = {"target": settings.target, "model": settings.model}
        return as_json(served, frozenset(), settings.files.flow, passed, results, code)

    return work_and_report(
        lambda on_event: request_files(
            client, jobs, on_event, overwrite=settings.files.overwrite, concurrency=concurrency
        ),
        Progress(jobs) if concurrency == 1 else _Counted(len(jobs)),
        _exit_code,
        len(jobs),
        describe if settings.files.json else None,
        gallery_writer(
            *(settings.files, jobs, f"{settings.target}, model {settings.model}"), settings.verbose
        ),
        out=settings.files.out,
    )


class _Counted:
    """Progress of files that end in any order: they are counted, and named when they are done."""

    def __init__(self, jobs: int):
        from tfdeblur.counter import Counter

        self._counter = Counter(jobs, "files")

    def __call__(self, event: Any) -> None:
        from tfdeblur.cli.files.progress import describe, is_told

        if event.result is None:
            return
        self._counter.step()
        if is_told(event.result):
            self._counter.say(describe(event.result))

    def close(self) -> None:
        self._counter.__exit__()


def _exit_code(results: Sequence[Any]) -> int:
    """As of `tfdeblur deblur`, and unreachable (6) right after unexpected (1)."""
    from tfdeblur.files.work import exit_code

    codes = {result.exit_code for result in results}
    lost = ServiceUnreachable.exit_code
    return lost if lost in codes and EXIT_UNEXPECTED not in codes else exit_code(results)
