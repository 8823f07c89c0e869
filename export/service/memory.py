"""Memory of messages, kept between calls."""

import ctypes
import logging

logger = logging.getLogger("tfdeblur.serve")

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_LARGEST_KEPT = 32 * 2**20  # bytes of one allocation; more is not accepted
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
