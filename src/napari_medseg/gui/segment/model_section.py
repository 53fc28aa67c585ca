"""Image, model and Run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from napari_medseg.gui.parts.choice_box import Choice, ChoiceBox
from napari_medseg.gui.parts.notice import Notice
from napari_medseg.gui.parts.progress_row import ProgressRow
from napari_medseg.gui.parts.section import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

DEVICES = (
    Choice("auto", "Automatic", "A graphics card if there is one, else the processor"),
    Choice("cuda", "Graphics card (CUDA)"),
    Choice("mps", "Apple GPU (MPS)"),
    Choice("cpu", "Processor"),
)


_SPIN_BUTTONS = 60
"""Width in pixels of napari's two buttons in a spin box and what is around them."""


class ModelSection(Section):
    """Chooses image, model, device and box, and runs.

    Signals
    -------
    image_chosen(str), window_chosen(str), model_chosen(str), add_requested(), device_chosen(str), box_toggled(bool),
    depth_changed(float), run_requested(), cancel_requested() :
        What the user asks for; the strings are keys of choices.
    """

    image_chosen = Signal(str)
    window_chosen = Signal(str)
    model_chosen = Signal(str)
    add_requested = Signal()
    device_chosen = Signal(str)
    box_toggled = Signal(bool)
    depth_changed = Signal(float)
    run_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Segment", parent)
        self.image_box = ChoiceBox("Open a scan first", self)
        self.image_box.setAccessibleName("Image")
        self.image_box.chosen.connect(self.image_chosen)
        self.window_box = ChoiceBox("", self)
        self.window_box.setAccessibleName("Window")
        self.window_box.chosen.connect(self.window_chosen)
        self.model_box = ChoiceBox("No models", self)
        self.model_box.setAccessibleName("Model")
        self.model_box.chosen.connect(self.model_chosen)
        self.add_button = QPushButton("Add…", self)
        self.add_button.setAccessibleName("Add model")
        self.add_button.setToolTip("Add a MONAI bundle, an nnU-Net folder, an ONNX network or a model of yours")
        self.add_button.clicked.connect(self.add_requested)
        self.device_box = ChoiceBox("", self)
        self.device_box.setAccessibleName("Device")
        self.device_box.set_choices(DEVICES)
        self.device_box.chosen.connect(self.device_chosen)
        self.about = QLabel(self)
        self.about.setWordWrap(True)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.about.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        self._build_box_row()
        self.run_button = QPushButton("Run", self)
        self.run_button.clicked.connect(self.run_requested)
        self.reason = QLabel(self)
        self.reason.setWordWrap(True)
        self.reason.hide()
        self.progress = ProgressRow(self)
        self.progress.cancel_requested.connect(self.cancel_requested)
        self.notice = Notice(self)
        self._lay_out()

    def _build_box_row(self) -> None:
        self.box_check = QCheckBox("Only inside a box", self)
        self.box_check.setToolTip("Draw a box, and the model looks for its structures nowhere else")
        self.box_check.toggled.connect(self.box_toggled)
        self.depth_label = QLabel("depth", self)
        self.depth_spin = QDoubleSpinBox(self)
        self.depth_spin.setRange(1, 2000)
        self.depth_spin.setDecimals(0)
        self.depth_spin.setSuffix(" mm")
        self.depth_spin.setToolTip("How far the box reaches across the slices, half of it on either side")
        self.depth_spin.setKeyboardTracking(False)
        self.depth_spin.setMinimumWidth(self.fontMetrics().horizontalAdvance("2000 mm") + _SPIN_BUTTONS)
        self.depth_spin.valueChanged.connect(self.depth_changed)
        self.box_text = QLabel(self)
        self.box_text.setWordWrap(True)

    def _lay_out(self) -> None:
        self._form = form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Image", self.image_box)
        form.addRow("Window", self.window_box)
        models = QHBoxLayout()
        models.addWidget(self.model_box, 1)
        models.addWidget(self.add_button)
        form.addRow("Model", models)
        form.addRow("Runs on", self.device_box)
        self.rows.addLayout(form)
        self.rows.addWidget(self.about)
        self.rows.addWidget(self.box_check)
        box = QHBoxLayout()
        box.addWidget(self.box_text, 1)
        box.addWidget(self.depth_label)
        box.addWidget(self.depth_spin)
        self.rows.addLayout(box)
        self.rows.addWidget(self.run_button)
        self.rows.addWidget(self.reason)
        self.rows.addWidget(self.progress)
        self.rows.addWidget(self.notice)
        self.show_box(None, None)
        self.show_windows((), "")

    def show_windows(self, choices: Sequence[Choice], key: str) -> None:
        """List the windows of the image, and which it is in; the row is there only if there are some."""
        self.window_box.blockSignals(True)
        self.window_box.set_choices(choices, key)
        self.window_box.blockSignals(False)
        self._form.setRowVisible(self.window_box, bool(choices))

    def set_models(self, choices: Sequence[Choice], key: str | None = None) -> None:
        """List the models, the fitting ones first."""
        self.model_box.set_choices(choices, key)

    def set_reason(self, reason: str) -> None:
        """Enable Run, or say why it is not."""
        self.run_button.setEnabled(not reason)
        self.run_button.setToolTip(reason)
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason) and self.image_box.isEnabled())

    def set_running(self, running: bool) -> None:
        """Swap Run for the progress row, or back."""
        self.run_button.setVisible(not running)
        choices = (self.image_box, self.model_box, self.add_button, self.device_box, self.box_check, self.depth_spin)
        for widget in choices:
            widget.setDisabled(running)
        if running:
            self.progress.begin("Starting …")
        else:
            self.progress.end()
            self.image_box.setEnabled(bool(self.image_box.key))
            self.model_box.setEnabled(bool(self.model_box.key))

    def show_box(self, text: str | None, depth_mm: float | None) -> None:
        """Show the box in words; None for no box. `depth_mm` is None where a box has no depth."""
        self.box_check.blockSignals(True)
        self.box_check.setChecked(text is not None)
        self.box_check.blockSignals(False)
        self.box_text.setText(text or "")
        self.box_text.setVisible(bool(text))
        for widget in (self.depth_label, self.depth_spin):
            widget.setVisible(depth_mm is not None)
        if depth_mm is not None:
            self.depth_spin.blockSignals(True)
            self.depth_spin.setValue(depth_mm)
            self.depth_spin.blockSignals(False)
