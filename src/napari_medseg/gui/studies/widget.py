"""The Studies dock: the view, its controller, and its place in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from napari_medseg.gui.docks import open_panel, prefer_left, share_place_with_layer_list
from napari_medseg.gui.parts.notice import Notice
from napari_medseg.gui.parts.progress_row import ProgressRow
from napari_medseg.gui.segment.runner import SharedWorker
from napari_medseg.gui.steady_canvas import keep_canvas_steady
from napari_medseg.gui.studies.batch_controller import BatchController
from napari_medseg.gui.studies.controller import OpenStudy, StudiesController
from napari_medseg.gui.studies.copy_controller import CopyController
from napari_medseg.gui.studies.grids import GridController
from napari_medseg.gui.studies.segment_link import SegmentLink
from napari_medseg.gui.studies.view import StudiesView
from napari_medseg.gui.studies.work_list import WorkListController
from napari_medseg.plugin.window import keep_heads_up

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import napari.viewer
    from qtpy.QtGui import QShowEvent

    from napari_medseg.core import Study
    from napari_medseg.gui.pacs.archives import Archives
    from napari_medseg.gui.segment import SegmentWidget
    from napari_medseg.gui.segment.runner import Segmenter
    from napari_medseg.models import ModelCard


class StudiesWidget(QWidget):
    """Lists the patients, studies and series in a folder and loads them as layers.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Receives the layers.
    open_study : callable, optional
        Lists a folder; a test brings its own.
    worker : Segmenter, optional
        Runs models on many images; by default the worker process that the program shares.
    catalogue : callable, optional
        Lists the models; by default `napari_medseg.list_models`.
    find_segment : callable, optional
        Returns the Segment panel or None; by default the one docked in the viewer.
    archives : Archives, optional
        PACS servers; a test brings its own.
    """

    def __init__(
        self,
        viewer: napari.viewer.Viewer,
        *,
        open_study: OpenStudy | None = None,
        worker: Segmenter | None = None,
        catalogue: Callable[[], Sequence[ModelCard]] | None = None,
        find_segment: Callable[[], SegmentWidget | None] | None = None,
        archives: Archives | None = None,
    ) -> None:
        from napari_medseg.gui.pacs.panel import PacsPanel  # which draws its rows as this panel does

        super().__init__()
        self._viewer = viewer
        keep_canvas_steady()
        keep_heads_up()
        prefer_left("Studies")
        self._placed = False
        self._segment_offered = False
        self.view = StudiesView(self)
        self.controller = StudiesController(self.view, viewer, open_study=open_study)
        self.batch = BatchController(self.view, worker=worker or SharedWorker(), catalogue=catalogue or _list_models)
        self._segment = SegmentLink(viewer, find_segment)
        self.work = WorkListController(self.view, self.controller, self.batch, self._segment)
        self.grids = GridController(self.view, self.controller)
        self.controller.layer_added.connect(self._offer_segment)
        self.copy_progress = ProgressRow(self)
        self.copies = CopyController(self.view, self.copy_progress)
        self.fetch_notice, self.fetch_progress = Notice(self), ProgressRow(self)
        self.pacs = PacsPanel(self, self.controller, self.fetch_notice, self.fetch_progress, archives)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.view)
        self._pages.addWidget(self.pacs.page)
        self.view.archives_requested.connect(self.show_archives)
        self.pacs.page.back_requested.connect(self.show_list)
        self.pacs.finished.connect(self.show_list)
        self._lay_out()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._pages, 1)
        below = QVBoxLayout()
        below.setContentsMargins(9, 0, 9, 6)
        below.setSpacing(0)
        below.addWidget(self.fetch_notice)
        below.addWidget(self.fetch_progress)
        below.addWidget(self.copy_progress)
        layout.addLayout(below)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Take its place when shown for the first time; later the user decides."""
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            QTimer.singleShot(0, self._take_place)

    def _take_place(self) -> None:
        share_place_with_layer_list(self)

    def show_archives(self) -> None:
        """Turn to the search of archives."""
        self._pages.setCurrentWidget(self.pacs.page)
        self.pacs.servers.refresh()

    def show_list(self) -> None:
        """Turn to the list of studies."""
        self._pages.setCurrentWidget(self.view)

    def open_path(self, path: Path) -> None:
        """List a file or folder in the background; if it holds one series only, load that."""
        self.show_list()
        self.controller.open_paths([path], load_only_series=True)

    def show_study(self, study: Study) -> None:
        """List what was found already."""
        self.show_list()
        self.controller.show_study(study)

    def _offer_segment(self) -> None:
        """Open the Segment panel beside the first scan; if the user closes it, it stays closed."""
        if not self._segment_offered:
            self._segment_offered = True
            # in a turn of its own: napari has just spent a quarter of a second on showing the scan
            QTimer.singleShot(0, self._open_segment)

    def _open_segment(self) -> None:
        open_panel(self._viewer, "Segment")
        self._segment.catch_up()


def _list_models() -> Sequence[ModelCard]:
    from napari_medseg.models import list_models

    return list_models()
