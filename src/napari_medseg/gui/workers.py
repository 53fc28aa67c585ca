"""Long work beside the GUI thread: one job at a time, with progress, cancel, and no stale results.

A job runs in a thread; its signals arrive on the thread that made it (the GUI's). `LatestJob` is what a controller
holds: starting the next job cancels the running one, and whatever the old one still reports is dropped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QObject, Signal

from napari_medseg.core import Cancelled, CancelToken, MedsegError, ProgressCallback

T = TypeVar("T")

Work: TypeAlias = Callable[[ProgressCallback, CancelToken], T]
"""What a job runs, in its own thread: ``work(on_progress, cancel)``. It must not touch a widget."""

_SECONDS_BETWEEN_REPORTS = 0.05
"""Reports that come faster are skipped, so that a quick loop cannot flood the event queue."""

_running: set[Job] = set()
"""Keeps a job alive until its thread has ended, so that no signal is ever sent from a deleted object."""


class Job(QObject):
    """One piece of work in a thread of its own. Make it, connect, `start`.

    Signals
    -------
    progressed(done, total, label), returned(result), failed(exception), cancelled() :
        The last three exclude each other. All arrive on the thread that made the job.
    """

    progressed = Signal(int, int, str)
    returned = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    _ended = Signal(object)

    def __init__(self, work: Work[Any]) -> None:
        super().__init__()
        self.token = CancelToken()
        self._work = work
        self._last_report = (0.0, "")
        self._thread = threading.Thread(target=self._run, name="napari-medseg job", daemon=True)
        self._ended.connect(self._deliver)

    def start(self) -> None:
        """Run the work in its thread."""
        _running.add(self)
        self._thread.start()

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self.token.cancel()

    def _run(self) -> None:
        outcome: object
        try:
            outcome = self._work(self._report, self.token)
        except BaseException as error:  # the thread's boundary: every failure goes to the GUI thread
            outcome = _Failure(error)
        try:
            self._ended.emit(outcome)
        except RuntimeError:
            if isalive(self):  # type: ignore[no-untyped-call]
                raise
            # Qt has gone: the program ends, and there is no one left to tell.

    def _report(self, done: int, total: int, label: str) -> None:
        self.token.raise_if_cancelled()
        now = time.monotonic()
        last, last_label = self._last_report
        if done >= total or label != last_label or now - last >= _SECONDS_BETWEEN_REPORTS:
            self._last_report = (now, label)
            self.progressed.emit(done, total, label)

    def _deliver(self, outcome: object) -> None:
        self._thread.join()  # it is past its last statement
        _running.discard(self)
        if isinstance(outcome, _Failure):
            if isinstance(outcome.error, Cancelled):
                self.cancelled.emit()
            else:
                self.failed.emit(outcome.error)
        elif self.token.cancelled:
            self.cancelled.emit()
        else:
            self.returned.emit(outcome)


class _Failure:
    """An exception on its way to the GUI thread."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class LatestJob(QObject):
    """Runs at most one job; a new one replaces the old, whose reports are dropped by its generation number.

    Signals
    -------
    busy_changed(bool), progressed(done, total, label) :
        For a progress row.
    failed(MedsegError) :
        What to tell the user. A bug also goes to napari's notifications, with its traceback.
    cancelled() :
        The user stopped the job.
    """

    busy_changed = Signal(bool)
    progressed = Signal(int, int, str)
    failed = Signal(object)
    cancelled = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = _Desk()
        self.destroyed.connect(self._desk.clear)  # the panel was closed: stop, and stay silent
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._desk.clear)

    @property
    def busy(self) -> bool:
        """Whether a job runs whose result is still wanted."""
        return self._desk.job is not None

    def start(self, work: Work[T], on_result: Callable[[T], None]) -> None:
        """Run `work` in a thread and hand its result to `on_result` on this thread.

        Parameters
        ----------
        work : callable
            Called as ``work(on_progress, cancel)`` in a thread.
        on_result : callable
            Called with the result, unless the job failed, was cancelled, or was replaced.
        """
        desk = self._desk
        desk.clear()
        generation = desk.generation
        job = Job(work)

        def current(action: Callable[..., None]) -> Callable[..., None]:
            def act(*arguments: object) -> None:
                if generation == desk.generation:
                    action(*arguments)

            return act

        def deliver(result: T) -> None:
            self._finish()
            on_result(result)

        job.progressed.connect(current(self.progressed.emit))
        job.returned.connect(current(deliver))
        job.failed.connect(current(self._fail))
        job.cancelled.connect(current(self._stopped))
        desk.job = job
        self.busy_changed.emit(True)
        job.start()

    def cancel(self) -> None:
        """Ask the running job to stop; `cancelled` follows when it has."""
        if self._desk.job is not None:
            self._desk.job.cancel()

    def drop(self) -> None:
        """Stop the running job and forget it: nothing more is heard of it."""
        was_busy = self.busy
        self._desk.clear()
        if was_busy:
            self.busy_changed.emit(False)

    def _finish(self) -> None:
        self._desk.job = None
        self.busy_changed.emit(False)

    def _stopped(self) -> None:
        self._finish()
        self.cancelled.emit()

    def _fail(self, error: BaseException) -> None:
        self._finish()
        self.failed.emit(as_message(error))


class _Desk:
    """The job in hand; outlives the Qt object, so that it can be cleared when that is gone."""

    def __init__(self) -> None:
        self.generation = 0
        self.job: Job | None = None

    def clear(self, _gone: object = None) -> None:
        """Cancel the job in hand; what it still reports is stale."""
        self.generation += 1
        if self.job is not None:
            self.job.cancel()
        self.job = None


def as_message(error: BaseException) -> MedsegError:
    """Turn a failure into what the user reads; a bug is also shown by napari with its traceback."""
    if isinstance(error, MedsegError):
        return error
    if isinstance(error, MemoryError):
        return MedsegError("There is not enough memory for this.", "Close other layers or programs and try again.")
    from napari.utils.notifications import notification_manager

    notification_manager.receive_error(type(error), error, error.__traceback__)
    return MedsegError(
        "Something went wrong that should not have.",
        "Nothing was changed. napari's notification holds the details for a report.",
    )
