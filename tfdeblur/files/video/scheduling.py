"""How threads are scheduled, kept while an encoder is opened (standard library only)."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def scheduling_kept() -> Iterator[None]:
    """Puts back at its end how this process's threads are scheduled; new ones become as this one.

    SVT-AV1, where it runs as root, as in most containers, makes the thread that opens it and all
    that it starts real-time ones of the highest priority, for good; and what these start later
    inherits it. Everything else on the machine then waits for this process. Linux alone; elsewhere
    nothing is changed. See findings/pyav_svt_av1_realtime_as_root.sh.
    """
    before = _scheduled()
    try:
        yield
    finally:
        own = before.get(threading.get_native_id())
        for task, found in _scheduled().items():
            wanted = before.get(task, own)
            if wanted is not None and found != wanted:
                policy, priority = wanted
                with suppress(OSError):  # it has ended
                    os.sched_setscheduler(task, policy, os.sched_param(priority))


def _scheduled() -> dict[int, tuple[int, int]]:
    """Policy and priority of every thread of this process; empty where that cannot be told."""
    found: dict[int, tuple[int, int]] = {}
    if not hasattr(os, "sched_getscheduler"):
        return found
    with suppress(OSError):  # no /proc
        for task in map(int, os.listdir("/proc/self/task")):
            with suppress(OSError):
                priority = os.sched_getparam(task).sched_priority
                found[task] = os.sched_getscheduler(task), priority
    return found
