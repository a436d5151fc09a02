"""The C library's memory, set up for a process that serves for a long time."""

import ctypes
import os
import sys
from contextlib import suppress
from typing import Final

# Names of glibc's `mallopt`.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
# What is free at the end of the heap goes back to the system beyond so many bytes. A payload of a
# megabyte passes through a dozen buffers of its size, of which a handful lives at a time.
_KEPT_BYTES: Final = 16 * 1024 * 1024
# Larger blocks are mapped one by one; the most that glibc takes.
_MAPPED_BYTES: Final = 32 * 1024 * 1024
# Whoever sets one of these decides on all of it.
_SET_BY_HAND: Final = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory() -> bool:
    """Keep some megabytes that were freed, and not give each large buffer back to the system.

    Memory that comes from the system anew is cleared page by page as it is touched first, which
    costs more than to copy a payload into it. For a program of ours, as `collect_rarely` is.

    Returns:
        Whether it is set: only glibc can, and an environment that sets it itself wins.
    """
    if sys.platform != "linux" or any(name in os.environ for name in _SET_BY_HAND):
        return False
    with suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        return bool(
            mallopt(_MMAP_THRESHOLD, _MAPPED_BYTES) and mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        )
    return False
