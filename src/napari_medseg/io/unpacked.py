"""The ZIP files that are open: each unpacked once, its folder removed when the program ends."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.study import AdjustableLoader, Series, SeriesLoader
from napari_medseg.io.archive import FOLDER_PREFIX, Unpacked, new_folder, unpack

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_medseg.core.options import LoadOptions
    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.segmentation import Segmentation
    from napari_medseg.core.source import Source
    from napari_medseg.core.volume import Volume

_open: dict[tuple[Path, int, int], Unpacked] = {}
_lock = threading.Lock()
_ORPHANED_AFTER_S = 24 * 3600


def open_archive(
    path: Path, on_progress: ProgressCallback | None = None, cancel: CancelToken | None = None
) -> Unpacked:
    """Unpack a ZIP, or return what an earlier call unpacked if the file is still the same; raises as `unpack`."""
    status = path.stat()
    key = (path.resolve(), status.st_mtime_ns, status.st_size)
    with _lock:
        if key not in _open or not _open[key].folder.is_dir():
            _remove_orphans()
            folder = new_folder()
            try:
                _open[key] = unpack(path, folder, on_progress, cancel)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        return _open[key]


def archive_of(path: Path) -> Path | None:
    """Return the ZIP that a file was unpacked from; None for any other file."""
    place = path.absolute()
    return next((key[0] for key, found in _open.items() if place.is_relative_to(found.folder)), None)


def in_archive(series: Series, archive: Path) -> Series:
    """Return a series whose volumes name the archive as the place they come from: labels are saved beside it."""
    return replace(series, loader=ArchiveLoader(series.loader, archive))


def labels_in_archive(segmentation: Segmentation) -> Segmentation:
    """Return labels with the archive as their place, where they or their scan were unpacked from one."""
    source = segmentation.source
    archive = archive_of(source.path) if source is not None and source.path is not None else None
    return segmentation if archive is None else replace(segmentation, source=_at(source, archive))


@dataclass(frozen=True)
class ArchiveLoader:
    """Reads a series that was unpacked.

    Parameters
    ----------
    loader : SeriesLoader
        Reads the unpacked files.
    archive : pathlib.Path
        The ZIP.
    """

    loader: SeriesLoader
    archive: Path

    def adjusted(self, options: LoadOptions) -> ArchiveLoader:
        """Return the loader that does as asked."""
        loader = self.loader
        return replace(self, loader=loader.adjusted(options)) if isinstance(loader, AdjustableLoader) else self

    def load(self, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Volume:
        """Read the whole series; raises as the loader of its format."""
        volume = self.loader.load(on_progress, cancel)
        return replace(volume, source=_at(volume.source, self.archive))

    def thumbnail(self, size: int) -> npt.NDArray[np.uint8] | None:
        """Return the middle image, or None."""
        return self.loader.thumbnail(size)


def _at(source: Source | None, archive: Path) -> Source | None:
    return None if source is None else replace(source, path=archive)


def _remove_orphans() -> None:
    """Remove the folders of processes that were killed before they could, after a day.

    Where containers share a temporary folder, a process that is not seen may yet live.
    """
    import psutil  # type: ignore[import-untyped]

    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}[0-9]*-*"):
        number = folder.name.removeprefix(FOLDER_PREFIX).partition("-")[0]
        with suppress(OSError):
            is_old = time.time() - folder.stat().st_mtime > _ORPHANED_AFTER_S
            if is_old and number.isdigit() and not psutil.pid_exists(int(number)):
                shutil.rmtree(folder, ignore_errors=True)


@atexit.register
def _remove_all() -> None:
    for found in _open.values():
        shutil.rmtree(found.folder, ignore_errors=True)
    _open.clear()
