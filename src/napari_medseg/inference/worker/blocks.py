"""Arrays that two processes see at once.

A block is a memory-mapped file, in ``/dev/shm`` where there is one (so it is plain shared memory) and in the folder for
temporary files elsewhere. Its name is removed as soon as both processes hold the mapping, so nothing is left behind
even when one of them is killed. (`multiprocessing.shared_memory` is not used: before Python 3.13 the process that
merely attaches also registers the block for removal, and a full ``/dev/shm`` kills the writer with SIGBUS.)
"""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHARED_FOLDER = Path("/dev/shm")  # Linux's file system in memory
_PREFIX = "napari-medseg-"


@dataclass(frozen=True)
class BlockSpec:
    """What another process needs to see the same array.

    Parameters
    ----------
    path : str
        The mapped file.
    shape : tuple of int
        Shape of the array.
    dtype : str
        Numpy's name of its type.
    axes : tuple of int
        The array's axes from the slowest to the fastest in memory.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    axes: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Size of the voxels in bytes."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


class SharedBlock:
    """One array in shared memory.

    `close` (or leaving the ``with``) ends this process's part in it, but for arrays that somebody still looks at.
    """

    def __init__(self, spec: BlockSpec) -> None:
        self.spec = spec
        with Path(spec.path).open("r+b") as file:
            mapped = mmap.mmap(file.fileno(), spec.nbytes)
        self._mapping = weakref.ref(mapped)
        in_memory = np.frombuffer(mapped, dtype=np.dtype(spec.dtype)).reshape([spec.shape[n] for n in spec.axes])
        self._array: npt.NDArray[Any] | None = in_memory.transpose(np.argsort(spec.axes))

    @classmethod
    def create(cls, shape: tuple[int, ...], dtype: npt.DTypeLike, axes: tuple[int, ...]) -> SharedBlock:
        """Reserve a block; its voxels are 0.

        Raises
        ------
        MedsegError
            If neither the shared memory nor the folder for temporary files has room.
        """
        spec = BlockSpec("", tuple(shape), np.dtype(dtype).str, axes)
        for folder in _folders():
            try:
                path = _reserve_file(folder, spec.nbytes)
            except OSError:
                continue
            return cls(BlockSpec(path, spec.shape, spec.dtype, spec.axes))
        raise MedsegError(
            f"There is no room for the {spec.nbytes / 1e6:.0f} MB that the segmentation process shares with this one.",
            "Free memory or disk space and try again.",
        )

    @classmethod
    def copy_of(cls, array: npt.NDArray[Any]) -> SharedBlock:
        """Make a block with the array's voxels in native byte order, its axes in the same order in memory."""
        block = cls.create(array.shape, array.dtype.newbyteorder("="), memory_axes(array))
        np.copyto(block.array, array)
        return block

    @property
    def array(self) -> npt.NDArray[Any]:
        """The shared voxels."""
        if self._array is None:
            raise ValueError("This block was closed.")
        return self._array

    def unlink(self) -> bool:
        """Remove the name, so that only those who hold the block already see it; tell whether it is gone."""
        try:
            Path(self.spec.path).unlink(missing_ok=True)
        except PermissionError:
            return False  # Windows keeps the name while a process maps the file; the owner's close tries again
        return True

    def close(self, *, unlink: bool = True) -> None:
        """Let go of the block, and remove its name unless told otherwise."""
        self._array = None  # the mapping ends with the last array upon it
        if unlink and not self.unlink():
            mapping = self._mapping()
            if mapping is not None:  # a view of the array is still on screen
                weakref.finalize(mapping, self.unlink)

    def __enter__(self) -> SharedBlock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def memory_axes(array: npt.NDArray[Any]) -> tuple[int, ...]:
    """Return the array's axes from the slowest to the fastest in memory."""
    return tuple(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])))


def _folders() -> Iterator[Path]:
    if _SHARED_FOLDER.is_dir():
        yield _SHARED_FOLDER
    yield Path(tempfile.gettempdir())


def _reserve_file(folder: Path, n_bytes: int) -> str:
    """Create a file of this size whose every byte has room (a sparse one would fail later, with SIGBUS)."""
    if shutil.disk_usage(folder).free < n_bytes:
        raise OSError(f"no room for {n_bytes} bytes")
    handle, path = tempfile.mkstemp(prefix=_PREFIX, dir=folder)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, n_bytes)
        else:
            os.truncate(handle, n_bytes)
    except OSError:
        os.close(handle)
        Path(path).unlink()
        raise
    os.close(handle)
    return path
