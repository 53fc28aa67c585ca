"""What the Studies panel looks like. It emits requests and shows what it is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from napari_medseg.gui.parts.notice import Notice
from napari_medseg.gui.parts.progress_row import ProgressRow
from napari_medseg.gui.pictures import grey_pixmap
from napari_medseg.gui.studies.delegate import SeriesDelegate
from napari_medseg.gui.studies.details import details_text
from napari_medseg.gui.studies.model import STATUS_ROLE, StudyFilter, StudyModel, series_at
from napari_medseg.gui.studies.problems import ProblemsDialog
from napari_medseg.gui.studies.row_menu import row_menu
from napari_medseg.gui.studies.status import RowStatus
from napari_medseg.gui.studies.work_row import WorkRow

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from qtpy.QtCore import QPoint
    from qtpy.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent

    from napari_medseg.core import Series
    from napari_medseg.gui.studies.tree import StudyRow

_EMPTY = (
    "<p><b>No scans yet</b></p>"
    "<p>Open a folder, or drop one here.<br>DICOM series, NIfTI files and pictures (PNG, JPEG, TIFF) in it and in its "
    "subfolders are listed.</p>"
    "<p>To try it without data of your own: <i>File › Open Sample</i>.</p>"
)
_ROOMY = 460
"""Height in pixels from which on the details of a series are shown below the list."""

_NO_MATCH = "<p>No series holds these words.</p>"


class StudiesView(QWidget):
    """Buttons, filter, tree, details, progress and messages.

    Signals
    -------
    open_requested(list of Path), archives_requested(), load_requested(list of Series), cancel_requested(),
    clear_requested(), thumbnail_wanted(Series), link_clicked(str), batch_requested(), grid_requested(Series, str),
    copy_requested(list of Series), listed() :
        What the user asks for; `listed` follows when the list, the filter or the selection has changed.
    """

    open_requested = Signal(list)
    archives_requested = Signal()
    load_requested = Signal(list)
    cancel_requested = Signal()
    clear_requested = Signal()
    thumbnail_wanted = Signal(object)
    link_clicked = Signal(str)
    batch_requested = Signal()
    grid_requested = Signal(object, str)
    copy_requested = Signal(list)
    listed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._batch_runs = False
        self.model = StudyModel(self)
        self._filter = StudyFilter(self)
        self._filter.setSourceModel(self.model)
        self._build_buttons()
        self._build_tree()
        self.details = QLabel(self)
        self.details.setWordWrap(True)
        self.details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details.hide()
        self.progress = ProgressRow(self)
        self.progress.cancel_requested.connect(self.cancel_requested)
        self.notice = Notice(self)
        self.notice.link_clicked.connect(self.link_clicked)
        self.batch_progress = ProgressRow(self)
        self.work = WorkRow(self)
        self.load_button = QPushButton("Load series", self)
        self.load_button.clicked.connect(self._request_load)
        self.batch_button = QPushButton("Run on all…", self)
        self.batch_button.clicked.connect(self.batch_requested)
        self._lay_out()
        self._apply_filter("")

    def sizeHint(self) -> QSize:
        """Wide enough for the facts of most series."""
        return QSize(330, 480)

    def _build_buttons(self) -> None:
        self.folder_button = QPushButton("Folder…", self)
        self.folder_button.setToolTip("List all scans in a folder and its subfolders")
        self.folder_button.clicked.connect(self._choose_folder)
        self.files_button = QPushButton("Files…", self)
        self.files_button.setToolTip("List single files")
        self.files_button.clicked.connect(self._choose_files)
        self.archives_button = QPushButton("PACS…", self)
        self.archives_button.setToolTip("Search an archive by DICOMweb, and bring series here")
        self.archives_button.clicked.connect(self.archives_requested)
        self.clear_button = QPushButton("Clear", self)
        self.clear_button.setToolTip("Empty this list; layers and files stay as they are")
        self.clear_button.clicked.connect(self.clear_requested)
        self.filter_edit = QLineEdit(self)
        self.filter_edit.setPlaceholderText("Filter by patient, description, modality …")
        self.filter_edit.setAccessibleName("Filter")
        self.filter_edit.setClearButtonEnabled(True)
        self.filter_edit.textChanged.connect(self._apply_filter)

    def _build_tree(self) -> None:
        self.tree = QTreeView(self)
        self.tree.setModel(self._filter)
        self.tree.setHeaderHidden(True)
        self.tree.setIndentation(14)
        self.tree.setUniformRowHeights(False)
        self.tree.setFrameShape(QFrame.Shape.NoFrame)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.tree.setExpandsOnDoubleClick(False)
        self.tree.setAccessibleName("Studies and series")
        delegate = SeriesDelegate(self.tree)
        delegate.thumbnail_wanted.connect(self.thumbnail_wanted)
        self._delegate = delegate
        self.tree.setItemDelegate(delegate)
        self.tree.activated.connect(self._activated)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._show_menu)
        selection = self.tree.selectionModel()
        if selection is not None:
            selection.selectionChanged.connect(self._update_selection)
        self.empty = QLabel(_EMPTY, self)
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMargin(16)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.tree)
        self.pages.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.folder_button, 1)
        buttons.addWidget(self.files_button, 1)
        buttons.addWidget(self.archives_button, 1)
        buttons.addWidget(self.clear_button)
        layout = QVBoxLayout(self)
        layout.addLayout(buttons)
        layout.addWidget(self.filter_edit)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.details)
        layout.addWidget(self.notice)
        layout.addWidget(self.progress)
        layout.addWidget(self.batch_progress)
        layout.addWidget(self.work)
        below = QHBoxLayout()
        below.addWidget(self.load_button, 1)
        below.addWidget(self.batch_button, 1)
        layout.addLayout(below)

    def show_rows(self, rows: list[StudyRow]) -> None:
        """List these studies, all unfolded."""
        self._delegate.forget_thumbnails()
        self.model.show_rows(rows)
        self._apply_filter(self.filter_edit.text())

    def show_thumbnail(self, series: Series, image: npt.NDArray[np.uint8] | None) -> None:
        """Put a grey image, shape (rows, columns), beside a series."""
        self.model.set_thumbnail(series, None if image is None else grey_pixmap(image))

    def select_first_series(self) -> None:
        """Select the first series, so that Enter loads it."""
        study = self._filter.index(0, 0)
        first = self._filter.index(0, 0, study)
        if first.isValid():
            self.tree.setCurrentIndex(first)

    def show_problems(self, problems: list[str]) -> None:
        """Show the list of files that could not be read."""
        ProblemsDialog(problems, self).show()

    def series_in_rows(self) -> list[Series]:
        """Return the selected series, and all of the studies that are selected themselves, as far as they are shown."""
        found: list[Series] = []
        for index in self.tree.selectedIndexes():
            below = [series_at(self._filter.index(n, 0, index)) for n in range(self._filter.rowCount(index))]
            found += [series for series in (series_at(index), *below) if series is not None]
        return list({id(series): series for series in found}.values())

    def selected_series(self) -> list[Series]:
        """Return the selected series, top to bottom."""
        found = [series_at(index) for index in self.tree.selectedIndexes()]
        return [series for series in found if series is not None]

    def listed_images(self) -> list[Series]:
        """Return the images that the filter lets through, top to bottom."""
        found = []
        for row in range(self._filter.rowCount()):
            study = self._filter.index(row, 0)
            found += [series_at(self._filter.index(n, 0, study)) for n in range(self._filter.rowCount(study))]
        return [series for series in found if series is not None and series.kind == "image"]

    def select_series(self, series: Series) -> None:
        """Select a series alone and bring it into sight, if the filter lets it through."""
        index = self._filter.mapFromSource(self.model.index_of(series))
        if index.isValid():
            self.tree.setCurrentIndex(index)
            self.show_selected()

    def show_selected(self) -> None:
        """Bring the selected series into sight, once the panel has come to rest."""
        QTimer.singleShot(0, self._scroll)

    def _scroll(self) -> None:
        self.tree.scrollTo(self.tree.currentIndex())

    def set_batch_running(self, running: bool) -> None:
        """Do not offer a second run beside one that runs."""
        self._batch_runs = running
        self._update_selection()

    def _apply_filter(self, text: str) -> None:
        self._filter.set_text(text)
        self.tree.expandAll()
        listed = self.model.rowCount() > 0
        matched = self._filter.rowCount() > 0
        self.empty.setText(_NO_MATCH if listed else _EMPTY)
        self.pages.setCurrentWidget(self.tree if matched else self.empty)
        self.clear_button.setEnabled(listed)
        self.filter_edit.setEnabled(listed)
        self._update_selection()

    def _update_selection(self) -> None:
        chosen = self.selected_series()
        self.load_button.setEnabled(bool(chosen))
        self.load_button.setText("Load series" if len(chosen) < 2 else f"Load {len(chosen)} series")
        self.load_button.setToolTip("" if chosen else "Select a series first")
        n_images = len(self.listed_images())
        self.batch_button.setEnabled(n_images > 0 and not self._batch_runs)
        about = f"Run a model on all listed images ({n_images})" if n_images else "Open a folder of images first"
        self.batch_button.setToolTip("One run at a time" if self._batch_runs else about)
        self.work.setVisible(n_images > 1)
        if len(chosen) == 1:
            self.details.setText(details_text(chosen[0], self._fault(chosen[0])))
        self._show_details()
        self.listed.emit()

    def _show_details(self) -> None:
        """Leave the room of a low window to the list, except for faults; the tooltip of the row tells the same."""
        chosen = self.selected_series()
        self.details.setVisible(len(chosen) == 1 and (self.height() >= _ROOMY or bool(self._fault(chosen[0]))))

    def _fault(self, series: Series) -> str:
        status = self.model.index_of(series).data(STATUS_ROLE)
        return status.sentence if isinstance(status, RowStatus) and status.tone == "bad" else ""

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show the details where there is room for them."""
        super().resizeEvent(event)
        self._show_details()

    def _request_load(self) -> None:
        if chosen := self.selected_series():
            self.load_requested.emit(chosen)

    def _activated(self) -> None:
        self._request_load()

    def _show_menu(self, place: QPoint) -> None:
        menu = row_menu(self, self.selected_series(), self.series_in_rows())
        inside = self.tree.viewport()
        if inside is None or menu.isEmpty():
            menu.deleteLater()
        else:
            menu.popup(inside.mapToGlobal(place))

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a folder with scans")
        if folder:
            self.open_requested.emit([Path(folder)])

    def _choose_files(self) -> None:
        patterns = "*.nii *.nii.gz *.hdr *.img *.dcm *.ima *.zip DICOMDIR *.png *.jpg *.jpeg *.tif *.tiff"
        kinds = f"Scans ({patterns});;All files (*)"
        files, _ = QFileDialog.getOpenFileNames(self, "Open scans", "", kinds)
        if files:
            self.open_requested.emit([Path(file) for file in files])

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Accept files and folders."""
        data = event.mimeData() if event is not None else None
        if event is not None and data is not None and any(url.isLocalFile() for url in data.urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped."""
        data = event.mimeData() if event is not None else None
        if event is None or data is None:
            return
        paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open_requested.emit(paths)
