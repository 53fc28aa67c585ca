"""Freed memory goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

from napari_medseg.core import freed_memory

SCRIPT = """
import threading, numpy as np, psutil
from napari_medseg.core.freed_memory import return_freed_memory
if {called}:
    assert return_freed_memory()
held = []
def work():
    for n in range(60):
        block = np.ones(30 << 20, np.uint8)
        del block
        parts = [np.ones(4 << 20, np.uint8) for _ in range(60)]
        held.append(np.ones(4 << 10, np.uint8))
        del parts
thread = threading.Thread(target=work)
before = psutil.Process().memory_info().rss
thread.start(); thread.join()
print((psutil.Process().memory_info().rss - before) / 1e6)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone keeps what was freed")
def test_large_arrays_that_are_freed_are_not_kept() -> None:
    def kept(called: bool) -> float:
        told = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(called=called)], check=True, capture_output=True, text=True
        )
        return float(told.stdout)

    if not freed_memory.return_freed_memory():
        pytest.skip("the C library is not glibc, or the user has set it")
    assert kept(True) < 20 < kept(False)


def test_who_has_set_the_c_library_is_not_overruled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "65536")
    assert not freed_memory.return_freed_memory.__wrapped__()
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_")
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0:glibc.malloc.mmap_threshold=65536")
    assert not freed_memory.return_freed_memory.__wrapped__()
    monkeypatch.delenv("GLIBC_TUNABLES")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not freed_memory.return_freed_memory.__wrapped__()
