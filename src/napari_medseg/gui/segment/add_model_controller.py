"""Adding a model from the Segment panel: look, fetch, agree, add."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_medseg.gui.segment.add_model_dialog import AddModelDialog
from napari_medseg.gui.segment.adding_models import ModelAdder, RealAdder, Told
from napari_medseg.gui.workers import LatestJob

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_medseg.core import MedsegError


class AddModelController(QObject):
    """Answers the requests of an `AddModelDialog`.

    Signals
    -------
    added(str) :
        Name of a model that is in the catalogue now.
    """

    added = Signal(str)

    def __init__(self, panel: QWidget, adder: ModelAdder | None = None) -> None:
        super().__init__(panel)
        self._panel = panel
        self._adder = adder or RealAdder()
        self._told: Told | None = None
        self.dialog: AddModelDialog | None = None
        self.job = LatestJob(self)
        self.job.busy_changed.connect(self._show_work)
        self.job.progressed.connect(self._show_progress)
        self.job.failed.connect(self._show_error)
        self.job.cancelled.connect(self._say_stopped)

    def open(self) -> AddModelDialog:
        """Show the dialog, or bring it to the front."""
        if self.dialog is None:
            dialog = AddModelDialog(self._panel)
            dialog.look_requested.connect(self.look)
            dialog.add_requested.connect(self.add)
            dialog.cancel_requested.connect(self.job.cancel)
            dialog.finished.connect(self._closed)
            self.dialog = dialog
        self.dialog.show()
        self.dialog.raise_()
        return self.dialog

    def look(self, place: str) -> None:
        """Read what is at a place."""
        self.job.start(lambda on_progress, cancel: self._adder.tell(place, on_progress, cancel), self._show)

    def add(self) -> None:
        """Fetch what is still on the web; add what is here."""
        told, dialog = self._told, self.dialog
        if told is None or dialog is None or self.job.busy:
            return
        if not told.kind:
            self.job.start(lambda on_progress, cancel: self._adder.fetch(told, on_progress, cancel), self._show)
            return
        allowed = dialog.allows_code
        self.job.start(lambda on_progress, cancel: self._adder.add(told, allowed, on_progress, cancel), self._added)

    def _show(self, told: Told) -> None:
        self._told = told
        if self.dialog is not None:
            self.dialog.show_told(told)

    def _added(self, name: str) -> None:
        self.added.emit(name)
        if self.dialog is not None:
            self.dialog.accept()

    def _show_work(self, working: bool) -> None:
        if self.dialog is not None:
            self.dialog.set_working(working)

    def _show_progress(self, done: int, total: int, label: str) -> None:
        if self.dialog is not None:
            self.dialog.progress.show_progress(done, total, label)

    def _show_error(self, error: MedsegError) -> None:
        if self.dialog is not None:
            self.dialog.notice.show_error(error)

    def _say_stopped(self) -> None:
        if self.dialog is not None:
            self.dialog.notice.say("info", "Stopped. Nothing was added.")

    def _closed(self, _: int) -> None:
        self.job.drop()
        self.dialog, self._told = None, None
