"""The list of segments: colour, name, volume, lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QStandardItem, QStandardItemModel
from qtpy.QtWidgets import QHeaderView, QTableView, QWidget

from napari_medseg.gui.segment.list_parts import dress_as_list, swatch
from napari_medseg.gui.wording import amount_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.measure.size import SizeUnit

_LABEL_ROLE = int(Qt.ItemDataRole.UserRole) + 1
_ROWS_IN_SIGHT = 6
_LOCK_COLUMN = 2


@dataclass(frozen=True)
class SegmentRow:
    """One line of the list.

    Parameters
    ----------
    label : int
        Value in the labels layer.
    name : str
        What it is called.
    colour : str
        "#rrggbb".
    size : float or None
        In the unit of the table; None while it is not known.
    locked : bool
        Whether its voxels never change.
    """

    label: int
    name: str
    colour: str
    size: float | None = None
    locked: bool = False


class SegmentTable(QTableView):
    """Lists segments; names can be edited.

    Signals
    -------
    label_selected(int), renamed(int, str), lock_toggled(int, bool) :
        What the user does.
    """

    label_selected = Signal(int)
    renamed = Signal(int, str)
    lock_toggled = Signal(int, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[SegmentRow, ...] = ()
        self._model = QStandardItemModel(0, 3, self)
        self._model.itemChanged.connect(self._item_changed)
        self.setModel(self._model)
        dress_as_list(self)
        self.setAccessibleName("Segments")
        self.setToolTip("Select a segment to paint with it; double-click its name to change it")
        rows_header = self.verticalHeader()
        if rows_header is not None:
            rows_header.hide()
            rows_header.setDefaultSectionSize(self.fontMetrics().height() + 10)
        self._unit: SizeUnit = "mL"
        self._show_unit()
        header = self.horizontalHeader()
        if header is not None:
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
            header.setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)
            header.setHighlightSections(False)
        selection = self.selectionModel()
        if selection is not None:
            selection.currentRowChanged.connect(self._row_chosen)
        self._fit_height()

    def set_unit(self, unit: SizeUnit) -> None:
        """Say what the sizes are in."""
        if unit != self._unit:
            self._unit, self._rows = unit, ()
            self._model.setRowCount(0)
            self._show_unit()

    def _show_unit(self) -> None:
        self._model.setHorizontalHeaderLabels(["Segment", self._unit, "Lock"])

    def set_rows(self, rows: Sequence[SegmentRow]) -> None:
        """List these segments; the selected one stays selected."""
        if tuple(rows) == self._rows:
            return
        chosen = self.selected_label
        same = [row.label for row in rows] == [row.label for row in self._rows]
        self._rows = tuple(rows)
        self.blockSignals(True)
        self._model.blockSignals(True)
        if not same:
            self._model.setRowCount(0)
        for place, row in enumerate(self._rows):
            self._show_row(place, row, fresh=not same)
        self._model.blockSignals(False)
        self._model.layoutChanged.emit()
        if chosen is not None:
            self.select_label(chosen)
        self.blockSignals(False)
        self._fit_height()

    @property
    def selected_label(self) -> int | None:
        """Label of the selected row."""
        row = self.currentIndex().row()
        return self._rows[row].label if 0 <= row < len(self._rows) else None

    def select_label(self, label: int) -> None:
        """Select the row of a label, if it is listed, without announcing it."""
        for place, row in enumerate(self._rows):
            if row.label == label and self.currentIndex().row() != place:
                blocked = self.blockSignals(True)
                self.selectRow(place)
                self.blockSignals(blocked)

    def sizeHint(self) -> QSize:
        """High enough for a few rows."""
        return QSize(200, self._height(min(max(len(self._rows), 2), _ROWS_IN_SIGHT)))

    def _fit_height(self) -> None:
        self.setMinimumHeight(self._height(min(max(len(self._rows), 2), _ROWS_IN_SIGHT)))
        self.updateGeometry()

    def _height(self, n_rows: int) -> int:
        return self.fontMetrics().height() + 10 + n_rows * (self.fontMetrics().height() + 10) + 4

    def _show_row(self, place: int, row: SegmentRow, *, fresh: bool) -> None:
        if fresh:
            name = QStandardItem()
            name.setData(row.label, _LABEL_ROLE)
            volume = QStandardItem()
            volume.setEditable(False)
            volume.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            lock = QStandardItem()
            lock.setEditable(False)
            lock.setCheckable(True)
            for column, item in enumerate((name, volume, lock)):
                self._model.setItem(place, column, item)
        name_item, volume_item, lock_item = (self._model.item(place, column) for column in range(3))
        if name_item is None or volume_item is None or lock_item is None:
            return
        lock_item.setCheckState(Qt.CheckState.Checked if row.locked else Qt.CheckState.Unchecked)
        lock_item.setToolTip("Locked: nothing changes its voxels" if row.locked else "Lock: nothing changes its voxels")
        name_item.setText(row.name)
        name_item.setToolTip(f"{row.name} (label {row.label})")
        name_item.setIcon(swatch(row.colour))
        volume_item.setText("…" if row.size is None else amount_text(row.size, self._unit))

    def _item_changed(self, item: QStandardItem) -> None:
        place = item.row()
        if not 0 <= place < len(self._rows):
            return
        row = self._rows[place]
        if item.column() == _LOCK_COLUMN:
            locked = item.checkState() == Qt.CheckState.Checked
            if locked != row.locked:
                self.lock_toggled.emit(row.label, locked)
        if item.column() != 0:
            return
        name = item.text().strip()
        if name and name != row.name:
            self.renamed.emit(row.label, name)
        elif not name:
            item.setText(row.name)

    def _row_chosen(self) -> None:
        label = self.selected_label
        if label is not None:
            self.label_selected.emit(label)
