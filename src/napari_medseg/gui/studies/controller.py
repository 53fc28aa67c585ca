"""Listing scans and loading series, in the background."""

from __future__ import annotations

from collections import deque
from html import escape
from typing import TYPE_CHECKING, Protocol

from qtpy.QtCore import QObject, Signal

from napari_medseg.core import MedsegError, Segmentation, Study, Volume
from napari_medseg.gui.parts.notice import link
from napari_medseg.gui.studies.thumbnails import ThumbnailMaker
from napari_medseg.gui.studies.tree import study_rows
from napari_medseg.gui.wording import grouped, series_text
from napari_medseg.gui.workers import LatestJob

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari.layers import Layer
    from napari.viewer import Viewer

    from napari_medseg.core import CancelToken, ProgressCallback, Series
    from napari_medseg.gui.studies.view import StudiesView


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
    """

    layer_added = Signal(object)

    def __init__(self, view: StudiesView, viewer: Viewer, *, open_study: OpenStudy | None = None) -> None:
        super().__init__(view)
        self.view = view
        self._viewer = viewer
        self._open_study = open_study or _open_study
        self._studies: dict[Path, Study] = {}
        self._to_open: deque[Path] = deque()
        self._to_load: deque[Series] = deque()
        self._layer_of: dict[int, str] = {}
        self._load_only_series = False
        self.job = LatestJob(self)
        self.thumbnails = ThumbnailMaker(self)
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
        self._to_open.extend(paths)
        if not self.job.busy:
            self._open_next()

    def _open_next(self) -> None:
        path = self._to_open.popleft()
        self.view.notice.clear()
        self.view.progress.begin(f"Looking for scans in {path.name or path} …")

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> Study:
            return self._open_study(path, on_progress, cancel)

        self.job.start(work, self._listed)

    def _listed(self, study: Study) -> None:
        self.view.progress.end()
        self.show_study(study)
        if self._to_open:
            self._open_next()
        elif self._load_only_series and len(study.series) == 1:
            self.load(study.series)

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
            self.view.notice.say("warning", link("problems", f"{files} could not be read"))

    def _refresh(self) -> None:
        self.view.show_rows(study_rows(self._studies.values()))

    def clear(self) -> None:
        """Empty the list."""
        self.cancel()
        self.thumbnails.stop()
        self._studies.clear()
        self.view.notice.clear()
        self._refresh()

    def cancel(self) -> None:
        """Stop listing or loading, and what waits for it."""
        self._to_open.clear()
        self._to_load.clear()
        self.job.cancel()

    def load(self, series: Sequence[Series]) -> None:
        """Load series one after another; one that is a layer already is only selected."""
        self.view.notice.clear()
        self._to_load.extend(series)
        if not self.job.busy:
            self._load_next()

    def _load_next(self) -> None:
        while self._to_load:
            series = self._to_load.popleft()
            if self._select_layer_of(series):
                continue
            self.view.progress.begin(f"Loading {series_text(series)} …")

            def work(on_progress: ProgressCallback, cancel: CancelToken, series: Series = series) -> Loaded:
                from napari_medseg.plugin.opening import load_series

                return Loaded(series, load_series(series, on_progress, cancel))

            self.job.start(work, self._loaded)
            return

    def _select_layer_of(self, series: Series) -> bool:
        wanted = self._layer_of.get(id(series))
        for layer in self._viewer.layers:
            if str(layer.unique_id) == wanted:
                self._viewer.layers.selection.active = layer
                self.view.notice.say("info", f"{escape(series_text(series))} is open already.")
                return True
        return False

    def _loaded(self, loaded: Loaded) -> None:
        self.view.progress.end()
        layer = to_layer(loaded)
        self._viewer.add_layer(layer)
        self._layer_of[id(loaded.series)] = str(layer.unique_id)
        in_sight = loaded.series.notes if self.view.selected_series() == [loaded.series] else ()
        notes = [note for note in loaded.value.notes if note not in in_sight]
        if notes:
            self.view.notice.say("warning", "<br>".join(escape(note) for note in notes))
        self.layer_added.emit(layer)
        self._load_next()

    def _failed(self, error: MedsegError) -> None:
        self._to_open.clear()
        self._to_load.clear()
        self.view.progress.end()
        self.view.notice.show_error(error)

    def _stopped(self) -> None:
        self.view.progress.end()
        self.view.notice.say("info", "Stopped.")

    def _show_problems(self, address: str) -> None:
        if address == "problems":
            self.view.show_problems([line for study in self._studies.values() for line in study.problems])


class Loaded:
    """A series and what was read of it."""

    def __init__(self, series: Series, value: Volume | Segmentation) -> None:
        self.series = series
        self.value = value


def to_layer(loaded: Loaded) -> Layer:
    """Make the layer that shows what was loaded."""
    from napari_medseg.plugin.layers import segmentation_to_layer, volume_to_layer

    if isinstance(loaded.value, Segmentation):
        return segmentation_to_layer(loaded.value, series_text(loaded.series))
    return volume_to_layer(loaded.value)


def _open_study(path: Path, on_progress: ProgressCallback, cancel: CancelToken) -> Study:
    from napari_medseg.io import open_study

    return open_study(path, on_progress, cancel)
