"""Going through the listed images: what is known of each, the next one, and the mark that a person has looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QFileSystemWatcher, QObject
from qtpy.QtWidgets import QMessageBox

from napari_medseg.batch.results import checksum, reviewed
from napari_medseg.gui.studies.status import WAITING, row_status, summary_text
from napari_medseg.gui.workers import LatestJob

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_medseg.batch.record import BatchRecord, CaseResult
    from napari_medseg.core import CancelToken, ProgressCallback, Series
    from napari_medseg.gui.studies.batch_controller import BatchController
    from napari_medseg.gui.studies.controller import StudiesController
    from napari_medseg.gui.studies.segment_link import SegmentLink
    from napari_medseg.gui.studies.view import StudiesView


class WorkListController(QObject):
    """Shows the state of every image, and takes the user through them.

    Parameters
    ----------
    view : StudiesView
        What the user sees.
    studies : StudiesController
        Lists and loads.
    batch : BatchController
        Runs models.
    segment : SegmentLink
        The panel in which labels are corrected and saved.
    """

    def __init__(
        self, view: StudiesView, studies: StudiesController, batch: BatchController, segment: SegmentLink
    ) -> None:
        super().__init__(view)
        self.view = view
        self._studies = studies
        self._batch = batch
        self._segment = segment
        self._at_hand: Series | None = None
        self.job = LatestJob(self)
        self.job.failed.connect(view.notice.show_error)
        self._files = QFileSystemWatcher(self)
        self._files.directoryChanged.connect(self._look_at_file)
        view.batch_requested.connect(self._ask)
        view.listed.connect(self._update_steps)
        view.work.previous_requested.connect(lambda: self.step(-1))
        view.work.next_requested.connect(lambda: self.step(1))
        view.work.reviewed_requested.connect(self.review)
        studies.list_changed.connect(self._show_all)
        studies.loaded.connect(self._loaded)
        batch.began.connect(self._began)
        batch.result_made.connect(self._result_made)
        batch.ended.connect(self._ended)

    def step(self, by: int) -> None:
        """Open the image below (1) or above (-1) the selected one, instead of the one at hand."""
        target = self._neighbour(by)
        if target is not None and self._may_leave(lambda: self.step(by)):
            self.view.select_series(target)
            self._studies.open_instead(target, self._at_hand)

    def review(self) -> None:
        """Save the labels at hand, mark the image as reviewed, and open the next."""
        series = self._at_hand
        if self._reason_against_review() or series is None:
            return
        opened = self._studies.opened(series)
        if opened is not None and opened.labels is not None and opened.found is not None:
            if self._segment.save(opened.labels, opened.found.path, lambda: self._mark(series, go_on=True)):
                return
        self._mark(series, go_on=True)

    def _ask(self) -> None:
        self._batch.ask(self.view.listed_images(), self._studies.paths)

    def _began(self, record: BatchRecord, images: Sequence[Series]) -> None:
        self.view.set_batch_running(True)
        self._studies.add_record(record)
        self._show_all()

    def _result_made(self, record: BatchRecord, result: CaseResult) -> None:
        series = self._studies.results.series_of(record, result.image)
        if series is not None:
            self._show(series)
            self._show_summary()

    def _ended(self) -> None:
        self.view.set_batch_running(False)
        self._show_all()

    def _show_all(self) -> None:
        for series in self.view.model.all_series():
            self._show(series)
        self._show_summary()
        self._update_steps()

    def _show(self, series: Series) -> None:
        entry = self._studies.results.entry(series)
        if entry is None:
            self.view.model.set_status(series, None)
            return
        result = entry[0].get(entry[1])
        waiting = result is None and self._batch.job.busy and entry[0] is self._studies.results.latest
        self.view.model.set_status(series, WAITING if waiting else row_status(result, entry[0].kind))

    def _show_summary(self) -> None:
        results = self._studies.results
        images = [series for series in self.view.model.all_series() if results.entry(series) is not None]
        latest = results.latest
        shown = latest is not None and bool(images)
        kind = latest.kind if latest is not None else "segments"
        self.view.work.show_summary(summary_text(map(results.result, images), kind) if shown else "")

    def _update_steps(self) -> None:
        self.view.work.allow_steps(self._neighbour(-1) is not None, self._neighbour(1) is not None)
        self.view.work.allow_review(self._reason_against_review())

    def _reason_against_review(self) -> str:
        if self._at_hand is None or self._studies.opened(self._at_hand) is None:
            return "Open an image of the list first"
        result = self._studies.results.result(self._at_hand)
        return "" if result is not None and result.has_labels else "No model was run on this image yet"

    def _neighbour(self, by: int) -> Series | None:
        """Return the image so many places from the selected one, or else from the one at hand."""
        images = self.view.listed_images()
        selected = self.view.selected_series()
        at = selected[0] if len(selected) == 1 else self._at_hand
        place = next((n for n, series in enumerate(images) if series is at), None)
        if place is None:
            return images[0] if images else None
        return images[place + by] if 0 <= place + by < len(images) else None

    def _loaded(self, series: Series) -> None:
        self._at_hand = series
        self.view.show_selected()
        opened = self._studies.opened(series)
        for folder in self._files.directories():
            self._files.removePath(folder)
        if opened is not None and opened.labels is not None and opened.found is not None:
            self._segment.adopt(opened.labels, opened.found.path, opened.found.sizes)
            self._files.addPath(str(opened.found.path.parent))
        self._update_steps()

    def _look_at_file(self, _folder: str = "") -> None:
        """Notice that the labels at hand were saved, by whatever program."""
        series = self._at_hand
        entry = self._studies.results.entry(series) if series is not None else None
        result = entry[0].get(entry[1]) if entry is not None else None
        if series is None or entry is None or result is None or not result.labels or self._batch.job.busy:
            return
        now = checksum(entry[0].label_path(result))
        if now is not None and now != result.checksum:
            self._mark(series)

    def _mark(self, series: Series, *, go_on: bool = False) -> None:
        """Count a label file anew and note that a person has looked at it; in the background."""
        entry = self._studies.results.entry(series)
        if entry is None:
            return
        record, image = entry

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> None:
            result = record.get(image)
            if result is not None and result.labels:
                record.put(reviewed(record, result))
                record.save()

        def done(_: None) -> None:
            self._show(series)
            self._show_summary()
            if go_on and series is self._at_hand:
                self.view.select_series(series)
                self.step(1)

        self.job.start(work, done)

    def _may_leave(self, go_on: Callable[[], None]) -> bool:
        """Ask what becomes of labels that are not saved; `go_on` is called once they are."""
        opened = self._studies.opened(self._at_hand) if self._at_hand is not None else None
        labels = opened.labels if opened is not None else None
        if opened is None or labels is None or opened.found is None or not self._segment.is_unsaved(labels):
            return True
        box = QMessageBox(self.view)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle("Labels not saved")
        box.setText("The labels of this image were changed and are not saved.")
        back = box.addButton("Go back", QMessageBox.ButtonRole.RejectRole)
        box.addButton("Discard changes", QMessageBox.ButtonRole.DestructiveRole)
        save = box.addButton("Save", QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(save)
        box.setEscapeButton(back)
        box.exec()
        if box.clickedButton() is save:
            self._segment.save(labels, opened.found.path, go_on)
        return box.clickedButton() not in (save, back)
