"""What the lists of segments and of findings share: how they are chosen from and edited, and the swatch of a colour."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QFrame, QTableView

_SWATCH = 14


def dress_as_list(table: QTableView) -> None:
    """Let one whole row be chosen at a time, and names be edited by a double click."""
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
    table.setFrameShape(QFrame.Shape.NoFrame)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)


def swatch(colour: str) -> QIcon:
    """Return a square of a colour ("#rrggbb"), the same in a selected row."""
    square = QPixmap(_SWATCH, _SWATCH)
    square.fill(QColor(colour))
    icon = QIcon(square)
    icon.addPixmap(square, QIcon.Mode.Selected)  # a selected row must not tint the colour
    return icon
