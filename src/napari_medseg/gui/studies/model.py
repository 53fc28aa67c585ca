"""The tree of studies and series as Qt's item model."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QModelIndex, QObject, QRegularExpression, QSortFilterProxyModel, Qt
from qtpy.QtGui import QStandardItem, QStandardItemModel

from napari_medseg.gui.wording import series_facts, series_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_medseg.core import Series
    from napari_medseg.gui.studies.tree import StudyRow

SERIES_ROLE = int(Qt.ItemDataRole.UserRole) + 1
FACTS_ROLE = SERIES_ROLE + 1
SEARCH_ROLE = SERIES_ROLE + 2
WARNING_ROLE = SERIES_ROLE + 3
THUMBNAIL_ROLE = SERIES_ROLE + 4


class StudyModel(QStandardItemModel):
    """Rows are studies, their children series."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._items: dict[int, QStandardItem] = {}

    def show_rows(self, rows: Iterable[StudyRow]) -> None:
        """Replace everything by these rows."""
        self.clear()
        self._items.clear()
        for row in rows:
            parent = QStandardItem(row.patient)
            parent.setData(row.study, FACTS_ROLE)
            parent.setEditable(False)
            parent.setToolTip("\n".join(part for part in (row.patient, row.study) if part))
            self.appendRow(parent)
            for series in row.series:
                parent.appendRow(self._series_item(series, row))

    def set_thumbnail(self, series: Series, thumbnail: object) -> None:
        """Put a QPixmap (or None: there is none) beside a series that is still listed."""
        item = self._items.get(id(series))
        if item is not None and item.data(SERIES_ROLE) is series:
            item.setData(thumbnail, THUMBNAIL_ROLE)

    def _series_item(self, series: Series, row: StudyRow) -> QStandardItem:
        title, facts = series_text(series), series_facts(series)
        item = QStandardItem(title)
        item.setEditable(False)
        item.setData(series, SERIES_ROLE)
        item.setData(facts, FACTS_ROLE)
        item.setData(" ".join((row.patient, row.study, title, facts, series.path.name)), SEARCH_ROLE)
        item.setData(bool(series.notes), WARNING_ROLE)
        lines = [title, facts, *series.notes]
        item.setToolTip("<br>".join(escape(line) for line in lines if line))
        item.setData(f"{title}, {facts}", int(Qt.ItemDataRole.AccessibleTextRole))
        self._items[id(series)] = item
        return item


class StudyFilter(QSortFilterProxyModel):
    """Keeps the series that hold every word of the filter, and the studies they are in."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setRecursiveFilteringEnabled(True)
        self.setFilterRole(SEARCH_ROLE)

    def set_text(self, text: str) -> None:
        """Show only series that hold every word of `text`, in any order and case."""
        pattern = "".join(f"(?=.*{QRegularExpression.escape(word)})" for word in text.split())
        option = QRegularExpression.PatternOption.CaseInsensitiveOption
        self.setFilterRegularExpression(QRegularExpression(pattern, option))


def series_at(index: QModelIndex) -> Series | None:
    """Return the series of a row, or None for a study's row."""
    series: Series | None = index.data(SERIES_ROLE)
    return series
