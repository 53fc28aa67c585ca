"""What the search of an archive looks like. It emits requests and shows what it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QModelIndex, Qt, Signal, SignalInstance
from qtpy.QtGui import QAction
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from napari_medseg.gui.pacs.results import ResultsModel, remote_series_at, study_at
from napari_medseg.gui.pacs.search_form import SearchForm
from napari_medseg.gui.parts.choice_box import Choice, ChoiceBox
from napari_medseg.gui.parts.notice import Notice
from napari_medseg.gui.parts.progress_row import ProgressRow
from napari_medseg.gui.studies.delegate import SeriesDelegate
from napari_medseg.gui.wording import grouped

if TYPE_CHECKING:
    from napari_medseg.core.pacs import PacsServer, RemoteSeries, RemoteStudy

_COUNTABLE = 9
"""So many studies can be counted at a glance: a low panel needs the room."""

NO_SERVER = (
    "<p><b>No PACS server yet</b></p>"
    "<p>Add an archive that speaks DICOMweb: its address looks like<br>https://pacs.example.org/dicom-web.</p>"
)
PROMPT = "<p>Search by patient, description, modality or date.</p><p>What is left empty matches everything.</p>"
NOTHING = (
    "<p><b>No study found</b></p>"
    "<p>Try fewer letters of the name, no description, or other dates. A patient ID must be whole.</p>"
)


class PacsPage(QWidget):
    """Server, what to look for, what was found.

    Signals
    -------
    back_requested(), add_requested(), edit_requested(), remove_requested(), forget_requested(), clear_requested(),
    server_chosen(str), search_requested(), more_requested(), cancel_requested(), series_wanted(RemoteStudy),
    thumbnail_wanted(RemoteSeries), load_requested(list of RemoteSeries), fetch_requested(list of RemoteStudy),
    link_clicked(str) :
        What the user asks for.
    """

    back_requested = Signal()
    add_requested = Signal()
    edit_requested = Signal()
    remove_requested = Signal()
    forget_requested = Signal()
    clear_requested = Signal()
    server_chosen = Signal(str)
    search_requested = Signal()
    more_requested = Signal()
    cancel_requested = Signal()
    series_wanted = Signal(object)
    thumbnail_wanted = Signal(object)
    load_requested = Signal(list)
    fetch_requested = Signal(list)
    link_clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ResultsModel(self)
        self._build_head()
        self.form = SearchForm(self)
        self.form.search_requested.connect(self._request_search)
        self._build_tree()
        self._build_foot()
        self._lay_out()
        self.show_servers([])

    def show_servers(self, servers: list[PacsServer], choose: str = "") -> None:
        """List the servers; without one, only adding makes sense."""
        self.server_box.set_choices([Choice(one.name, one.name, one.url) for one in servers], choose or None)
        has_server = bool(servers)
        for action in self._server_actions:
            action.setEnabled(has_server)
        self.form.setVisible(has_server)
        self.load_button.setVisible(has_server)
        self.add_button.setVisible(not has_server)
        if not has_server:
            self.show_words(NO_SERVER)
        elif self.empty.text() == NO_SERVER:
            self.show_words(PROMPT)

    def allow_forgetting(self, allowed: bool) -> None:
        """Offer to remove the login of the chosen server."""
        self.forget_action.setEnabled(allowed)

    def show_words(self, words: str) -> None:
        """Show a sentence (simple HTML) in place of results, and forget those."""
        self._delegate.forget_thumbnails()
        self.model.forget()
        self.empty.setText(words)
        self.pages.setCurrentWidget(self.empty_page)
        self.count_row.hide()
        self._update_selection()

    def show_studies(self, studies: tuple[RemoteStudy, ...], more: bool) -> None:
        """Add what was found; `more` tells whether there is more to ask for."""
        self.model.add_studies(studies)
        n = self.model.n_studies
        self.pages.setCurrentWidget(self.tree)
        count = "1 study" if n == 1 else f"{grouped(n)} studies"
        self.count.setText(f"The first {count}" if more else count)
        self.more_button.setVisible(more)
        self.count_row.setVisible(more or n > _COUNTABLE)
        if n == len(studies):
            self.tree.setCurrentIndex(self.model.index(0, 0))
        if n == 1:
            self.tree.expand(self.model.index(0, 0))
        self._update_selection()

    def set_searching(self, searching: bool, words: str = "") -> None:
        """Show that the server is asked, or not any more."""
        self.form.search_button.setDisabled(searching)
        self.more_button.setDisabled(searching)
        self.server_box.setDisabled(searching or not self.server_box.key)
        if searching:
            self.notice.clear()
            self.progress.begin(words)
        else:
            self.progress.end()

    def selected_series(self) -> list[RemoteSeries]:
        """Return the selected series, top to bottom."""
        found = [remote_series_at(index) for index in self.tree.selectedIndexes()]
        return [series for series in found if series is not None]

    def selected_studies(self) -> list[RemoteStudy]:
        """Return the studies that are selected themselves, top to bottom."""
        found = [study_at(index) for index in self.tree.selectedIndexes()]
        return [study for study in found if study is not None]

    def _build_head(self) -> None:
        self.back_button = QPushButton("◂ Studies", self)
        self.back_button.setToolTip("Back to the list of opened studies; what was found here is kept")
        self.back_button.clicked.connect(self.back_requested)
        self.server_box = ChoiceBox("No server", self)
        self.server_box.setAccessibleName("Server")
        self.server_box.chosen.connect(self.server_chosen)
        self.menu = QMenu(self)
        self._add_action("Add server…", self.add_requested)
        edit = self._add_action("Edit server…", self.edit_requested)
        self.forget_action = self._add_action("Forget login", self.forget_requested)
        remove = self._add_action("Remove server…", self.remove_requested)
        self._server_actions = (edit, remove)
        self.menu.addSeparator()
        self._add_action("Delete fetched images…", self.clear_requested)
        self.menu_button = QPushButton("⋯", self)
        self.menu_button.setFixedWidth(2 * self.menu_button.fontMetrics().height())
        self.menu_button.setAccessibleName("Servers")
        self.menu_button.setToolTip("Add, edit or remove servers")
        self.menu_button.clicked.connect(self._show_menu)  # a menu of its own would draw an arrow over the sign

    def _show_menu(self) -> None:
        self.menu.popup(self.menu_button.mapToGlobal(self.menu_button.rect().bottomLeft()))

    def _add_action(self, words: str, request: SignalInstance) -> QAction:
        action = QAction(words, self)
        action.triggered.connect(lambda _: request.emit())
        self.menu.addAction(action)
        return action

    def _build_tree(self) -> None:
        self.tree = QTreeView(self)
        self.tree.setModel(self.model)
        self.tree.setHeaderHidden(True)
        self.tree.setIndentation(14)
        self.tree.setFrameShape(QFrame.Shape.NoFrame)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.tree.setExpandsOnDoubleClick(False)
        self.tree.setAccessibleName("Studies found and their series")
        self._delegate = SeriesDelegate(self.tree)
        self._delegate.thumbnail_wanted.connect(self.thumbnail_wanted)
        self.tree.setItemDelegate(self._delegate)
        self.tree.activated.connect(self._activated)
        self.tree.expanded.connect(self._expanded)
        selection = self.tree.selectionModel()
        if selection is not None:
            selection.selectionChanged.connect(self._update_selection)
        self.empty = QLabel("", self)
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMargin(12)
        self.add_button = QPushButton("Add server…", self)
        self.add_button.clicked.connect(self.add_requested)
        self.empty_page = QWidget(self)
        column = QVBoxLayout(self.empty_page)
        column.addStretch(1)
        column.addWidget(self.empty)
        column.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.empty_page)
        self.pages.addWidget(self.tree)
        self.pages.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def _build_foot(self) -> None:
        self.count_row = QWidget(self)
        self.count = QLabel("", self.count_row)
        self.more_button = QPushButton("More…", self.count_row)
        self.more_button.setToolTip("Ask for the studies that follow")
        self.more_button.clicked.connect(self.more_requested)
        row = QHBoxLayout(self.count_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.count, 1)
        row.addWidget(self.more_button)
        self.notice = Notice(self)
        self.notice.link_clicked.connect(self.link_clicked)
        self.progress = ProgressRow(self)
        self.progress.cancel_requested.connect(self.cancel_requested)
        self.load_button = QPushButton("Load series", self)
        self.load_button.clicked.connect(self._request_load)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.back_button)
        head.addWidget(self.server_box, 1)
        head.addWidget(self.menu_button)
        layout = QVBoxLayout(self)
        layout.addLayout(head)
        layout.addWidget(self.form)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.count_row)
        layout.addWidget(self.notice)
        layout.addWidget(self.progress)
        layout.addWidget(self.load_button)

    def _request_search(self) -> None:
        if self.form.search_button.isEnabled():
            self.search_requested.emit()

    def _update_selection(self) -> None:
        series, studies = self.selected_series(), self.selected_studies()
        self.load_button.setEnabled(bool(series or studies))
        if series or not studies:
            self.load_button.setText("Load series" if len(series) < 2 else f"Load {len(series)} series")
            tooltip = "Bring it here, list it, and show it" if series else "Select a series or a study first"
        else:
            n = len(studies)
            self.load_button.setText("Fetch study" if n == 1 else f"Fetch {n} studies")
            tooltip = "Bring all its series here and list them; nothing is shown yet"
        self.load_button.setToolTip(tooltip)

    def _request_load(self) -> None:
        if series := self.selected_series():
            self.load_requested.emit(series)
        elif studies := self.selected_studies():
            self.fetch_requested.emit(studies)

    def _activated(self, index: QModelIndex) -> None:
        """Fold a study, load a series."""
        if study_at(index) is not None:
            self.tree.setExpanded(index, not self.tree.isExpanded(index))
        elif remote_series_at(index) is not None:
            self._request_load()

    def _expanded(self, index: QModelIndex) -> None:
        study = study_at(index)
        if study is not None and self.model.lacks_series(study):
            self.series_wanted.emit(study)
