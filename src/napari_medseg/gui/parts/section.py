"""A titled part of a panel."""

from __future__ import annotations

from qtpy.QtWidgets import QGroupBox, QVBoxLayout, QWidget


class Section(QGroupBox):
    """A frame with a title, whose parts stand below each other."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self.rows = QVBoxLayout(self)
        self.rows.setContentsMargins(8, 10, 8, 8)
        self.rows.setSpacing(6)
