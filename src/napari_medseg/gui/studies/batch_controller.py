"""Running a model on all listed images, in the worker process, while the viewer goes on."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QUrl, Signal

from napari_medseg.batch.cases import common_root, find_cases, outline
from napari_medseg.batch.record import has_record, read_record
from napari_medseg.core import MedsegError
from napari_medseg.gui.parts.notice import link
from napari_medseg.gui.segment.cards import expected_seconds, misfit, model_choices, running_alone
from napari_medseg.gui.studies.batch_dialog import BatchDialog, BatchRequest
from napari_medseg.gui.studies.places import default_place, remember_place
from napari_medseg.gui.wording import duration_text, images_text
from napari_medseg.gui.workers import LatestJob

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_medseg.batch.record import BatchRecord
    from napari_medseg.core import CancelToken, ProgressCallback, Segmentation, Series, Volume
    from napari_medseg.gui.segment.runner import Segmenter
    from napari_medseg.gui.studies.view import StudiesView
    from napari_medseg.models import ModelCard


class BatchController(QObject):
    """Asks what to run, runs it, and tells of every image.

    Parameters
    ----------
    view : StudiesView
        Shows progress and messages.
    worker : Segmenter
        Runs the models.
    catalogue : callable
        Lists the models.

    Signals
    -------
    began(BatchRecord, list of Series) :
        A run has begun, on these images.
    result_made(BatchRecord, CaseResult) :
        An image is done.
    ended() :
        Nothing runs any more.
    """

    began = Signal(object, object)
    result_made = Signal(object, object)
    ended = Signal()

    def __init__(self, view: StudiesView, *, worker: Segmenter, catalogue: Callable[[], Sequence[ModelCard]]) -> None:
        super().__init__(view)
        self.view = view
        self._worker = worker
        self._catalogue = catalogue
        self._images: list[Series] = []
        self._root: Path | None = None
        self._folder_by_hand = False
        self._cards: dict[str, ModelCard] = {}
        self.dialog: BatchDialog | None = None
        self.catalogue_job = LatestJob(self)
        self.job = LatestJob(self)
        self.catalogue_job.failed.connect(view.notice.show_error)
        view.batch_progress.cancel_requested.connect(self.job.cancel)
        self.job.progressed.connect(self._progressed)
        self.job.failed.connect(self._failed)
        self.job.cancelled.connect(self._stopped)

    def ask(self, images: Sequence[Series], opened: Sequence[Path]) -> None:
        """Ask which model to run on these images of the opened files and folders."""
        if self.job.busy or not images:
            return
        self._images, self._root = list(images), common_root(opened)
        self._folder_by_hand = False
        self.dialog = dialog = BatchDialog(len(self._images), self.view)
        dialog.destroyed.connect(self._forget_dialog)
        dialog.model_chosen.connect(self._model_chosen)
        dialog.folder_chosen.connect(self._folder_chosen)
        dialog.options_changed.connect(self._describe)
        dialog.run_requested.connect(self.run)
        dialog.show_formats(False)
        dialog.show_state("Looking for models …", False)
        dialog.show()
        self.catalogue_job.start(lambda on_progress, cancel: list(self._catalogue()), self._models_listed)

    def run(self, request: BatchRequest) -> None:
        """Run a model on the images that were asked about."""
        card, images, root, worker = self._cards[request.model], self._images, self._root, self._worker
        if self.job.busy or root is None:
            return
        self.view.notice.clear()
        self.view.batch_progress.begin(f"Starting {card.title} …")

        def segment(volume: Volume, on_progress: ProgressCallback, cancel: CancelToken | None) -> Segmentation:
            return worker.segment(card.name, volume, on_progress=on_progress, cancel=cancel)

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> tuple[BatchRecord, list[Path]]:
            from napari_medseg.batch.results import write_all_findings
            from napari_medseg.batch.run import open_record, run_batch

            record = open_record(request.folder, root, card, overwrite=request.overwrite)
            record.save()
            remember_place(root, request.folder)
            self.began.emit(record, images)
            run_batch(
                find_cases(images, root),
                record,
                card,
                segment,
                overwrite=request.overwrite,
                suffix=request.suffix,
                on_result=lambda result: self.result_made.emit(record, result),
                on_progress=on_progress,
                cancel=cancel,
            )
            written = [write_all_findings(record, style, on_progress, cancel) for style in request.styles]
            return record, written

        self.job.start(work, lambda outcome: self._done(*outcome))

    def _models_listed(self, cards: list[ModelCard]) -> None:
        alone = running_alone(cards)
        self._cards = {card.name: card for card in alone}
        if self.dialog is not None:
            self.dialog.set_models(model_choices(alone, outline(self._images[0])))
            self._model_chosen(self.dialog.model_box.key)

    def _model_chosen(self, key: str) -> None:
        if self.dialog is not None and key in self._cards and self._root is not None:
            if not self._folder_by_hand:
                self.dialog.set_folder(default_place(self._root, key))
            self.dialog.show_formats(self._cards[key].task == "instances")
        self._describe()

    def _folder_chosen(self, folder: Path) -> None:
        if self.dialog is not None:
            self._folder_by_hand = True
            self.dialog.set_folder(folder)
            self._describe()

    def _describe(self) -> None:
        """Say how many images a run would take, how long, and what is kept."""
        if self.dialog is None:
            return
        card = self._cards.get(self.dialog.model_box.key)
        if card is None:
            self.dialog.show_state("No model is installed.", False)
            return
        fitting = [series for series in self._images if not misfit(card, outline(series))]
        if not fitting:
            self.dialog.show_state(misfit(card, outline(self._images[0])), False)
            return
        try:
            left, n_done = self._left_to_do(card, fitting)
        except MedsegError as error:
            self.dialog.show_state(str(error), False)
            return
        self.dialog.show_state(_about(card, left, n_done, len(self._images) - len(fitting)), bool(left))

    def _left_to_do(self, card: ModelCard, fitting: list[Series]) -> tuple[list[Series], int]:
        """Return the images that a run would take, and how many it would pass over."""
        from napari_medseg.batch.run import check_record, still_to_do

        dialog, root = self.dialog, self._root
        if dialog is None or root is None or not has_record(dialog.folder):
            return fitting, 0
        again = dialog.again_check.isChecked()
        record = read_record(dialog.folder)
        check_record(record, root, card, overwrite=again)
        left = [case.series for case in still_to_do(find_cases(fitting, root), record, overwrite=again)]
        return left, len(fitting) - len(left)

    def _progressed(self, done: int, total: int, label: str) -> None:
        n_images = total // 100 if label.startswith("Segmenting") else 0
        if n_images > 1:
            label = f"Image {min(done // 100 + 1, n_images)} of {n_images}"
        self.view.batch_progress.show_progress(done, total, label)

    def _done(self, record: BatchRecord, written: list[Path]) -> None:
        self.view.batch_progress.end()
        failed = sum(result.status == "failed" for result in record)
        folder = QUrl.fromLocalFile(str(record.folder)).toString()
        what = "1 image failed: point at it" if failed == 1 else f"{failed} images failed: point at one"
        about = f"; {what} to see why." if failed else "."
        files = "".join(f" <b>{escape(path.name)}</b>" for path in written)
        text = f"Done{about}{' Wrote' + files + '.' if files else ''} {link(folder, 'Show folder')}"
        self.view.notice.say("warning" if failed else "done", text)
        self.ended.emit()

    def _failed(self, error: MedsegError) -> None:
        self.view.batch_progress.end()
        self.view.notice.show_error(error)
        self.ended.emit()

    def _stopped(self) -> None:
        self.view.batch_progress.end()
        self.view.notice.say("info", "Stopped. What was done is kept; run it again to go on.")
        self.ended.emit()

    def _forget_dialog(self) -> None:
        self.dialog = None


def _about(card: ModelCard, left: Sequence[Series], n_done: int, n_unfit: int) -> str:
    if not left:
        return f"{'It is' if n_done == 1 else f'All {n_done} are'} done already."
    parts = [f"Writes a label file for each of {images_text(len(left))}, and counts.csv."]
    seconds = [expected_seconds(card, outline(series).geometry) for series in left]
    if all(one is not None for one in seconds):
        parts.append(f"About {duration_text(sum(one or 0 for one in seconds))} on a processor.")
    if n_done:
        parts.append(f"{n_done} {'is' if n_done == 1 else 'are'} done already and left as they are.")
    if n_unfit:
        parts.append(f"{n_unfit} {'is' if n_unfit == 1 else 'are'} of a kind that this model is not for.")
    return " ".join(parts)
