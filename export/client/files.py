"""Files through a client: the loop of `tfdeblur deblur`, several files at a time.

A bad file is reported and the rest is done. What would fail every other file as well (the service
is gone, the model is not there) ends the loop.
"""

import threading
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Any

from export.client.client import DeblurClient, RemoteRestored
from export.client.errors import CallFailed, ModelNotFound, ModelUnusable, Unreachable
from tfdeblur.files.work import Event, FileResult, Job, restore_files

OnEvent = Callable[[Event], None]

_LASTING = (Unreachable, ModelNotFound, ModelUnusable)


def request_files(
    client: DeblurClient | None,
    jobs: Sequence[Job],
    on_event: OnEvent = lambda event: None,
    *,
    overwrite: bool = False,
    concurrency: int = 1,
) -> list[FileResult]:
    """Has the files of `jobs` restored by a service.

    Args:
        client: of the service; None where all jobs are done or in error already.
        jobs: from `plan_outputs`; flow and confidence are asked for where a job wants them.
        on_event: as for `restore_files`. With `concurrency` above 1 it is told only the ends of
            jobs, in the order in which they end.
        overwrite: whether jobs that are done already are done again.
        concurrency: int >= 1, files under way at a time.

    Returns:
        One result a job, in order.

    Raises:
        CallFailed: if the service is gone or cannot serve any image. Files finished before are
            kept; `on_event` was told of them.
        TfdeblurError: if the disk is full or read-only; likewise.
        KeyboardInterrupt: passed on, when calls under way are cancelled; `client` is then closed.
    """
    loop = _Loop(client, overwrite)
    if concurrency == 1 or len(jobs) == 1:
        results = []
        for index, job in enumerate(jobs):
            results.append(loop.run(index, job, on_event))
            loop.check()
        return results
    return _several(loop, jobs, on_event, concurrency)


class _Loop:
    """Runs jobs, until one meets an error that is not its own."""

    def __init__(self, client: DeblurClient | None, overwrite: bool):
        self.client, self.overwrite = client, overwrite
        self.stopped = threading.Event()
        self._lost: CallFailed | None = None

    def run(self, index: int, job: Job, on_event: OnEvent) -> FileResult:
        """Does one job. One that met what ends the loop is not told of: it is not its fault."""
        last: RemoteRestored | None = None
        lost: CallFailed | None = None
        motion = not job.is_video and (job.flow_file is not None or job.confidence is not None)

        def restorer(image, *, progress: Callable[[int, int], None] | None = None) -> Any:
            nonlocal last, lost
            if self.client is None:
                raise RuntimeError("a job was left, but there is no client")
            try:
                last = self.client.deblur(image, motion=motion, progress=progress)
            except _LASTING as error:
                self._lost = lost = error
                self.stopped.set()
                raise
            return last

        def tell(event: Event) -> None:
            if event.result is None:
                on_event(replace(event, index=index))

        (result,) = restore_files(restorer, [job], tell, overwrite=self.overwrite)
        if last is not None and last.score is not None:
            result = replace(result, confidence=last.score)
        if lost is None:
            pixels = result.width * result.height * result.frames
            on_event(Event(index, job, pixels, 1.0, result=result))
        return result

    def check(self) -> None:
        """Raises what ended the loop, if anything did."""
        if self._lost is not None:
            raise self._lost


def _several(
    loop: _Loop, jobs: Sequence[Job], on_event: OnEvent, concurrency: int
) -> list[FileResult]:
    results: dict[int, FileResult] = {}

    def work(index: int, job: Job) -> Event | None:
        if loop.stopped.is_set():
            return None
        ends: list[Event] = []
        loop.run(index, job, lambda event: ends.append(event) if event.result else None)
        return ends[0] if ends else None

    # Filters of warnings belong to the process: the loop's threads change them in turn.
    with warnings.catch_warnings(), ThreadPoolExecutor(concurrency, "deblur-file") as pool:
        calls = [pool.submit(work, index, job) for index, job in enumerate(jobs)]
        try:
            for call in as_completed(calls):
                event = call.result()
                if event is not None and event.result is not None:
                    results[event.index] = event.result
                    on_event(event)
        except BaseException:
            # Leaving the pool waits for its threads; nothing may keep them.
            loop.stopped.set()
            if loop.client is not None:
                loop.client.close()
            raise
    loop.check()
    return [results[index] for index in range(len(jobs))]
