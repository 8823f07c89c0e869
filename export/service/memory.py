"""Memory: of messages, kept between calls; of the machine; and what is left for requests."""

import ctypes
import logging
import os
from pathlib import Path

from tfdeblur.errors import InvalidInput

logger = logging.getLogger("tfdeblur.serve")

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_LARGEST_KEPT = 32 * 2**20  # bytes of one allocation; more is not accepted
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_KEPT = 256 * 2**20  # bytes free at the end of a heap


def keep_freed_memory() -> bool:
    """Lets this process keep what calls free, for the next calls.

    By default glibc hands blocks of some megabytes back to the kernel when they are freed, and
    has to have them again, page by page, a moment later: for a photograph of 1280x720 that was a
    third of the cost of a call. It changes how the whole process allocates, so it is for commands
    that serve, not for a library.

    Returns:
        Whether the C library took it; without glibc nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
        settings = ((_M_MMAP_THRESHOLD, _LARGEST_KEPT), (_M_TRIM_THRESHOLD, _KEPT))
        taken = all(mallopt(name, value) == 1 for name, value in settings)
    except (OSError, AttributeError, TypeError):
        taken = False
    logger.debug("freed memory is %s", "kept" if taken else "given back")
    return taken


def of_the_machine() -> int:
    """Bytes that processes may take here: of the machine, or of the container's limit."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in _LIMITS:
        try:
            found.append(int(limit.read_text()))
        except (OSError, ValueError):  # no such control group, or "max"
            continue
    return min(found)


def of_this_process() -> int:
    """Bytes that this process has in memory now; 0 where that cannot be told."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def for_requests(megabytes: int) -> int:
    """What is left for requests once the models are loaded, bytes.

    Args:
        megabytes: int, of the whole process; 0: four fifths of the machine's memory.

    Raises:
        InvalidInput: if the process has that much already.
    """
    ceiling = megabytes * 10**6 or of_the_machine() * 4 // 5
    own = of_this_process()
    if ceiling <= own:
        raise InvalidInput(
            f"`memory` must leave something for requests: the process has {own / 1e6:.0f} MB with "
            f"its models loaded. Received: memory={megabytes or round(ceiling / 1e6)} MB"
        )
    return ceiling - own
