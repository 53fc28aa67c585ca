"""Listing scans and loading series, in the background."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Protocol

from qtpy.QtCore import QObject, QTimer, Signal

from napari_medseg.gui.parts.notice import link
from napari_medseg.gui.studies.opened import Loaded, OpenedImage, OpenedSeries, add_layers, load_with_results
from napari_medseg.gui.studies.previews import Previews
from napari_medseg.gui.studies.results import ListedResults, find_records
from napari_medseg.gui.studies.thumbnails import ThumbnailMaker
from napari_medseg.gui.studies.tree import study_rows
from napari_medseg.gui.wording import grouped, series_text
from napari_medseg.gui.workers import LatestJob

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_medseg.batch.record import BatchRecord
    from napari_medseg.core import CancelToken, MedsegError, ProgressCallback, Series, Study
    from napari_medseg.gui.parts.notice import Kind
    from napari_medseg.gui.studies.view import StudiesView


_SHORT_MS = 300
"""Work that is done sooner is not worth a progress bar."""


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
        self._studies: dict[Path, Study] = {}
        self._to_open: deque[Path] = deque()
        self._to_load: deque[Series] = deque()
        self._listing: Path | None = None
        self.results = ListedResults()
        self._opened = OpenedSeries(viewer)
        self._unread = ""
        self._closing: Series | None = None
        self._loading = ""
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_SHORT_MS)
        self._late.timeout.connect(self._announce)
        self._load_only_series = False
        self.job = LatestJob(self)
        self.thumbnails = ThumbnailMaker(self)
        self.previews = Previews(viewer, self)
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
        self._clear_notice()
        self._to_open.extend(paths)
        if not self.job.busy:
            self._next()

    def _clear_notice(self) -> None:
        self._unread = ""
        self.view.notice.clear()

    def _next(self) -> None:
        """Go on with what was asked for meanwhile: the lists first, then the series."""
        if self._to_open:
            self._open_next()
        else:
            self._load_next()

    def _open_next(self) -> None:
        self._listing = path = self._to_open.popleft()
        self.view.progress.begin(f"Looking for scans in {path.name or path} …")

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> tuple[Study, list[BatchRecord]]:
            study = self._open_study(path, on_progress, cancel)
            return study, find_records(study.path, cancel)

        self.job.start(work, lambda listed: self._listed(*listed))

    def _listed(self, study: Study, records: list[BatchRecord]) -> None:
        self._listing = None
        self.view.progress.end()
        self.results.add(records)
        self.show_study(study)
        if not self._to_open and self._load_only_series and len(study.series) == 1:
            self._to_load.extend(study.series)
        self._next()

    def study_at(self, path: Path) -> Study | None:
        """Return what is listed of a file or folder."""
        return self._studies.get(path)

    def show_study(self, study: Study) -> None:
        """Add what was found in a file or folder to the list; found again, it replaces what was listed."""
        self._studies[study.path] = study
        self._refresh()
        self.view.select_first_series()
        found = len(study.series)
        if not found and not study.problems:
            name = escape(study.path.name or str(study.path))
            self.view.notice.say("info", f"No scans in {name}. Choose a folder with DICOM or NIfTI files.")
        elif study.problems:
            n = len(study.problems)
            files = "1 file" if n == 1 else f"{grouped(n)} files"
            self._unread = link("problems", f"{files} could not be read")
            self.view.notice.say("warning", self._unread)

    def add_record(self, record: BatchRecord) -> None:
        """Take the results of a run for the series that are listed."""
        self.results.add([record])
        self._match()

    def _match(self) -> None:
        series = [one for study in self._studies.values() for one in study.series]
        self.results.match([one for one in series if one.kind == "image"])

    def _refresh(self) -> None:
        self._match()
        shown = [
            replace(study, series=[one for one in study.series if not self.results.is_label_file(one)])
            for study in self._studies.values()
        ]
        self.view.show_rows(study_rows(shown))
        self.list_changed.emit()

    def clear(self) -> None:
        """Empty the list."""
        self.cancel()
        self.thumbnails.stop()
        self._studies.clear()
        self.results.clear()
        self._opened.clear()
        self._clear_notice()
        self._refresh()

    def cancel(self) -> None:
        """Stop listing or loading, and what waits for it."""
        self._to_open.clear()
        self._to_load.clear()
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
            self._clear_notice()
        self._to_load.extend(series)
        if not self.job.busy:
            self._next()

    def _load_next(self) -> None:
        while self._to_load:
            series = self._to_load.popleft()
            if self._select_layer_of(series):
                continue
            self._announce_load(series)
            entry, on_preview = self.results.entry(series), self.previews.watch()
            self.job.start(partial(load_with_results, series, entry, on_preview=on_preview), self._loaded)
            return

    def _announce_load(self, series: Series) -> None:
        """Say that a series is loading; on the way through a list only if it takes a while, or the panel would jump."""
        self._loading = f"Loading {series_text(series)} …"
        if self._closing is None:
            self._announce()
        else:
            self._late.start()

    def _announce(self) -> None:
        self.view.progress.begin(self._loading)

    def _end_progress(self) -> None:
        self._late.stop()
        self.view.progress.end()

    def open_instead(self, series: Series, other: Series | None) -> None:
        """Load a series, and then close the layers of another one."""
        self._to_load.clear()
        self._withdraw()
        self._clear_notice()
        self._closing = other
        self._to_load.append(series)
        self._load_next()
        if not self.job.busy:  # it is open already
            self._end_progress()
            self._close_other(series)
            self._next()

    def _withdraw(self) -> None:
        """Stop what is on its way, for something more urgent: a series is not wanted any more, a list is, later."""
        if self._listing is not None:
            self._to_open.appendleft(self._listing)
            self._listing = None
        self.job.drop()
        self.previews.drop()

    def opened(self, series: Series) -> OpenedImage | None:
        """Return the layers of a series that were loaded from the list, as far as they are still there."""
        return self._opened.of(series)

    def _lacks_results(self, series: Series) -> bool:
        """Whether a series is open without the labels that a run has brought since."""
        opened, result = self.opened(series), self.results.result(series)
        return opened is not None and opened.labels is None and result is not None and result.has_labels

    def _close(self, series: Series) -> None:
        opened = self.opened(series)
        for layer in opened.layers if opened is not None else ():
            self._viewer.layers.remove(layer)

    def _close_other(self, kept: Series) -> None:
        other, self._closing = self._closing, None
        if other is not None and other is not kept:
            self._close(other)

    def _select_layer_of(self, series: Series) -> bool:
        if self._lacks_results(series):
            return False
        layer = self._opened.first_layer(series)
        if layer is None:
            return False
        self._viewer.layers.selection.active = layer
        self._say("info", f"{escape(series_text(series))} is open already.")
        return True

    def _say(self, kind: Kind, *lines: str) -> None:
        """Say something besides what could not be read."""
        self.view.notice.say("warning" if self._unread else kind, "<br>".join(filter(None, (self._unread, *lines))))

    def _loaded(self, loaded: Loaded) -> None:
        self._end_progress()
        self._close_other(loaded.series)
        self._close(loaded.series)
        opened = add_layers(self._viewer, loaded)
        layer = opened.layers[0]
        self.previews.hand_over(layer)
        self._opened.keep(loaded.series, opened)
        in_sight = loaded.series.notes if self.view.selected_series() == [loaded.series] else ()
        notes = [note for note in (*loaded.notes, *loaded.problems) if note not in in_sight]
        if notes:
            self._say("warning", *(escape(note) for note in notes))
        self.layer_added.emit(layer)
        self.loaded.emit(loaded.series)
        if not self.job.busy:  # whoever heard of it may have asked for more
            self._next()

    def _failed(self, error: MedsegError) -> None:
        self._to_open.clear()
        self._to_load.clear()
        self._closing = self._listing = None
        self._end_progress()
        self.previews.drop()
        self.view.notice.show_error(error)

    def _stopped(self) -> None:
        self._closing = self._listing = None
        self._end_progress()
        self.previews.drop()
        self.view.notice.say("info", "Stopped.")
        self._next()  # what was asked for since

    @property
    def paths(self) -> list[Path]:
        """The opened files and folders."""
        return list(self._studies)

    def _show_problems(self, address: str) -> None:
        if address == "problems":
            self.view.show_problems([line for study in self._studies.values() for line in study.problems])


def _open_study(path: Path, on_progress: ProgressCallback, cancel: CancelToken) -> Study:
    from napari_medseg.io import open_study

    return open_study(path, on_progress, cancel)
