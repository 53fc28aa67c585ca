"""Draws a series as thumbnail, name and facts, in two lines that fit a narrow dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QModelIndex, QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from napari_medseg.gui.studies.model import FACTS_ROLE, STATUS_ROLE, THUMBNAIL_ROLE, WARNING_ROLE, series_at
from napari_medseg.gui.studies.status import RowStatus

if TYPE_CHECKING:
    from qtpy.QtCore import QPersistentModelIndex
    from qtpy.QtGui import QPainter

_THUMBNAIL = 44
_GAP = 8
_QUIET = 0.65
"""Opacity of what is said beside the main thing."""

_BAD_COLOUR = QColor("#e0604c")
"""Legible on napari's dark theme and on its light one."""


class SeriesDelegate(QStyledItemDelegate):
    """Two lines for each row: what it is, and its facts. Asks for thumbnails as rows come into sight."""

    thumbnail_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._asked: set[int] = set()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Two lines of text; a series is at least as high as its thumbnail."""
        two_lines = bool(index.data(FACTS_ROLE))
        height = option.fontMetrics.height() * (2 if two_lines else 1) + _GAP
        if series_at(_plain(index)) is not None:
            height = max(height, _THUMBNAIL + _GAP)
        return QSize(160, height)

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw the row."""
        if painter is None:
            return
        row = QStyleOptionViewItem(option)
        self.initStyleOption(row, _plain(index))
        style = row.widget.style() if row.widget is not None else QApplication.style()
        if style is None:
            return
        painter.save()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, row, painter, row.widget)
        area = row.rect.adjusted(2, 2, -_GAP, -2)
        series = series_at(_plain(index))
        if series is not None:
            self._draw_thumbnail(painter, area, index)
            if index.data(WARNING_ROLE):
                self._draw_warning(painter, area, style)
            area.setLeft(area.left() + _THUMBNAIL + _GAP)
            status = index.data(STATUS_ROLE)
            if isinstance(status, RowStatus):
                area.setRight(area.right() - self._draw_status(painter, area, row, status) - _GAP)
        self._draw_lines(painter, area, row, _plain(index), bold=not index.parent().isValid())
        painter.restore()

    def _draw_thumbnail(self, painter: QPainter, area: QRect, index: QModelIndex | QPersistentModelIndex) -> None:
        frame = QRect(area.left(), area.center().y() - _THUMBNAIL // 2 + 1, _THUMBNAIL, _THUMBNAIL)
        painter.fillRect(frame, Qt.GlobalColor.black)
        pixmap = index.data(THUMBNAIL_ROLE)
        series = series_at(_plain(index))
        if isinstance(pixmap, QPixmap):
            size = pixmap.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(frame.topLeft(), size)
            target.moveCenter(frame.center())
            painter.setRenderHint(painter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(target, pixmap)
        elif series is not None and id(series) not in self._asked:
            self._asked.add(id(series))
            self.thumbnail_wanted.emit(series)

    def forget_thumbnails(self) -> None:
        """Ask again for every thumbnail that is not there."""
        self._asked.clear()

    def _draw_warning(self, painter: QPainter, area: QRect, style: QStyle) -> None:
        """Put the sign into the corner of the thumbnail, where it takes no room from the words."""
        size = painter.fontMetrics().height()
        icon = style.standardIcon(QStyle.StandardPixmap.SP_MessageBoxWarning)
        bottom = area.center().y() + _THUMBNAIL // 2 + 1
        icon.paint(painter, QRect(area.left() + _THUMBNAIL - size, bottom - size, size, size))

    def _draw_status(self, painter: QPainter, area: QRect, row: QStyleOptionViewItem, status: RowStatus) -> int:
        """Draw two short lines at the right; return their width."""
        font = painter.font() if row.widget is None else row.font
        line, width = 0, 0
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for place, text in enumerate((status.first, status.second)):
            font.setBold(place == 0 and status.tone in ("strong", "bad"))
            painter.setFont(font)
            colour = QColor(row.palette.color(row.palette.ColorRole.Text))
            if place == 0 and status.tone == "bad":
                colour = _BAD_COLOUR
            elif place == 1 or status.tone == "quiet":
                colour.setAlphaF(_QUIET)
            painter.setPen(colour)
            line = painter.fontMetrics().height()
            top = area.center().y() - (line if status.second else line // 2) + 1
            painter.drawText(QRect(area.left(), top + place * line, area.width(), line), right, text)
            width = max(width, painter.fontMetrics().horizontalAdvance(text))
        font.setBold(False)
        return width

    def _draw_lines(
        self, painter: QPainter, area: QRect, row: QStyleOptionViewItem, index: QModelIndex, *, bold: bool
    ) -> None:
        facts = index.data(FACTS_ROLE) or ""
        font = painter.font() if row.widget is None else row.font
        font.setBold(bold)
        painter.setFont(font)
        line = painter.fontMetrics().height()
        top = area.center().y() - (line if facts else line // 2) + 1
        colour = row.palette.color(row.palette.ColorRole.Text)
        for place, text in enumerate((index.data(Qt.ItemDataRole.DisplayRole), facts)):
            if place == 1:
                font.setBold(False)
                painter.setFont(font)
                colour.setAlphaF(_QUIET)
            painter.setPen(colour)
            # names of files differ at their ends
            mode = Qt.TextElideMode.ElideRight if place else Qt.TextElideMode.ElideMiddle
            short = painter.fontMetrics().elidedText(text or "", mode, area.width())
            flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            painter.drawText(QRect(area.left(), top + place * line, area.width(), line), flags, short)


def _plain(index: QModelIndex | QPersistentModelIndex) -> QModelIndex:
    return index if isinstance(index, QModelIndex) else QModelIndex(index)
