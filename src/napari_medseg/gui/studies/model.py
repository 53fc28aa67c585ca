"""The tree of studies and series as Qt's item model."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QModelIndex, QObject, QRegularExpression, QSortFilterProxyModel, Qt
from qtpy.QtGui import QStandardItem, QStandardItemModel

from napari_medseg.gui.studies.details import is_only_without_spacing
from napari_medseg.gui.wording import series_facts, series_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_medseg.core import Series
    from napari_medseg.gui.studies.status import RowStatus
    from napari_medseg.gui.studies.tree import StudyRow

SERIES_ROLE = int(Qt.ItemDataRole.UserRole) + 1
FACTS_ROLE = SERIES_ROLE + 1
SEARCH_ROLE = SERIES_ROLE + 2
WARNING_ROLE = SERIES_ROLE + 3
THUMBNAIL_ROLE = SERIES_ROLE + 4
STATUS_ROLE = SERIES_ROLE + 5
PLAIN_SEARCH_ROLE = SERIES_ROLE + 6
"""What the filter searches without the status."""


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

    def all_series(self) -> list[Series]:
        """Return every series that is listed, whatever the filter."""
        return [item.data(SERIES_ROLE) for item in self._items.values()]

    def index_of(self, series: Series) -> QModelIndex:
        """Return where a series stands; an invalid index if it is not listed."""
        item = self._items.get(id(series))
        return item.index() if item is not None else QModelIndex()

    def set_status(self, series: Series, status: RowStatus | None) -> None:
        """Show what a model found in a series that is still listed; None shows nothing."""
        item = self._items.get(id(series))
        if item is not None and item.data(SERIES_ROLE) is series and item.data(STATUS_ROLE) != status:
            item.setData(status, STATUS_ROLE)
            _describe(item, series, status)

    def _series_item(self, series: Series, row: StudyRow) -> QStandardItem:
        title, facts = series_text(series), series_facts(series)
        item = QStandardItem(title)
        item.setEditable(False)
        item.setData(series, SERIES_ROLE)
        item.setData(facts, FACTS_ROLE)
        item.setData(" ".join((row.patient, row.study, title, facts, series.path.name)), PLAIN_SEARCH_ROLE)
        item.setData(bool(series.notes) and not is_only_without_spacing(series), WARNING_ROLE)
        _describe(item, series, None)
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


def _describe(item: QStandardItem, series: Series, status: RowStatus | None) -> None:
    """Set all that is read, not seen: filter, tooltip, and the words for a screen reader."""
    title, facts = item.text(), item.data(FACTS_ROLE)
    words = [status.first, status.second] if status is not None else []
    lines = [title, facts, *series.notes, status.sentence if status is not None else ""]
    item.setData(" ".join((item.data(PLAIN_SEARCH_ROLE), *words)), SEARCH_ROLE)
    item.setToolTip("<br>".join(escape(line) for line in lines if line))
    item.setData(", ".join(word for word in (title, facts, *words) if word), int(Qt.ItemDataRole.AccessibleTextRole))


def series_at(index: QModelIndex) -> Series | None:
    """Return the series of a row, or None for a study's row."""
    series: Series | None = index.data(SERIES_ROLE)
    return series
