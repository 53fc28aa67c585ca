"""Listing scans and loading series, in the background."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING, Protocol

from qtpy.QtCore import QObject, Signal

from napari_medseg.gui.previews import Previews
from napari_medseg.gui.studies.list_notice import ListNotice
from napari_medseg.gui.studies.listed import ListedStudies
from napari_medseg.gui.studies.loading_progress import LoadingProgress
from napari_medseg.gui.studies.opened import Loaded, OpenedImage, OpenedSeries, add_layers, load_with_results
from napari_medseg.gui.studies.requests import Requests
from napari_medseg.gui.studies.results import ListedResults, find_records
from napari_medseg.gui.studies.thumbnails import ThumbnailMaker
from napari_medseg.gui.studies.tree import study_rows
from napari_medseg.gui.wording import series_text
from napari_medseg.gui.workers import LatestJob
from napari_medseg.plugin.preview import loading_layer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_medseg.batch.record import BatchRecord
    from napari_medseg.core import CancelToken, MedsegError, ProgressCallback, Series, Study
    from napari_medseg.gui.studies.view import StudiesView

_LATE_MS = 100
"""A series whose rest is read by then needs no preview."""


class OpenStudy(Protocol):
    """Lists what lies in a file or folder, as `napari_medseg.open_study` does."""

    def __call__(self, path: Path, on_progress: ProgressCallback, cancel: CancelToken) -> Study:
        """List the series."""


class StudiesController(QObject):
    """Answers the requests of a `StudiesView`.

    Parameters
    ----------
    view : StudiesView
        What the user sees.
    viewer : napari.viewer.Viewer
        Receives the layers.
    open_study : callable, optional
        Lists a folder; a test brings its own.

    Signals
    -------
    layer_added(Layer) :
        After a series was loaded.
    loaded(Series) :
        After its results were added too.
    list_changed() :
        Other series are listed.
    """

    layer_added = Signal(object)
    loaded = Signal(object)
    list_changed = Signal()

    def __init__(self, view: StudiesView, viewer: Viewer, *, open_study: OpenStudy | None = None) -> None:
        super().__init__(view)
        self.view = view
        self._viewer = viewer
        self._open_study = open_study or _open_study
        self._listed = ListedStudies()
        self._requests = Requests()
        self._opened = OpenedSeries(viewer)
        self._notice = ListNotice(view.notice)
        self._progress = LoadingProgress(view.progress, self)
        self._load_only_series = False
        self.job = LatestJob(self)
        self.thumbnails = ThumbnailMaker(self)
        self.previews = Previews(viewer, self, late_ms=_LATE_MS, select=True)
        self._connect()

    def _connect(self) -> None:
        view, job = self.view, self.job
        view.open_requested.connect(self.open_paths)
        view.load_requested.connect(self.load)
        view.cancel_requested.connect(self.cancel)
        view.clear_requested.connect(self.clear)
        view.thumbnail_wanted.connect(self.thumbnails.request)
        view.link_clicked.connect(self._show_problems)
        self.thumbnails.made.connect(view.show_thumbnail)
        job.progressed.connect(view.progress.show_progress)
        job.failed.connect(self._failed)
        job.cancelled.connect(self._stopped)

    @property
    def results(self) -> ListedResults:
        """What models found in the listed series."""
        return self._listed.results

    @property
    def paths(self) -> list[Path]:
        """The opened files and folders."""
        return self._listed.paths

    def open_paths(self, paths: Sequence[Path], *, load_only_series: bool = False) -> None:
        """List what lies in files and folders, in the background.

        Parameters
        ----------
        paths : sequence of pathlib.Path
            Files or folders.
        load_only_series : bool
            Load the series at once if it is the only one.
        """
        self._load_only_series = load_only_series
        self._notice.clear()
        self._requests.add_paths(paths)
        if not self.job.busy:
            self._next()

    def _next(self) -> None:
        """Go on with what was asked for meanwhile: the lists first, then the series."""
        if self._requests.has_paths:
            self._open_next()
        else:
            self._load_next()

    def _open_next(self) -> None:
        path = self._requests.start_path()
        self._progress.begin(f"Looking for scans in {path.name or path} …")

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> tuple[Study, list[BatchRecord]]:
            study = self._open_study(path, on_progress, cancel)
            return study, find_records(study.path, cancel)

        self.job.start(work, lambda found: self._found(*found))

    def _found(self, study: Study, records: list[BatchRecord]) -> None:
        self._requests.finish_path()
        self._progress.end()
        self.results.add(records)  # matched with the study
        self.show_study(study)
        if not self._requests.has_paths and self._load_only_series and len(study.series) == 1:
            self._requests.add_series(study.series)
        self._next()

    def study_at(self, path: Path) -> Study | None:
        """Return what is listed of a file or folder."""
        return self._listed.at(path)

    def show_study(self, study: Study) -> None:
        """Add what was found in a file or folder to the list; found again, it replaces what was listed."""
        self._listed.add(study)
        self._refresh()
        self.view.select_first_series()
        self._notice.tell_of(study)

    def add_record(self, record: BatchRecord) -> None:
        """Take the results of a run for the series that are listed."""
        self._listed.add_records([record])

    def _refresh(self) -> None:
        self.view.show_rows(study_rows(self._listed.without_label_files()))
        self.list_changed.emit()

    def clear(self) -> None:
        """Empty the list."""
        self.cancel()
        self.thumbnails.stop()
        self._listed.clear()
        self._opened.clear()
        self._notice.clear()
        self._refresh()

    def cancel(self) -> None:
        """Stop listing or loading, and what waits for it."""
        self._requests.drop_waiting()
        self.job.cancel()

    def load(self, series: Sequence[Series], *, keep_notice: bool = False) -> None:
        """Load series one after another; one that is a layer already is only selected.

        Parameters
        ----------
        series : sequence of Series
            What to load.
        keep_notice : bool
            Leave what was just said of them, such as files that could not be read.
        """
        if not keep_notice:
            self._notice.clear()
        self._requests.add_series(series)
        if not self.job.busy:
            self._next()

    def _load_next(self) -> None:
        while (series := self._requests.take_series()) is not None:
            if self._select_layer_of(series):
                continue
            self._announce_load(series)
            entry, on_preview = self.results.entry(series), self.previews.watch(loading_layer)
            self.job.start(partial(load_with_results, series, entry, on_preview=on_preview), self._loaded)
            return

    def _announce_load(self, series: Series) -> None:
        is_next_of_list = self._requests.closing is not None
        begin = self._progress.begin_late if is_next_of_list else self._progress.begin
        begin(f"Loading {series_text(series)} …")

    def open_instead(self, series: Series, other: Series | None) -> None:
        """Load a series, and then close the layers of another one."""
        self._requests.prefer(series, other)
        self.job.drop()
        self.previews.drop()
        self._notice.clear()
        self._load_next()
        if not self.job.busy:  # it is open already
            self._progress.end()
            self._close_other(series)
            self._next()

    def opened(self, series: Series) -> OpenedImage | None:
        """Return the layers of a series that were loaded from the list, as far as they are still there."""
        return self._opened.of(series)

    def _lacks_results(self, series: Series) -> bool:
        """Whether a series is open without the labels that a run has brought since."""
        opened, result = self.opened(series), self.results.result(series)
        return opened is not None and opened.labels is None and result is not None and result.has_labels

    def _close_other(self, kept: Series) -> None:
        other = self._requests.finish_series()
        if other is not None and other is not kept:
            self._opened.close(other)

    def _select_layer_of(self, series: Series) -> bool:
        if self._lacks_results(series):
            return False
        layer = self._opened.first_layer(series)
        if layer is None:
            return False
        self._viewer.layers.selection.active = layer
        self._notice.say("info", f"{escape(series_text(series))} is open already.")
        return True

    def _loaded(self, loaded: Loaded) -> None:
        self._progress.end()
        self._close_other(loaded.series)
        self._opened.close(loaded.series)
        opened = add_layers(self._viewer, loaded)
        layer = opened.layers[0]
        self.previews.hand_over(layer)
        self._opened.keep(loaded.series, opened)
        in_sight = loaded.series.notes if self.view.selected_series() == [loaded.series] else ()
        notes = [note for note in (*loaded.notes, *loaded.problems) if note not in in_sight]
        if notes:
            self._notice.say("warning", *(escape(note) for note in notes))
        self.layer_added.emit(layer)
        self.loaded.emit(loaded.series)
        if not self.job.busy:  # whoever heard of it may have asked for more
            self._next()

    def _failed(self, error: MedsegError) -> None:
        self._requests.drop_waiting()
        self._requests.drop_begun()
        self._progress.end()
        self.previews.drop()
        self._notice.show_error(error)

    def _stopped(self) -> None:
        self._requests.drop_begun()
        self._progress.end()
        self.previews.drop()
        self.view.notice.say("info", "Stopped.")
        self._next()  # what was asked for since

    def _show_problems(self, address: str) -> None:
        if address == "problems":
            self.view.show_problems(self._listed.problems)


def _open_study(path: Path, on_progress: ProgressCallback, cancel: CancelToken) -> Study:
    from napari_medseg.io import open_study

    return open_study(path, on_progress, cancel)
