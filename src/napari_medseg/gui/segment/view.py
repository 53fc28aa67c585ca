"""What the Segment panel looks like: sections in the order of the work."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_medseg.gui.click.section import ClickSection
from napari_medseg.gui.segment.findings_section import FindingsSection
from napari_medseg.gui.segment.labels_section import LabelsSection
from napari_medseg.gui.segment.model_section import ModelSection
from napari_medseg.gui.segment.save_section import SaveSection


class _Column(QScrollArea):
    """Scrolls up and down, and is never so narrow that its content would be cut off beside the scroll bar."""

    def __init__(self, inside: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)  # which makes this the event filter of `inside`

    def minimumSizeHint(self) -> QSize:
        """As wide as the content needs, with the scroll bar."""
        inside, bar = self.widget(), self.verticalScrollBar()
        if inside is None or bar is None:
            return super().minimumSizeHint()
        return QSize(inside.minimumSizeHint().width() + bar.sizeHint().width(), 120)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Hear of content that became wider."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


class SegmentView(QWidget):
    """Segment, correct, save; scrolls where the window is low."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ModelSection(self)
        self.click = ClickSection(self)
        self.labels = LabelsSection(self)
        self.findings = FindingsSection(self)
        self.save = SaveSection(self)
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.model)
        column.addWidget(self.click)
        column.addWidget(self.labels)
        column.addWidget(self.findings)
        column.addWidget(self.save)
        column.addStretch(1)
        scroll = _Column(inside, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 4)
        layout.addWidget(scroll)

    def sizeHint(self) -> QSize:
        """Wide enough for the usual names."""
        return QSize(320, 640)
