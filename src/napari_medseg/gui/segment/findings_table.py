"""The list of findings: number and name, score, size, status."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QPalette
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from napari_medseg.gui.segment.list_parts import dress_as_list, swatch
from napari_medseg.gui.wording import amount_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.measure.size import SizeUnit

_ROWS_IN_SIGHT = 6
_FEWEST_ROWS = 3
_STATUS = 3
_WIDEST = ("Score", "00 000", "accepted")
_CELL_MARGIN = 14
_NUMBERED = re.compile(r"(.*\S)\s+(\d+)")

AnyIndex = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class FindingRow:
    """One line of the list.

    Parameters
    ----------
    label : int
        Value in the labels layer.
    name : str
        What it is called.
    colour : str
        "#rrggbb".
    score : float or None
        Confidence; None for what a person drew.
    size : float or None
        In the unit of the table; None while it is not known.
    status : str
        A word, or nothing.
    shown : bool
        Whether it is seen in the image.
    """

    label: int
    name: str
    colour: str
    score: float | None
    size: float | None
    status: str
    shown: bool

    @property
    def parts(self) -> tuple[str, str]:
        """What kind of finding the name tells, and its number; without a number, all of it is the kind."""
        numbered = _NUMBERED.fullmatch(self.name)
        return (numbered[1], numbered[2]) if numbered else (self.name, "")

    def text(self, column: int, unit: SizeUnit, common: str = "") -> str:
        """Return what stands in a column; a kind that is `common` to all findings stands above them."""
        if column == 0:
            kind, number = self.parts
            return number if number and kind == common else f"{number}  {kind}" if number else kind
        if column == 1:
            return "–" if self.score is None else f"{self.score:.2f}"
        if column == _STATUS:
            return self.status
        return "…" if self.size is None else amount_text(self.size, unit)


class _FindingsModel(QAbstractTableModel):
    renamed = Signal(int, str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: tuple[FindingRow, ...] = ()
        self.unit: SizeUnit = "pixels"
        self.common = ""
        self.dimmed = QColor("grey")

    def rowCount(self, parent: AnyIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else _STATUS + 1

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (self.common or "Finding", "Score", self.unit, "Status")[section]
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == 0 else flags

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.EditRole:
                return row.name
            case Qt.ItemDataRole.DisplayRole:
                return row.text(column, self.unit, self.common)
            case Qt.ItemDataRole.ToolTipRole:
                return f"{row.name} (label {row.label})" if column == 0 else None
            case Qt.ItemDataRole.DecorationRole if column == 0:
                return swatch(row.colour)
            case Qt.ItemDataRole.ForegroundRole if not row.shown:
                return self.dimmed
            case Qt.ItemDataRole.TextAlignmentRole if column in (1, 2):
                return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        name = str(value).strip()
        if role != Qt.ItemDataRole.EditRole or index.column() != 0 or not name:
            return False
        if name != self.rows[index.row()].name:
            self.renamed.emit(self.rows[index.row()].label, name)
        return True

    def show(self, rows: tuple[FindingRow, ...], unit: SizeUnit) -> None:
        same = [row.label for row in rows] == [row.label for row in self.rows]
        kinds = {kind if number else "" for kind, number in (row.parts for row in rows)}
        common = kinds.pop() if len(kinds) == 1 else ""
        if (unit, common) != (self.unit, self.common):
            self.unit, self.common = unit, common
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, 2)
        if same:
            self.rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(max(len(rows) - 1, 0), _STATUS))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()


class FindingsTable(QTableView):
    """Lists findings; names can be edited.

    Signals
    -------
    label_selected(int), renamed(int, str) :
        What the user does.
    """

    label_selected = Signal(int)
    renamed = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = _FindingsModel(self)
        self._model.renamed.connect(self.renamed)
        self.setModel(self._model)
        dress_as_list(self)
        self.setAccessibleName("Findings")
        self.setToolTip("Select a finding to go there; double-click its name to change it")
        self._dress_headers()
        selection = self.selectionModel()
        if selection is not None:
            selection.currentRowChanged.connect(self._row_chosen)
        self._fit_height()

    def _dress_headers(self) -> None:
        rows_header, header = self.verticalHeader(), self.horizontalHeader()
        if rows_header is not None:
            rows_header.hide()
            rows_header.setDefaultSectionSize(self._row_height)
        if header is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            for column, widest in enumerate(_WIDEST, start=1):  # measuring every cell would take longer than drawing
                header.resizeSection(column, self.fontMetrics().horizontalAdvance(widest) + _CELL_MARGIN)
            header.setHighlightSections(False)

    def set_rows(self, rows: Sequence[FindingRow], unit: SizeUnit) -> None:
        """List these findings; the selected one stays selected. `unit` is what the sizes are in."""
        if tuple(rows) == self._model.rows and unit == self._model.unit:
            return
        chosen = self.selected_label
        self._model.dimmed = self.palette().color(QPalette.ColorGroup.Active, QPalette.ColorRole.PlaceholderText)
        blocked = self.blockSignals(True)
        self._model.show(tuple(rows), unit)
        self.blockSignals(blocked)
        self.select_label(chosen)
        self._fit_height()

    @property
    def selected_label(self) -> int | None:
        """Label of the selected row."""
        row = self.currentIndex().row()
        return self._model.rows[row].label if 0 <= row < len(self._model.rows) else None

    def select_label(self, label: int | None) -> None:
        """Select the row of a finding and bring it into sight, without announcing it; None for none."""
        blocked = self.blockSignals(True)
        place = next((n for n, row in enumerate(self._model.rows) if row.label == label), None)
        if place is None:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        elif self.currentIndex().row() != place:
            self.selectRow(place)
            self.scrollTo(self._model.index(place, 0))
        self.blockSignals(blocked)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Leave letters to the viewer, whose keys they are; the list itself is walked with the arrows."""
        if event is not None and event.text().strip() and not self.state() == QAbstractItemView.State.EditingState:
            event.ignore()
            return
        super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        """High enough for a few rows."""
        return QSize(200, self._height)

    def _fit_height(self) -> None:
        self.setFixedHeight(self._height)

    @property
    def _row_height(self) -> int:
        return self.fontMetrics().height() + 8

    @property
    def _height(self) -> int:
        n_rows = min(max(len(self._model.rows), _FEWEST_ROWS), _ROWS_IN_SIGHT)
        return self.fontMetrics().height() + 10 + n_rows * self._row_height + 4

    def _row_chosen(self) -> None:
        label = self.selected_label
        if label is not None:
            self.label_selected.emit(label)
