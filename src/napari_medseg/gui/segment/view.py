"""What the Segment panel looks like: three sections in the order of the work."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_medseg.gui.segment.labels_section import LabelsSection
from napari_medseg.gui.segment.model_section import ModelSection
from napari_medseg.gui.segment.save_section import SaveSection


class SegmentView(QWidget):
    """Segment, correct, save; scrolls where the window is low."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ModelSection(self)
        self.labels = LabelsSection(self)
        self.save = SaveSection(self)
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.model)
        column.addWidget(self.labels)
        column.addWidget(self.save)
        column.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 4)
        layout.addWidget(scroll)

    def sizeHint(self) -> QSize:
        """Wide enough for the usual names."""
        return QSize(320, 640)
