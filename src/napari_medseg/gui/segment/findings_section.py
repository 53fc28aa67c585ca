"""Findings to look through: a score slider, a list, and what to do with each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QSlider, QWidget

from napari_medseg.gui.parts.section import Section
from napari_medseg.gui.segment.findings_table import FindingRow, FindingsTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_medseg.measure.size import SizeUnit

_STEPS = 100
_NOTHING = "No findings. If you see one, draw a box around it."
_TEXTS = {
    "previous": ("Previous", "Go to the finding before this one"),
    "next": ("Next", "Go to the finding after this one"),
    "accept": ("Accept", "Keep this finding, whatever its score"),
    "reject": ("Reject", "Hide this finding and leave it out of what is saved"),
    "undo": ("Undo", "Take back the last Accept or Reject"),
    "draw": ("Draw", "Drag a box over the image: a new finding is the ellipse in it"),
    "delete": ("Delete", "Remove the pixels of this finding; Ctrl+Z brings them back"),
}


class FindingsSection(Section):
    """Shows the findings of a labels layer.

    Signals
    -------
    score_changed(float), requested(str) :
        What the user asks for; the string is "previous", "next", "accept", "reject", "undo", "draw" or "delete". The
        table has signals of its own.
    """

    score_changed = Signal(float)
    requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Findings", parent)
        self._build_slider()
        self.count = QLabel(self)
        self.table = FindingsTable(self)
        self.empty = QLabel(_NOTHING, self)
        self.empty.setWordWrap(True)
        self.shares = QLabel(self)
        self.shares.setWordWrap(True)
        self.shares.setToolTip("How much of each lung the findings shown cover")
        self.shares.hide()
        self.spacing = QLabel("Pixel spacing unknown: sizes in pixels", self)
        self.spacing.setWordWrap(True)
        self.buttons = {action: QPushButton(text, self) for action, (text, _) in _TEXTS.items()}
        for action, button in self.buttons.items():
            button.setToolTip(_TEXTS[action][1])
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _=False, action=action: self.requested.emit(action))
        self._lay_out()

    def _build_slider(self) -> None:
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(0, _STEPS)
        self.slider.setPageStep(10)
        self.slider.setAccessibleName("Lowest score shown")
        self.slider.setToolTip(
            "Findings of the model are shown from this score on; those that you accept, draw or correct always are"
        )
        self.slider_value = QLabel("0.00", self)
        self.slider_value.setMinimumWidth(self.fontMetrics().horizontalAdvance("0.00") + 4)
        self.slider_value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.slider.valueChanged.connect(self._moved)

    def _lay_out(self) -> None:
        score = QHBoxLayout()
        score.addWidget(QLabel("Score from", self))
        score.addWidget(self.slider, 1)
        score.addWidget(self.slider_value)
        head = QHBoxLayout()
        head.addWidget(self.count, 1)
        head.addWidget(self.buttons["delete"])
        self.buttons["delete"].setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        grid = QGridLayout()
        grid.setSpacing(4)
        for place, action in enumerate(("previous", "next", "draw", "accept", "reject", "undo")):
            grid.addWidget(self.buttons[action], place // 3, place % 3)
        self.rows.addLayout(score)
        self.rows.addWidget(self.table)
        self.rows.addWidget(self.empty)
        self.rows.addLayout(head)
        self.rows.addLayout(grid)
        self.rows.addWidget(self.spacing)
        self.rows.addWidget(self.shares)

    def set_keys(self, keys: Mapping[str, str]) -> None:
        """Tell the keys of the actions: short ones on the buttons, all of them in the tooltips."""
        for action, key in keys.items():
            text, tip = _TEXTS[action]
            self.buttons[action].setToolTip(f"{tip} ({key})")
            if len(key) == 1:
                self.buttons[action].setText(f"{text} ({key})")

    def show_score(self, score: float) -> None:
        """Put the slider somewhere, without announcing it."""
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round(score * _STEPS))
        self.slider.blockSignals(blocked)
        self.slider_value.setText(f"{score:.2f}")

    def show_findings(self, rows: Sequence[FindingRow], unit: SizeUnit, current: int | None) -> None:
        """List findings, and select the one in hand."""
        self.table.set_rows(rows, unit)
        self.table.select_label(current)
        n_shown = sum(row.shown for row in rows)
        self.count.setText(f"{n_shown} of {len(rows)} {'finding' if len(rows) == 1 else 'findings'} shown")
        for widget in (self.count, self.table, self.buttons["delete"]):
            widget.setVisible(bool(rows))
        self.empty.setVisible(not rows)
        self.spacing.setVisible(bool(rows) and unit == "pixels" and any(row.size is not None for row in rows))
        self.slider.setEnabled(any(row.score is not None for row in rows))

    def set_enabled(self, actions: Mapping[str, bool]) -> None:
        """Enable what can be done now."""
        for action, enabled in actions.items():
            self.buttons[action].setEnabled(enabled)

    def show_shares(self, text: str) -> None:
        """Show how much of the lungs is covered; nothing where no lungs are known."""
        self.shares.setText(text)
        self.shares.setVisible(bool(text))

    def _moved(self, step: int) -> None:
        self.slider_value.setText(f"{step / _STEPS:.2f}")
        self.score_changed.emit(step / _STEPS)
