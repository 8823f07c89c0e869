"""Many independent tasks on all cores, by processes: TensorFlow does not survive a fork."""

import contextlib
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from tfdeblur.errors import InvalidInput, TfdeblurError

T = TypeVar("T")
R = TypeVar("R")


def usable_cores() -> int:
    """Number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_processes(
    function: Callable[[T], R],
    tasks: Sequence[T],
    workers: int,
    setup: Callable[[], None] | None = None,
) -> Iterator[R]:
    """Yields `function(task)` for all tasks, in the order in which they are finished.

    Leaving the loop early, by Ctrl-C too, waits for the tasks that have begun and drops the rest.
    Should this process be killed, its workers end as well.

    Args:
        function: from the top level of a module; what it raises ends the loop.
        tasks: anything that can be pickled.
        workers: int >= 0, processes; each has one TensorFlow thread, and no GPU. 0: none, all
            is done in this process, without `setup`.
        setup: called once in each process before its first task; from the top level of a
            module, or a `functools.partial` of such a function.

    Raises:
        InvalidInput: if `workers` is negative.
        TfdeblurError: if a process dies.
    """
    if workers < 0:
        raise InvalidInput(f"`workers` must be at least 0. Received: workers={workers}")
    if not tasks or workers == 0:
        yield from map(function, tasks)
        return
    pool = ProcessPoolExecutor(
        min(workers, len(tasks)),
        multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(setup,),
    )
    try:
        with _interrupts_ignored():  # processes are started by the first task, and inherit it
            futures = [pool.submit(function, tasks[0])]
        futures += [pool.submit(function, task) for task in tasks[1:]]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise TfdeblurError(
            "A worker process died, most often for want of memory. Finished work is kept; run "
            "the same command again with fewer --workers."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ctrl-C reaches every process of a terminal; only the first one knows what to do with it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _start_worker(setup: Callable[[], None] | None) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if setup is not None:
        setup()
    import cv2
    import tensorflow as tf

    # As many threads as cores in each of as many processes as cores only get in each other's way.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.set_visible_devices([], "GPU")  # each process would claim all of its memory
    cv2.setNumThreads(1)
    # It warns of each new size of image, for which code is compiled anew, as is meant.
    tf.get_logger().setLevel(logging.ERROR)


def _end_with_parent() -> None:
    """Without this, workers of a killed process wait for tasks for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
