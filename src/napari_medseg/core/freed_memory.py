"""Memory that the C library keeps after it was freed."""

from __future__ import annotations

import ctypes
import functools
import os
import sys

_MMAP_THRESHOLD = -3
"""``M_MMAP_THRESHOLD`` of glibc's malloc.h."""

_LARGE_BYTES = 1 << 20
_VARIABLE, _TUNABLE = "MALLOC_MMAP_THRESHOLD_", "glibc.malloc.mmap_threshold"


@functools.cache
def return_freed_memory() -> bool:
    """Let arrays of a mebibyte and more go back to the system when they are freed, from now on; return whether they do.

    glibc would keep any of up to 32 MiB, once it has seen one: hundreds of megabytes in a session with large masks.
    Where the C library is another one, or the user has set the environment variable for it, nothing is done.
    """
    is_set = _VARIABLE in os.environ or _TUNABLE in os.environ.get("GLIBC_TUNABLES", "")
    if not sys.platform.startswith("linux") or is_set:
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE_BYTES))
    except (OSError, AttributeError):  # another C library
        return False
