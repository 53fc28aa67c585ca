"""Thumbnails, made one after another in the background, the last asked for first."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_medseg.core import MedsegError
from napari_medseg.gui.workers import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from napari_medseg.core import CancelToken, ProgressCallback, Series

THUMBNAIL_PIXELS = 96
"""Longer side of a thumbnail; drawn at half that size, so that it stays sharp on dense screens."""


class ThumbnailMaker(QObject):
    """Makes thumbnails of series that were asked for.

    Parameters
    ----------
    parent : QObject, optional
        Whose child it is.
    make : callable, optional
        Called as ``make(series, cancel)`` in a thread; by default the series is asked.

    Signals
    -------
    made(series, image) :
        `image` is an ndarray of uint8, shape (rows, columns), or None if there is none to be had.
    """

    made = Signal(object, object)

    def __init__(
        self,
        parent: QObject | None = None,
        make: Callable[[Any, CancelToken], npt.NDArray[np.uint8] | None] | None = None,
    ) -> None:
        super().__init__(parent)
        self._make = make or _of_series
        self._wanted: list[Any] = []
        self._lock = threading.Lock()
        self._job: Job | None = None

    def request(self, series: Any) -> None:
        """Ask for the thumbnail of a series; `made` follows."""
        with self._lock:
            self._wanted.append(series)
        if self._job is None:
            self._job = Job(self._make_all)
            for over in (self._job.returned, self._job.cancelled, self._job.failed):
                over.connect(self._job_over)
            self._job.start()

    def stop(self) -> None:
        """Forget what was asked for."""
        with self._lock:
            self._wanted.clear()
        if self._job is not None:
            self._job.cancel()

    def _next(self) -> Any:
        with self._lock:
            return self._wanted.pop() if self._wanted else None

    def _make_all(self, on_progress: ProgressCallback, cancel: CancelToken) -> None:
        while (series := self._next()) is not None:
            cancel.raise_if_cancelled()
            try:
                image = self._make(series, cancel)
            except (MedsegError, OSError, ValueError, MemoryError):
                image = None  # a picture less; loading the series will tell why
            cancel.raise_if_cancelled()
            self.made.emit(series, image)

    def _job_over(self) -> None:
        self._job = None
        with self._lock:
            waiting = self._wanted.pop() if self._wanted else None
        if waiting is not None:  # asked for while the job was ending
            self.request(waiting)


def _of_series(series: Series, cancel: CancelToken) -> npt.NDArray[np.uint8] | None:
    return series.thumbnail(THUMBNAIL_PIXELS)
