"""Memory of the machine, and what is left of it for requests."""

import os
from pathlib import Path

from tfdeblur.errors import InvalidInput

SHARE_COUNTED = 0.75  # of what is left beside the models
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


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
    """What requests may be counted to take once the models are loaded, bytes.

    A part of what is left is not given away. TensorFlow's allocator for oneDNN gives nothing back,
    and what it kept of small images does not always serve for large ones: runs of many sizes and
    their answers took up to 1.21 of their count.

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
    return int((ceiling - own) * SHARE_COUNTED)
