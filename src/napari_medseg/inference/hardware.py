"""What may compute beside the processor, asked without any network library: it takes milliseconds, torch seconds."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys

_NVIDIA = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}
_AMD = "/dev/kfd"


@functools.cache
def may_have_accelerator() -> bool:
    """Tell whether there is an accelerator's driver: only then is it worth to ask torch what it can use."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    return _nvidia_cards() > 0 or os.path.exists(_AMD)


def _nvidia_cards() -> int:
    """Ask NVIDIA's driver how many cards it sees."""
    try:
        driver = ctypes.CDLL(_NVIDIA[sys.platform])
        n = ctypes.c_int(0)
        return n.value if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(n)) == 0 else 0
    except (KeyError, OSError, AttributeError):
        return 0
