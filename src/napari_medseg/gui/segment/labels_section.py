"""Labels to correct: which layer, its segments and their volumes."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from napari_medseg.gui.parts.choice_box import ChoiceBox
from napari_medseg.gui.parts.section import Section
from napari_medseg.gui.segment.segment_table import SegmentTable

_NO_LABELS = "Run a model, or make a labels layer and paint."


class LabelsSection(Section):
    """Chooses a labels layer and lists its segments.

    Signals
    -------
    labels_chosen(str), add_requested() :
        What the user asks for; the table has signals of its own.
    """

    labels_chosen = Signal(str)
    add_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Correct", parent)
        self.labels_box = ChoiceBox("No labels yet", self)
        self.labels_box.setAccessibleName("Labels")
        self.labels_box.chosen.connect(self.labels_chosen)
        self.table = SegmentTable(self)
        self.hint = QLabel(_NO_LABELS, self)
        self.hint.setWordWrap(True)
        self.add_button = QPushButton("New segment", self)
        self.add_button.clicked.connect(self.add_requested)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Labels", self.labels_box)
        buttons = QHBoxLayout()
        buttons.addWidget(self.hint, 1)
        buttons.addWidget(self.add_button)
        self.rows.addLayout(form)
        self.rows.addWidget(self.table, 1)
        self.rows.addLayout(buttons)

    def set_state(self, *, has_labels: bool, has_image: bool) -> None:
        """Show what can be done now, and why not."""
        self.table.setVisible(has_labels)
        self.hint.setText("" if has_labels else _NO_LABELS)
        self.add_button.setText("New segment" if has_labels else "New labels")
        self.add_button.setEnabled(has_labels or has_image)
        self.add_button.setToolTip(
            "Add a segment and paint it"
            if has_labels
            else "Make an empty labels layer on the image and paint"
            if has_image
            else "Open a scan first"
        )
