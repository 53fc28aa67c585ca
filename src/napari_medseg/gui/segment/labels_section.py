"""Labels to correct: which layer, its segments and their volumes."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from napari_medseg.gui.parts.choice_box import ChoiceBox
from napari_medseg.gui.parts.notice import Notice
from napari_medseg.gui.parts.section import Section
from napari_medseg.gui.segment.segment_table import SegmentTable

_NO_LABELS = "Run a model, or make a labels layer and paint."


class LabelsSection(Section):
    """Chooses a labels layer and lists its segments.

    Signals
    -------
    labels_chosen(str), add_requested(), open_requested(Path) :
        What the user asks for; the table has signals of its own.
    """

    labels_chosen = Signal(str)
    add_requested = Signal()
    open_requested = Signal(Path)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Correct", parent)
        self.folder = ""
        self.labels_box = ChoiceBox("No labels yet", self)
        self.labels_box.setAccessibleName("Labels")
        self.labels_box.chosen.connect(self.labels_chosen)
        self.table = SegmentTable(self)
        self.hint = QLabel(_NO_LABELS, self)
        self.hint.setWordWrap(True)
        self.add_button = QPushButton("New segment", self)
        self.add_button.clicked.connect(self.add_requested)
        self.open_button = QPushButton("Open findings…", self)
        self.open_button.setToolTip("Show the findings that a file (COCO .json or RSNA .csv) tells of this image")
        self.open_button.clicked.connect(self._choose_findings)
        self.notice = Notice(self)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Labels", self.labels_box)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.open_button)
        buttons.addWidget(self.add_button)
        self.rows.addLayout(form)
        self.rows.addWidget(self.table, 1)
        self.rows.addWidget(self.hint)
        self.rows.addLayout(buttons)
        self.rows.addWidget(self.notice)

    def set_state(
        self, *, has_labels: bool, has_image: bool, has_findings: bool = False, can_open: bool = False
    ) -> None:
        """Show what can be done now, and why not; findings are listed in a section of their own."""
        self.table.setVisible(has_labels and not has_findings)
        self.add_button.setVisible(not has_findings)
        self.open_button.setVisible(can_open)
        self.hint.setText("" if has_labels else _NO_LABELS)
        self.hint.setVisible(not has_labels)
        self.add_button.setText("New segment" if has_labels else "New labels")
        self.add_button.setEnabled(has_labels or has_image)
        self.add_button.setToolTip(
            "Add a segment and paint it"
            if has_labels
            else "Make an empty labels layer on the image and paint"
            if has_image
            else "Open a scan first"
        )

    def _choose_findings(self) -> None:
        kinds = "Findings (*.json *.csv);;COCO (*.json);;RSNA (*.csv)"
        chosen, _ = QFileDialog.getOpenFileName(self, "Open findings", self.folder, kinds)
        if chosen:
            self.folder = str(Path(chosen).parent)
            self.open_requested.emit(Path(chosen))
