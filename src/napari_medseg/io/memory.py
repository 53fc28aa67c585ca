"""Whether a volume fits into memory, asked before it is allocated."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from napari_medseg.core.errors import MedsegError

_CGROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int | None:
    """Return the memory that can still be used, or None where the system does not tell.

    Linux answers from ``/proc/meminfo`` and the control group (containers), other systems through psutil if it is
    installed (napari brings it).
    """
    answers = [n for n in (_from_meminfo(), _from_cgroup()) if n is not None]
    if answers:
        return min(answers)
    try:
        import psutil  # type: ignore[import-untyped]
    except ImportError:
        return None
    return int(psutil.virtual_memory().available)


def require_memory(n_bytes: int, name: str) -> None:
    """Stop before an allocation that cannot succeed.

    Parameters
    ----------
    n_bytes : int
        What is about to be allocated.
    name : str
        The file that asks for it.

    Raises
    ------
    MedsegError
        If less is available.
    """
    available = available_bytes()
    if available is not None and n_bytes > available:
        raise MedsegError(
            f"{name} needs {_gigabytes(n_bytes)} of memory, and {_gigabytes(available)} are free.",
            "Close other programs, crop or downsample the scan, or use a machine with more memory.",
        )


def _from_meminfo() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _from_cgroup() -> int | None:
    with suppress(OSError, ValueError):
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
        reclaimable = _file_cache()
        return None if limit == "max" else max(int(limit) - used + reclaimable, 0)
    return None


def _file_cache() -> int:
    """Return the page cache of the control group, which the kernel gives back when asked."""
    for line in (_CGROUP / "memory.stat").read_text().splitlines():
        if line.startswith("inactive_file "):
            return int(line.split()[1])
    return 0


def _gigabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:,.0f} MB"
